"""A viewer's own things: what they wish of their lists, what they did and take back, what they save and bring along."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from marquee.data.events import EventStore
from marquee.errors import NotFoundError, RequestError
from marquee.model.histories import ATTRIBUTES
from marquee.model.titles import Titles
from marquee.params import Params
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.answers.bringing import Brought
from marquee.serve.served import Served
from marquee.serve.shown import Shown
from tests.serve.conftest import ALL, BARE, KNOWN, NOW, STRANGER, an_event, do, seen_by
from tests.serve.test_lists import Away

LIKED = tuple(range(81, 86))  # Westerns
CHECKED = 7  # titles of a list before the slot that explores
RATINGS = b"""Date,Name,Year,Letterboxd URI,Rating
2026-01-06,Westerns 3,1963,https://boxd.it/a,4.5
2026-01-06,Westerns 5,1965,https://boxd.it/b,4
2026-01-07,No such film anywhere,1999,https://boxd.it/c,3
"""


def wish(answers: Answers, user_id: int = STRANGER, **profile: object) -> s.Profile:
    return answers.tell(user_id, s.Profile.model_validate(profile), NOW).profile


def like(store: EventStore, *titles: int) -> None:
    do(store, *(an_event(f"like-{title}", "liked", title) for title in titles))


def top(answers: Answers, user_id: int = STRANGER, k: int = CHECKED, **more: object) -> tuple[s.ListedTitle, ...]:
    return answers.recommend(s.RecommendRequest.model_validate({"user_id": user_id, "k": k, **more}), NOW).titles


def of_genre(titles: tuple[s.ListedTitle, ...], genre: str) -> int:
    return sum(genre in title.genres for title in titles)


def test_a_profile_is_what_was_told_last(answers: Answers) -> None:
    assert wish(answers, name="Ada", age_group="25-34", less=[{"kind": "genre", "name": "Crime"}]).name == "Ada"
    assert wish(answers, age_group="35-44") == s.Profile(age_group="35-44")
    assert answers.profile(STRANGER).profile.less == ()


def test_what_is_told_later_counts_however_far_ahead_a_clock_was(answers: Answers, store: EventStore) -> None:
    ahead = (NOW + timedelta(minutes=4)).isoformat()
    do(store, an_event("ahead", "signed_up", None, detail='{"name": "Eve"}', happened_at=ahead))
    do(store, *(an_event(f"then {n}", "liked", happened_at=ahead) for n in range(20)))
    assert wish(answers, name="Ada").name == "Ada"
    assert wish(answers, name="Bob").name == "Bob"
    assert answers.profile(STRANGER).profile.name == "Bob"


def test_a_profile_of_all_that_it_may_hold_can_be_kept(answers: Answers) -> None:
    less = [{"kind": "person", "name": f"{n:02}" + "é" * 62} for n in range(12)]
    full: dict[str, Any] = {"name": "é" * 40, "region": "é" * 64, "age": 150, "diversity": 0.123456789, "less": less}
    assert wish(answers, **full, age_group="under 18", gender="female") == answers.profile(STRANGER).profile


@pytest.mark.parametrize("detail", ["{", "[]", '{"age": "x", "less": 7, "name": "Ada"}', '{"less": [{"kind": "no"}]}'])
def test_of_a_profile_that_makes_no_sense_counts_what_does(answers: Answers, store: EventStore, detail: str) -> None:
    do(store, an_event("odd", "signed_up", None, detail=detail))
    assert answers.profile(STRANGER).profile in (s.Profile(), s.Profile(name="Ada"))
    assert len(top(answers)) == CHECKED


def test_a_profile_that_no_reader_gets_to_the_end_of_is_none(
    answers: Answers, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = an_event("deep", "signed_up", None, detail="[" * 2_000)
    with monkeypatch.context() as taken_before:
        taken_before.setattr("marquee.data.events.validity._is_too_deep", lambda _: False)
        do(store, deep)
    assert answers.profile(STRANGER).profile == s.Profile()
    assert len(top(answers)) == CHECKED


def test_less_of_a_taste_leaves_less_of_it_in_lists_and_nothing_behind(answers: Answers, store: EventStore) -> None:
    like(store, *LIKED)
    before = top(answers)
    assert of_genre(before, "Westerns") >= 5
    wish(answers, less=[{"kind": "genre", "name": "Westerns"}])
    assert of_genre(top(answers), "Westerns") < of_genre(before, "Westerns") / 2
    page = answers.shelves(s.ShelvesRequest(user_id=STRANGER), NOW)
    assert not any(shelf.heading == "Popular in Westerns" for shelf in page.shelves)
    wish(answers)
    assert top(answers) == before


def test_less_of_a_person_and_of_a_decade_is_less_of_them(answers: Answers, store: EventStore) -> None:
    like(store, *LIKED)
    first = top(answers)[0]
    actor = f"Actor {(first.title_id - 1) // 2}"
    assert first.year is not None
    for less in ({"kind": "person", "name": actor}, {"kind": "decade", "name": str(first.year // 10 * 10)}):
        wish(answers, less=[less])
        assert top(answers)[0].title_id != first.title_id
    wish(answers, less=[{"kind": "person", "name": "nobody"}, {"kind": "decade", "name": "x²"}])
    assert top(answers)[0] == first


def test_a_ceiling_holds_for_lists_search_and_what_is_alike(answers: Answers, store: EventStore) -> None:
    like(store, *LIKED)
    wish(answers, age=0)
    page = answers.shelves(s.ShelvesRequest(user_id=STRANGER), NOW)
    found = answers.search(s.SearchRequest(query="Crime", user_id=STRANGER), NOW).titles
    alike = answers.similar(s.SimilarRequest(title_id=81, user_id=STRANGER), NOW).titles
    marks = {title.maturity for titles in (*(shelf.titles for shelf in page.shelves), found, alike) for title in titles}
    assert marks == {"G"}


def test_titles_that_are_held_to_regions_are_told_of_there_alone(
    served: Served, store: EventStore, shown: Shown
) -> None:
    answers, held = Answers(lambda: in_regions(served, "NZ", range(81, 91)), store, shown), set(range(81, 91))
    like(store, *range(91, 96))
    assert not any(told & held for told in everywhere_told(answers))
    assert all(told & held for told in everywhere_told(answers, region="NZ"))
    wish(answers, region="NZ")
    assert all(told & held for told in everywhere_told(answers))
    assert not any(told & held for told in everywhere_told(answers, region="Atlantis"))
    assert not held & {title.title_id for title in answers.start(anybody=False).titles}


def test_where_a_viewer_of_the_training_lives_is_known_from_it(served: Served, store: EventStore, shown: Shown) -> None:
    here = in_regions(served, "NZ", range(81, 121))
    model = here.recommender
    homes = model.histories.attributes.copy()
    homes[model.histories.user_ids == KNOWN, ATTRIBUTES.index("region")] = 0
    known = replace(model, histories=replace(model.histories, attributes=homes), regions=("NZ",))
    answers = Answers(lambda: replace(here, recommender=known), store, shown)
    listed = {user_id: {title.title_id for title in top(answers, user_id, k=ALL)} for user_id in (KNOWN, KNOWN + 1)}
    assert listed[KNOWN] & set(range(81, 121))
    assert not listed[KNOWN + 1] & set(range(81, 121))


def in_regions(served: Served, region: str, title_ids: Iterable[int]) -> Served:
    """The same with some titles that may be shown in a region alone."""
    model, frame = served.recommender, served.titles.frame
    of = pl.when(pl.col("title_id").is_in(list(title_ids))).then(pl.lit([region])).otherwise(pl.col("regions"))
    retriever = replace(model.retriever, titles=Titles(frame.with_columns(regions=of)))
    return replace(served, recommender=replace(model, retriever=retriever))


def everywhere_told(answers: Answers, **filters: object) -> list[set[int]]:
    """Titles of shelves, of a list, of a search and of what is alike."""
    told = {"user_id": STRANGER, "k": 100, "filters": filters}
    page = answers.shelves(s.ShelvesRequest.model_validate(told), NOW)
    every = (
        tuple(title for shelf in page.shelves for title in shelf.titles),
        answers.recommend(s.RecommendRequest.model_validate(told), NOW).titles,
        answers.search(s.SearchRequest.model_validate({**told, "query": "Westerns"}), NOW).titles,
        answers.similar(s.SimilarRequest.model_validate({**told, "title_id": 81}), NOW).titles,
    )
    assert all(every), "each of them has something to tell"
    return [{title.title_id for title in titles} for titles in every]


def test_a_ceiling_holds_while_the_store_is_away(served: Served, store: EventStore, shown: Shown) -> None:
    alone = Answers(lambda: served, store, shown)
    wish(alone, KNOWN, age=0)
    assert alone.profile(KNOWN).profile.age == 0
    alone._viewers._store = Away()  # type: ignore[assignment]
    reply = alone.recommend(s.RecommendRequest(user_id=KNOWN), NOW)
    assert reply.degraded
    assert {title.maturity for title in reply.titles} == {"G"}


def test_the_dial_of_a_profile_holds_where_a_request_names_none(answers: Answers, store: EventStore) -> None:
    like(store, *LIKED)
    wish(answers, diversity=1.0)
    assert top(answers) == top(answers, diversity=1.0)
    assert top(answers) != top(answers, diversity=0.0)


def test_a_history_has_events_and_ratings_of_the_training_the_newest_first(
    answers: Answers, store: EventStore, served: Served
) -> None:
    do(store, an_event("new", "liked", 81, user_id=KNOWN))
    told = answers.history(KNOWN, 0, 200)
    assert (told.entries[0].event_id, told.entries[0].kind, told.more) == ("new", "liked", 0)
    assert {entry.title.title_id for entry in told.entries[1:] if entry.title} == seen_by(served.recommender, KNOWN)
    assert {entry.event_id for entry in told.entries[1:]} == {None}
    assert [entry.at for entry in told.entries] == sorted((entry.at for entry in told.entries), reverse=True)
    assert answers.history(KNOWN, 1, 3).entries == told.entries[1:4]
    assert answers.history(KNOWN, 0, 1).more == len(told.entries) - 1


def test_what_is_undone_never_was(answers: Answers, store: EventStore) -> None:
    like(store, *LIKED)
    before = top(answers)
    do(store, an_event("end", "watch_finished", before[0].title_id))
    assert before[0].title_id not in [title.title_id for title in top(answers)]
    assert answers.undo(STRANGER, s.UndoRequest(event_ids=("end", "another"))).undone == 1
    assert top(answers) == before


def test_what_is_saved_is_there_until_it_is_seen(answers: Answers, store: EventStore) -> None:
    do(store, an_event("one", "saved", 81), an_event("two", "saved", 82), an_event("again", "saved", 81))
    titles = answers.saved(STRANGER, NOW).titles
    assert [(title.title_id, title.event_ids) for title in titles] == [(82, ("two",)), (81, ("one", "again"))]
    do(store, an_event("end", "watch_finished", 82, happened_at=(NOW - timedelta(minutes=1)).isoformat()))
    assert [title.title_id for title in answers.saved(STRANGER, NOW).titles] == [81]


def test_a_title_tells_why_it_would_be_listed_and_what_was_said_of_it(answers: Answers, store: EventStore) -> None:
    like(store, *LIKED)
    first = top(answers)[0]
    told = answers.own_title(STRANGER, first.title_id, NOW)
    assert (told.hidden, told.rating, told.said) == (False, None, ())
    assert told.stars == pytest.approx(first.stars)
    assert told.reason is not None
    assert {carrier.title_id for carrier in told.reason.carriers} <= set(LIKED)
    do(store, an_event("later", "saved", first.title_id))
    assert answers.own_title(STRANGER, first.title_id, NOW).reason == told.reason
    do(store, an_event("stars", "rated", first.title_id, value=4.5))
    told = answers.own_title(STRANGER, first.title_id, NOW)
    assert (told.hidden, told.rating, told.reason) == (True, 4.5, None)
    assert [said.event_id for said in told.said] == ["later", "stars"]
    with pytest.raises(NotFoundError):
        answers.own_title(STRANGER, ALL + 100, NOW)


def test_of_whom_nothing_is_known_there_is_everything_all_the_same(answers: Answers) -> None:
    assert answers.taste(STRANGER).titles == 0
    assert answers.history(STRANGER, 0, 10).entries == ()
    assert answers.saved(STRANGER, NOW).titles == ()
    assert answers.own_title(STRANGER, BARE, NOW).reason is not None


def test_tastes_count_what_was_wanted(answers: Answers, store: EventStore) -> None:
    like(store, *LIKED)
    do(store, an_event("no", "disliked", 1), an_event("stars", "rated", 90, value=4.5))
    told = answers.taste(STRANGER)
    assert [(taste.name, taste.count) for taste in told.genres] == [("Westerns", 6)]
    assert told.genres[0].lift is not None
    assert told.genres[0].lift > 2
    assert [(taste.name, taste.count) for taste in told.decades] == [("1960", 6)]
    assert {taste.name: taste.count for taste in told.people} == {
        f"{who} {n}": 2 for who in ("Actor", "Actress") for n in (40, 41)
    }
    assert [(rating.of, rating.count) for rating in told.ratings] == [("4.5", 1)]
    assert [(month.of, month.count) for month in told.months] == [("2026-03", 7)]


def test_to_begin_with_there_are_well_known_titles_of_every_genre(answers: Answers, served: Served) -> None:
    told = answers.start(anybody=True)
    assert {genre for title in told.titles for genre in title.genres} == set(served.titles.genre_names)
    assert len({title.title_id for title in told.titles}) == len(told.titles) >= 24
    assert len(told.viewers) == 12
    assert answers.start(anybody=False).viewers == ()


def bring(answers: Answers, params: Params, *, store: bool = False, **confirmed: int) -> s.BroughtReply:
    return answers.bring(Brought(STRANGER, RATINGS, None, confirmed, store), params, NOW)


def test_a_history_from_elsewhere_is_told_of_before_it_counts_and_counts_once(
    answers: Answers, params: Params, store: EventStore
) -> None:
    told = bring(answers, params)
    assert (told.format, told.rows, told.matched, told.events, told.accepted) == ("Letterboxd ratings", 3, 2, 2, 0)
    assert [title.label for title in (*told.doubtful, *told.unmatched)] == ["No such film anywhere (1999)"]
    assert {said.title.name for said in told.found if said.title} == {"Westerns 3", "Westerns 5"}
    assert store.history(STRANGER, 10) == ()
    kept = bring(answers, params, store=True)
    assert (kept.accepted, len(kept.event_ids)) == (2, 2)
    assert bring(answers, params, store=True).duplicates == 2
    assert answers.undo(STRANGER, s.UndoRequest(event_ids=kept.event_ids)).undone == 2
    assert bring(answers, params, store=True).accepted == 2


def test_a_file_that_is_no_history_is_refused_with_what_would_be_one(answers: Answers, params: Params) -> None:
    with pytest.raises(RequestError, match="no history that is known"):
        answers.bring(Brought(STRANGER, b"a,b\n1,2\n", None, {}, False), params, NOW)
