"""Claims about the recommender: always k titles and none seen, whoever asks; the same twice, and from its folder."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl
import pytest

from marquee.data.demo_world import write_demo_world
from marquee.errors import ModelError
from marquee.model import recommender
from marquee.model.arrange import Lists, Rule, of_genres
from marquee.model.asked import now as latest
from marquee.model.asked import similar
from marquee.model.folder import load_model, save_model
from marquee.model.histories import Histories, Ints, histories_of
from marquee.model.interactions import interactions as interactions_of
from marquee.model.recommender import Recommender
from marquee.model.sources.als import Als
from marquee.model.sources.neighbours import ViewerNeighbours
from marquee.model.wording import WORDS
from marquee.params import read_params
from marquee.stages import tables
from marquee.tables import TITLES
from tests.model.conftest import (
    DAY,
    GENRES,
    OF_GENRE,
    TITLE_COUNT,
    catalogue,
    histories,
    interactions,
    small_params,
    table,
)

K = 10


def asked(*viewers: Sequence[tuple[int, float | None]]) -> Histories:
    """A viewer a list of title_ids with stars, a title a day."""
    rows = [
        (n + 1, title, stars, 500 + day) for n, told in enumerate(viewers) for day, (title, stars) in enumerate(told)
    ]
    # So that viewers without a row are there too.
    gone = [(n + 1, 10**9, None, 1) for n in range(len(viewers))]
    return histories(table([*rows, *gone]))


def listed(whole: Recommender, histories: Histories, k: int = K, rules: Sequence[Rule] = ()) -> Lists:
    return whole.recommend(histories, latest(whole.histories, histories), k, rules)


def same(one: Lists, other: Lists) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name), equal_nan=True) for f in fields(Lists))


def seen_in(lists: Lists, histories: Histories) -> Ints:
    hidden = histories.user * TITLE_COUNT + histories.title
    return np.intersect1d(lists.user * TITLE_COUNT + lists.title, hidden)


def many_kinds() -> Histories:
    """A stranger, three favourites without stars, one rating, a refusal of everything of a genre, a long history."""
    return asked(
        [],
        [(1, None), (2, None), (3, None)],
        [(7, 5.0)],
        [(title, 0.5) for title in range(1, OF_GENRE + 1)],
        [(title, float(1 + title % 5)) for title in range(1, TITLE_COUNT - 20)],
    )


def test_whoever_asks_gets_k_titles_in_order_and_none_they_have_seen(fitted: Recommender) -> None:
    viewers = many_kinds()
    lists = listed(fitted, viewers)
    assert np.bincount(lists.user).tolist() == [K] * len(viewers)
    assert lists.rank.tolist() == [*range(1, K + 1)] * len(viewers)
    assert not len(seen_in(lists, viewers))
    assert len(np.unique(lists.user * TITLE_COUNT + lists.title)) == K * len(viewers)


def test_scores_fall_along_a_list(fitted: Recommender) -> None:
    score = listed(fitted, many_kinds()).score.reshape(-1, K)
    assert (np.diff(np.nan_to_num(score, nan=-np.inf)) <= 0)[np.isfinite(score[:, 1:])].all()


def test_viewers_of_training_are_asked_like_anybody(fitted: Recommender) -> None:
    lists = listed(fitted, fitted.histories)
    assert np.bincount(lists.user).tolist() == [K] * len(fitted.histories)
    assert not len(seen_in(lists, fitted.histories))


def test_favourites_of_one_genre_lead_to_more_of_it(fitted: Recommender) -> None:
    fans = asked(*[[(genre * OF_GENRE + n, None) for n in (1, 2, 3)] for genre in range(len(GENRES))])
    lists = listed(fitted, fans)
    of_mine = lists.title // OF_GENRE == lists.user
    assert np.bincount(lists.user, of_mine).min() > 0.5 * K


def test_one_new_event_changes_the_list_at_once(fitted: Recommender) -> None:
    before, after = ([(1, 5.0)], [(1, 5.0), (OF_GENRE + 1, 5.0)])
    lists = listed(fitted, asked(before, after))
    of_genre = [np.count_nonzero(lists.title[lists.user == user] // OF_GENRE == 1) for user in (0, 1)]
    assert of_genre[1] > of_genre[0]


def test_who_has_seen_everything_gets_an_empty_list_and_who_almost_has_the_rest(fitted: Recommender) -> None:
    everything = [(title, 4.0) for title in range(1, TITLE_COUNT + 1)]
    viewers = asked(everything, everything[:-3], [])
    lists = listed(fitted, viewers)
    assert np.bincount(lists.user, minlength=3).tolist() == [0, 3, K]
    assert sorted(lists.title[lists.user == 1]) == [TITLE_COUNT - 3, TITLE_COUNT - 2, TITLE_COUNT - 1]


@pytest.mark.parametrize(("k", "expected"), [(0, [0, 0]), (1, [1, 1]), (10**6, [TITLE_COUNT, TITLE_COUNT - 2])])
def test_a_list_is_as_long_as_asked_and_the_catalogue_allows(
    fitted: Recommender, k: int, expected: Sequence[int]
) -> None:
    viewers = asked([], [(1, 5.0), (2, 4.0)])
    assert np.bincount(listed(fitted, viewers, k).user, minlength=2).tolist() == expected


def test_rules_leave_only_what_they_allow(fitted: Recommender) -> None:
    westerns = Rule("genre", of_genres(fitted.titles, ["Westerns"]))
    lists = listed(fitted, many_kinds(), rules=[westerns])
    assert (lists.title // OF_GENRE == GENRES.index("Westerns")).all()
    assert np.bincount(lists.user, minlength=5)[:4].tolist() == [K] * 4


def test_the_dial_of_the_recipe_spreads_its_lists(fitted: Recommender) -> None:
    def genres(lists: Lists) -> float:
        return float(np.mean([np.unique(lists.title[lists.user == user] // OF_GENRE).size for user in set(lists.user)]))

    arranged = fitted.params.arrange.model_copy(update={"diversity": 0.8})
    spread = replace(fitted, params=fitted.params.model_copy(update={"arrange": arranged}))
    fans = asked(*[[(genre * OF_GENRE + n, None) for n in (1, 2, 3)] for genre in range(len(GENRES))])
    assert genres(listed(spread, fans)) > 1.5 * genres(listed(fitted, fans))


def test_what_is_like_a_title_that_nobody_wants_yet_is_of_its_genre(fitted: Recommender) -> None:
    als = cast("Als", fitted.retriever.fitted["als"])
    factors = als.title_factors.copy()
    factors[0] = 0
    sources = {**fitted.retriever.fitted, "als": replace(als, title_factors=factors)}
    unwanted = replace(fitted, retriever=replace(fitted.retriever, fitted=sources))
    assert similar(unwanted, 0, 5)["title_id"].is_between(2, OF_GENRE).to_list() == [True] * 5


def test_asked_in_bulk_everybody_gets_their_own_list(fitted: Recommender) -> None:
    """More viewers than fit into one batch; alone each is answered the same."""
    together = listed(fitted, fitted.histories)
    as_of = latest(fitted.histories, fitted.histories)
    for user in (0, 127, 128, len(fitted.histories) - 1):
        alone = fitted.recommend(fitted.histories.of(np.array([user])), as_of[[user]], K)
        assert alone.title.tolist() == together.title[together.user == user].tolist()


def test_ten_thousand_rows_of_history_are_a_history() -> None:
    """A viewer the model has not heard of, and a catalogue of 5 titles more."""
    ids = np.arange(1, 10_006)
    known = TITLES.complete(pl.DataFrame({"title_id": ids, "name": [f"Title {n}" for n in ids]}))
    others = [(2 + n, title, 4.0, n) for n, title in enumerate(range(1, 10_001, 50))]
    whole = recommender.fit(table(others), known, small_params("lessons.moments=[]"))
    heavy = histories_of(table([(1, title, float(1 + title % 5), 300 + title / 5) for title in ids[:10_000]]), ids)
    assert heavy.counts.tolist() == [10_000]
    assert sorted(whole.titles.ids[listed(whole, heavy).title]) == ids[10_000:].tolist()


def test_of_one_rating_in_all_a_recommender_is_made() -> None:
    whole = recommender.fit(table([(5, 9, 4.0, 1)]), catalogue(), small_params())
    nobody = histories_of(table([(6, 10**9, None, 2)]), whole.titles.ids)
    lists = listed(whole, nobody)
    assert len(lists.title) == K
    assert whole.titles.ids[lists.title[0]] == 9
    assert not len(seen_in(listed(whole, whole.histories), whole.histories))


def test_without_a_catalogue_the_rated_titles_are_the_catalogue() -> None:
    rows = interactions(40, seed=5)
    whole = recommender.fit(rows, None, small_params("ranker.rounds=3"))
    assert set(whole.titles.ids) == set(rows["title_id"])
    assert len(listed(whole, whole.histories).title) == K * 40


@pytest.fixture(scope="module")
def folders(fitted: Recommender, everything: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs of the same recipe; the rows of the second come in another order."""
    again = recommender.fit(everything.sample(fraction=1, shuffle=True, seed=1), catalogue(), small_params())
    folders = [tmp_path_factory.mktemp("models") / name for name in ("one", "two")]
    for whole, folder in zip((fitted, again), folders, strict=True):
        folder.with_suffix(".txt").write_text(save_model(folder, whole.contents({"trained_on": {}})))
    return folders


