"""Whatever may be asked and whatever viewers may have done: an answer, or the refusal of a genre that is not there."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marquee.data.events import EventStore
from marquee.errors import RequestError
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.tables import KINDS_OF_EVENT
from tests.model.conftest import GENRES
from tests.serve.conftest import ALL, KNOWN, NOW, STRANGER, an_event

SOME = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])

title_ids = st.integers(1, ALL) | st.integers(1, 2**63 - 1)
user_ids = st.sampled_from([KNOWN, 2, STRANGER, 2**63 - 1])
# From 1990 to 2099, and from 2020 until now.
moments = st.integers(631_152_000, 4_102_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
lately = st.integers(1_577_836_800, int(NOW.timestamp())).map(lambda second: datetime.fromtimestamp(second, UTC))
years = st.none() | st.integers(1800, 2200)
genres = st.lists(st.sampled_from(GENRES) | st.text("abc", min_size=1), max_size=3)
filters = st.fixed_dictionaries(
    {},
    optional={
        "genres": genres,
        "first_year": years,
        "kind": st.sampled_from(["movie", "series", None]),
        "age": st.none() | st.integers(0, 150),
    },
)
wishes = st.fixed_dictionaries(
    {"user_id": user_ids},
    optional={
        "k": st.integers(0, 20) | st.just(1000),
        "filters": filters,
        "diversity": st.none() | st.floats(0, 1),
        "exclude": st.lists(title_ids, max_size=5),
        "at": st.none() | moments,
    },
)
shelves = st.sampled_from([None, *s.Shelf.__args__])  # type: ignore[attr-defined]


@SOME
@given(wishes, shelves, st.booleans())
def test_any_list_that_may_be_asked_for_is_answered(
    answers: Answers, wish: dict[str, Any], shelf: str | None, explain: bool
) -> None:
    request = s.RecommendRequest.model_validate({**wish, "shelf": shelf, "explain": explain and wish.get("k", 10) < 20})
    known = set(request.filters.genres) <= set(GENRES)
    if not known:
        with pytest.raises(RequestError, match="no title is of genre"):
            answers.recommend(request, NOW)
        return
    reply = answers.recommend(request, NOW)
    titles = [title.title_id for title in reply.titles]
    assert len(titles) == len(set(titles)) <= request.k
    assert set(titles).isdisjoint(request.exclude)
    s.ListReply.model_validate_json(reply.model_dump_json())
    page = answers.shelves(s.ShelvesRequest.model_validate(wish), NOW)
    on_page = [title.title_id for one in page.shelves for title in one.titles]
    assert len(on_page) == len(set(on_page))


@st.composite
def deeds(draw: st.DrawFn) -> dict[str, object]:
    kind = draw(st.sampled_from(KINDS_OF_EVENT))
    value = {"rated": draw(st.sampled_from([0.5, 2.5, 5.0])), "watch_progress": 0.3}.get(kind)
    detail = draw(st.sampled_from(["{", "[]", '{"age_group": 7}', '{"age_group": "56+", "region": "Mars"}']))
    event_id = draw(st.uuids()).hex
    at = draw(lately).isoformat()
    return an_event(event_id, kind, draw(title_ids), value=value, detail=detail, happened_at=at)


@SOME
@given(st.lists(deeds(), max_size=30))
def test_whatever_a_viewer_did_there_is_a_list_a_page_and_a_profile(
    answers: Answers, store: EventStore, told: list[dict[str, object]]
) -> None:
    store.forget(STRANGER, datetime(2019, 1, 1, tzinfo=UTC))
    answers.events(s.EventsRequest(events=(an_event("first", "saved"), *told)), NOW)
    viewer = answers.viewer(STRANGER, NOW)
    hidden = {title.title_id for title in viewer.recent if title.rating is not None}
    reply = answers.recommend(s.RecommendRequest(user_id=STRANGER, k=1000), NOW)
    assert hidden.isdisjoint(title.title_id for title in reply.titles)
    assert answers.shelves(s.ShelvesRequest(user_id=STRANGER), NOW).shelves
    answers.stars(s.StarsRequest(user_id=STRANGER, title_ids=(1, 2)), NOW)
    answers.export(STRANGER, NOW)


@SOME
@given(st.text(max_size=60), user_ids)
def test_any_text_may_be_searched_for(answers: Answers, query: str, user_id: int) -> None:
    asked = s.SearchRequest(query=query.replace("\0", ""), user_id=user_id)
    assert answers.search(asked, NOW).query == asked.query