def test_two_runs_make_the_same_model_to_the_bit(folders: Sequence[Path]) -> None:
    one, two = (load_model(folder) for folder in folders)
    different = [
        f"{part}/{name}"
        for part, arrays in one.arrays.items()
        for name in arrays
        if not np.array_equal(arrays[name], two.arrays[part][name], equal_nan=arrays[name].dtype.kind == "f")
    ]
    assert not different
    assert one.texts == two.texts
    assert folders[0].with_suffix(".txt").read_text() == folders[1].with_suffix(".txt").read_text()


def test_saved_and_restored_it_gives_identical_lists(fitted: Recommender, folders: Sequence[Path]) -> None:
    viewers = many_kinds()
    restored = [recommender.restored(load_model(folder)) for folder in folders]
    for whole in restored:
        assert same(listed(fitted, viewers), listed(whole, viewers))
        assert same(listed(fitted, fitted.histories), listed(whole, whole.histories))
    user, title = np.repeat(np.arange(5), 3), np.tile(np.array([0, 50, 100]), 5)
    stars = [whole.stars.predict(viewers, user, title, np.full(15, 600 * DAY)) for whole in (fitted, *restored)]
    assert np.array_equal(stars[0], stars[1])


def test_a_model_of_other_params_is_refused_by_the_key_that_differs(fitted: Recommender) -> None:
    contents = fitted.contents({})
    older = contents.texts["params.yaml"].replace("leaf_rows", "leaf_size")
    with pytest.raises(ModelError, match=r"ranker\.leaf_rows.*fit it anew"):
        recommender.restored(replace(contents, texts={**contents.texts, "params.yaml": older}))


def test_every_feature_has_words_and_no_words_are_left_over(fitted: Recommender) -> None:
    assert set(WORDS) == set(fitted.feature_names)


def test_what_the_features_add_sums_to_the_score(fitted: Recommender) -> None:
    viewers = many_kinds()
    as_of = latest(fitted.histories, viewers)
    rows = fitted.describe(fitted.retriever.candidates(viewers, as_of), viewers, as_of)
    assert len(fitted.ranker.texts) > 1
    assert rows.shape[1] == len(fitted.feature_names)
    assert fitted.contributions(rows).sum(axis=1) == pytest.approx(fitted.score(rows), abs=1e-4)


@pytest.fixture(scope="module")
def of_a_world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recommender, Histories]:
    """By the shipped recipe but for fewer lessons, of a world where titles are watched for reasons; and every tenth of
    its viewers, whom the model has never seen."""
    folder = tmp_path_factory.mktemp("project")
    world = folder / "world"
    fewer = ("lessons.viewers=300", "ranker.leaf_rows=100")
    params = read_params(
        Path(__file__).parents[2] / "params.yaml", [*fewer, f"source.path={world}", f"catalogue.metadata={world}"]
    )
    size = {"viewers": 800, "titles": 400, "ratings": 60_000}
    write_demo_world(world, params.demo_world.model_copy(update=size))
    tables.titles(params, folder)
    tables.ratings(params, folder, datetime(2006, 1, 1, tzinfo=UTC))
    told = interactions_of(pl.scan_parquet(folder / "tables/ratings.parquet"), None, params.signals, params.star)
    rows, is_unseen = told.collect(), pl.col("user_id").rank("dense") % 10 == 0
    whole = recommender.fit(rows.filter(~is_unseen), tables.read_titles(folder), params)
    return whole, histories_of(rows.filter(is_unseen), whole.titles.ids)


def falls(whole: Recommender, history: Histories) -> list[bool]:
    """For the five best titles, whether each stands lower when the first title of its reason is left out.

    Everything is done anew; the title left out is not allowed back in, where it would push down.
    """
    as_of, titles = latest(whole.histories, history), len(whole.titles)
    lists = whole.recommend(history, as_of, titles)
    listed = lists.title[np.isfinite(lists.score)].astype(np.int64)
    answers = []
    pool = whole.propose(history, as_of, ()).pool
    for rank, reason in enumerate(whole.explainer.reasons(history, listed[:5], pool, as_of)):
        for title in reason.named[:1]:
            others = Rule("left out", np.arange(titles) != title)
            left = whole.recommend(history.where(history.title != title), as_of, rank + 1, [others])
            answers.append(reason.title not in left.title)
    return answers


def test_without_the_first_named_title_the_explained_one_stands_lower(
    of_a_world: tuple[Recommender, Histories],
) -> None:
    whole, strangers = of_a_world
    told = [fall for user in range(len(strangers)) for fall in falls(whole, strangers.of(np.array([user])))]
    assert len(told) >= 0.8 * 5 * len(strangers)
    assert np.mean(told) >= 0.9


def test_of_many_viewers_some_are_learnt_from_and_all_are_answered() -> None:
    rows = interactions(60, seed=5)
    whole = recommender.fit(rows, None, small_params("ranker.rounds=3", "viewers=40"))
    assert len(whole.histories) == 60
    assert len(cast("ViewerNeighbours", whole.retriever.fitted["viewer_neighbours"]).starts) - 1 == 40
    assert len(listed(whole, whole.histories).title) == K * 60
    assert not len(seen_in(listed(whole, whole.histories), whole.histories))
