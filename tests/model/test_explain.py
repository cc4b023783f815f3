"""Reasons: exact where sources add up, found out by leaving titles out, and told in words that follow the facts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from marquee.model.candidates import Candidates, gather, ranks_within
from marquee.model.carried import Carriers
from marquee.model.explain import Explainer, Pool, Reason
from marquee.model.histories import Floats, Histories, Ints, histories_of
from marquee.model.sources import Source
from marquee.model.sources.als import fit_als
from marquee.model.sources.autoencoder import fit_autoencoder
from marquee.model.sources.fitting import all_sources, fit_sources
from marquee.model.sources.following import fit_following, fit_sequence
from marquee.model.sources.popular import fit_popular
from marquee.model.titles import Titles
from marquee.model.wording import Teller, words_of
from marquee.params import read_params
from marquee.tables import TITLES

PARAMS = read_params(Path(__file__).parents[2] / "params.yaml")
NOW = 1_000 * 86_400_000
GENRES = ("Crime", "Dramas", "TV Comedies")
TITLE_COUNT = 60  # 20 of each genre, the first ten of them from the 90s


def world(viewers: int, seed: int) -> Histories:
    """Each viewer has one genre and mostly watches that, a title a day."""
    rng = np.random.default_rng(seed)
    rows = []
    for viewer in range(viewers):
        of_genre = np.arange(TITLE_COUNT) // 20 == viewer % 3
        chance = np.where(of_genre, 12.0, 1.0) / (1 + np.arange(TITLE_COUNT) % 20)
        seen = rng.choice(TITLE_COUNT, size=12, replace=False, p=chance / chance.sum())
        rows += [(viewer + 1, title + 1, 5.0 if of_genre[title] else 2.0, day) for day, title in enumerate(seen)]
    return histories(rows)


def histories(rows: Sequence[tuple[int, int, float | None, int]]) -> Histories:
    frame = pl.DataFrame(
        rows, {"user_id": pl.Int64, "title_id": pl.Int64, "rating": pl.Float32, "day": pl.Int64}, orient="row"
    ).with_columns(
        strength=1 + 0.2 * (pl.col("rating").fill_null(3) - 3),
        label=pl.lit(1.0),
        hides=pl.lit(True),
        at=pl.from_epoch(pl.col("day") * 86_400, "s").dt.cast_time_unit("ms").dt.replace_time_zone("UTC"),
    )
    return histories_of(frame.with_columns(known_at="at"), np.arange(1, TITLE_COUNT + 1))


def titles() -> Titles:
    number = range(TITLE_COUNT)
    frame = pl.DataFrame(
        {
            "title_id": pl.Series([n + 1 for n in number], dtype=pl.UInt16),
            "name": [f"{GENRES[n // 20]} {n % 20}" for n in number],
            "year": pl.Series([1995 if n % 20 < 10 else 2003 for n in number], dtype=pl.Int16),
            "genres": [[GENRES[n // 20]] for n in number],
        }
    )
    return Titles(TITLES.complete(frame))


@dataclass(frozen=True, eq=False)
class SmallRanking:
    """Sources, their scores and ranks as features, and a LightGBM on top: all that a reason needs."""

    titles: Titles
    sources: tuple[Source, ...]
    watched: Floats
    booster: lgb.Booster

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        return names_of(self.sources)

    def describe(self, candidates: Candidates, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002
        return described(candidates, histories, self.watched)

    def score(self, rows: Floats) -> Floats:
        return np.asarray(self.booster.predict(rows, raw_score=True, num_threads=1), np.float32)

    def contributions(self, rows: Floats) -> Floats:
        return np.asarray(self.booster.predict(rows, pred_contrib=True, num_threads=1), np.float32)


def names_of(sources: Sequence[Source]) -> tuple[str, ...]:
    return (*(f"{s.name}_{what}" for what in ("score", "rank") for s in sources), "title_watched", "viewer_count")


def described(candidates: Candidates, histories: Histories, watched: Floats) -> Floats:
    ranks = [np.log2(ranks_within(candidates.starts, scores)) for scores in candidates.scores.T]
    rest = np.stack([watched[candidates.title], histories.counts[candidates.user].astype(np.float32)], axis=1)
    return np.hstack([candidates.scores, np.stack(ranks, axis=1), rest])


def small_ranking(everything: Histories, titles: Titles, settings: dict[str, float], depth: int) -> SmallRanking:
    """Sources fitted on the past, a ranker on what each viewer watched last."""
    past, last = everything.where(everything.from_end >= 3), everything.last(3)
    sources = fitted(past, len(titles))
    watched = np.bincount(everything.title, minlength=len(titles)).astype(np.float32)
    candidates = gather(sources, past, past.last_at, depth)
    wanted = np.zeros((len(past), len(titles)), bool)
    wanted[last.user, last.title] = last.strength > 1
    data = lgb.Dataset(
        described(candidates, past, watched), wanted[candidates.user, candidates.title], group=candidates.counts
    )
    fixed = {"objective": "lambdarank", "verbosity": -1, "num_threads": 1, "seed": 1, "deterministic": True}
    return SmallRanking(titles, sources, watched, lgb.train(fixed | settings, data))


def fitted(past: Histories, titles: int) -> tuple[Source, ...]:
    params = PARAMS.sources
    return (
        fit_als(past, titles, params.als.model_copy(update={"factors": 8, "alpha": 3.0}), seed=1),
        fit_autoencoder(past, titles, params.autoencoder.model_copy(update={"regularization": 20.0})),
        fit_following("following", past, titles, params.following),
        fit_sequence(past, titles, params.sequence),
        fit_popular(past, titles, params.popular),
    )


@pytest.fixture(scope="module")
def everything() -> Histories:
    return world(400, seed=4)


@pytest.fixture(scope="module")
def ranking(everything: Histories) -> SmallRanking:
    return small_ranking(everything, titles(), {"num_leaves": 7, "learning_rate": 0.1, "num_iterations": 100}, depth=20)


@pytest.fixture(scope="module")
def explainer(ranking: SmallRanking) -> Explainer:
    return Explainer(ranking, PARAMS.signals, PARAMS.explain)


def best(ranking: SmallRanking, history: Histories, without: int | None = None) -> Ints:
    """The titles as the ranking would list them, the best first."""
    allowed = np.arange(TITLE_COUNT) != (TITLE_COUNT if without is None else without)
    candidates = gather(ranking.sources, history, history.last_at, 20, allowed)
    scores = ranking.score(ranking.describe(candidates, history, history.last_at))
    return candidates.title[np.argsort(-scores, kind="stable")]


def reasons(explainer: Explainer, ranking: SmallRanking, history: Histories, count: int) -> list[Reason]:
    listed = best(ranking, history)
    return explainer.reasons(history, listed[:count], pool_of(explainer, history, listed), history.last_at)


def pool_of(explainer: Explainer, history: Histories, title: Ints) -> Pool:
    return explainer.pool_of(title, history, history.last_at)


def carried_by(source: Source, history: Histories, title: Ints) -> Floats:
    """By every row."""
    every = Carriers([source], history, title).carried(np.arange(len(title)))
    return next((carried[0] for _, carried in every), np.zeros((len(history.title), len(title)), np.float32))


def mixed_history() -> Histories:
    """One that the sources have not seen: stars of all kinds, so that some titles speak against."""
    return histories([(9, 1, 5.0, 1), (9, 4, 0.5, 2), (9, 25, None, 3), (9, 2, 4.0, 4), (9, 45, 3.0, 5)])


@pytest.fixture(scope="module")
def every_source(everything: Histories) -> dict[str, Source]:
    params = PARAMS.sources.model_copy(
        update={
            "als": PARAMS.sources.als.model_copy(update={"factors": 8}),
            "title_neighbours": PARAMS.sources.title_neighbours.model_copy(update={"recent": 2}),
            "viewer_neighbours": PARAMS.sources.viewer_neighbours.model_copy(update={"fade": 0.3}),
        }
    )
    return {source.name: source for source in all_sources(fit_sources(everything, titles(), params, seed=1))}


def test_what_the_rows_carry_sums_to_the_score_of_whichever_source_looks_at_them(
    every_source: dict[str, Source],
) -> None:
    history = mixed_history()
    history = replace(history, strength=history.strength - np.float32(0.8))
    assert history.strength.min() < 0
    silent = set()
    for name, source in every_source.items():
        carried = carried_by(source, history, np.arange(TITLE_COUNT))
        scores = np.nan_to_num(source.scores(history, history.last_at)[0])
        if carried.any():
            np.testing.assert_allclose(carried.sum(axis=0), scores, rtol=1e-4, atol=1e-5, err_msg=name)
        else:
            silent.add(name)
    assert silent == {"popular", "trending"}


@pytest.mark.parametrize(("name", "rows"), [("title_neighbours", 2), ("following_last", 1)])
def test_a_source_that_looks_at_recent_titles_is_carried_by_those(
    every_source: dict[str, Source], name: str, rows: int
) -> None:
    carried = carried_by(every_source[name], mixed_history(), np.arange(TITLE_COUNT))
    assert carried.any(axis=1).tolist() == [False] * (5 - rows) + [True] * rows


def test_titles_that_too_few_have_watched_carry_nothing_and_are_not_carried(everything: Histories) -> None:
    last_left_out = everything.where(everything.title < TITLE_COUNT - 1)
    source = fit_autoencoder(last_left_out, TITLE_COUNT, PARAMS.sources.autoencoder)
    history = histories([(9, 1, 5.0, 1), (9, TITLE_COUNT, 5.0, 2)])
    carried = carried_by(source, history, np.arange(TITLE_COUNT))
    assert np.flatnonzero(carried.any(axis=1)).tolist() == [0]
    assert not carried[:, -1].any()


def test_a_source_that_cannot_tell_carries_nothing_and_shares_are_shares(ranking: SmallRanking) -> None:
    history, title = mixed_history(), np.array([0, 30])
    loudness = np.tile(np.array([1.0, 0.0], np.float32), (len(ranking.sources), 1))
    shares = Carriers(ranking.sources, history, title).shares(np.arange(2), loudness)
    np.testing.assert_allclose(np.abs(shares).sum(axis=0), [1, 0], rtol=1e-5)
    popular = next(source for source in ranking.sources if source.name == "popular")
    assert not carried_by(popular, history, title).any()


def test_what_the_features_add_sums_to_the_rankers_score(ranking: SmallRanking) -> None:
    history = mixed_history()
    candidates = gather(ranking.sources, history, history.last_at, 20)
    rows = ranking.describe(candidates, history, history.last_at)
    np.testing.assert_allclose(ranking.contributions(rows).sum(axis=1), ranking.score(rows), rtol=1e-4, atol=1e-5)


def test_what_raised_a_title_is_told_in_words_and_features_that_say_the_same_count_together(
    explainer: Explainer, ranking: SmallRanking
) -> None:
    history = mixed_history()
    found = gather(ranking.sources, history, history.last_at, 20)
    added = ranking.contributions(ranking.describe(found, history, history.last_at))[:, :-1]
    words = np.array([words_of(feature) for feature in ranking.feature_names])
    assert len(set(words)) < len(words)
    for n, reason in enumerate(explainer.reasons(history, found.title, None, history.last_at)):
        every = sorted((added[n, words == each].sum() for each in set(words)), reverse=True)
        assert [by for _, by in reason.raised] == pytest.approx([by for by in every[:3] if by > 0], abs=1e-5)
        assert [by for _, by in reason.raised] == pytest.approx(
            [added[n, words == each].sum() for each, _ in reason.raised], abs=1e-5
        )


def test_without_the_first_named_title_the_explained_one_stands_lower(
    explainer: Explainer, ranking: SmallRanking
) -> None:
    """Everything is done anew, candidates too; the title left out is not allowed back in, where it would push down."""
    strangers = world(40, seed=99)
    falls = []
    for user in range(len(strangers)):
        history = strangers.of(np.array([user]))
        for rank, reason in enumerate(reasons(explainer, ranking, history, 5)):
            if reason.named:
                left = best(ranking, history.where(history.title != reason.named[0]), without=reason.named[0])
                falls.append(reason.title not in left[: rank + 1])
    assert len(falls) >= 0.7 * 5 * len(strangers)
    assert np.mean(falls) >= 0.9


def test_who_is_named_is_among_those_whose_shares_are_told_the_largest_first(
    explainer: Explainer, ranking: SmallRanking
) -> None:
    strangers = world(12, seed=96)
    for user in range(len(strangers)):
        for reason in reasons(explainer, ranking, strangers.of(np.array([user])), 5):
            shares = dict(reason.carried)
            assert set(reason.named) <= shares.keys()
            assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_titles_that_the_viewer_thought_little_of_are_not_named(explainer: Explainer, ranking: SmallRanking) -> None:
    strangers = world(12, seed=98)
    for user in range(len(strangers)):
        history = strangers.of(np.array([user]))
        poor = set(history.title[history.rating == 2].tolist())
        assert poor
        assert not poor & {title for reason in reasons(explainer, ranking, history, 5) for title in reason.named}


def test_a_title_carries_the_same_share_in_a_list_and_alone(explainer: Explainer, ranking: SmallRanking) -> None:
    history = world(3, seed=97).of(np.array([1]))
    listed = best(ranking, history)
    in_list = reasons(explainer, ranking, history, 4)
    pool = pool_of(explainer, history, listed)
    alone = [explainer.reasons(history, listed[n : n + 1], pool, history.last_at)[0] for n in range(4)]
    for reason, other in zip(in_list, alone, strict=True):
        shares, others = dict(reason.carried), dict(other.carried)
        both = shares.keys() & others.keys()
        assert len(both) >= len(shares) - 1  # in a list more titles are tried, and who is named is among the shares
        assert [shares[title] for title in both] == pytest.approx([others[title] for title in both])


def test_a_stranger_is_told_what_is_popular_and_nothing_of_themselves(
    explainer: Explainer, ranking: SmallRanking, everything: Histories
) -> None:
    nobody = mixed_history().last(0)
    order = np.argsort(-ranking.sources[-1].scores(everything, everything.last_at)[0], kind="stable")
    pool = explainer.pool_of(np.arange(TITLE_COUNT), nobody, np.array([NOW]))
    most, least = explainer.reasons(nobody, order[[0, -1]], pool, np.array([NOW]))
    assert (most.sentence, least.sentence) == ("Popular with many viewers", "Something else for a change")
    assert (most.named, most.carried) == ((), ())


def test_when_no_single_title_matters_the_whole_history_is_the_reason(ranking: SmallRanking) -> None:
    """With one candidate there is no rank to lose."""
    history = histories([(9, 41, 5.0, 1), (9, 25, 5.0, 2), (9, 2, 5.0, 3)])
    alone = best(ranking, history)[:1]
    reason = Explainer(ranking, PARAMS.signals, PARAMS.explain).reasons(history, alone, None, history.last_at)[0]
    assert (reason.sentence, reason.named) == ("It goes with all that you watched", ())


def teller() -> Teller:
    return Teller(titles(), np.ones(TITLE_COUNT, np.float32), PARAMS.signals, PARAMS.explain)


def row_of(kind: str) -> Histories:
    """A history of title 0 alone, as an event of this kind makes it."""
    signal = getattr(PARAMS.signals, kind)
    one = histories([(1, 1, None, 1)])
    strength, hides = np.full(1, signal.strength, np.float32), np.full(1, signal.hides)
    return replace(one, strength=strength, hides=hides)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("watch_finished", "Because you finished Crime 0"),
        ("liked", "Because you liked Crime 0"),
        ("rewatched", "Because you liked Crime 0"),
        ("saved", "Because you saved Crime 0"),
        ("watch_started", "Because you began Crime 0"),
        ("opened", "Because you looked at Crime 0"),
    ],
)
def test_the_verb_is_what_the_viewer_did(kind: str, words: str) -> None:
    assert teller().of(row_of(kind)).sentence(45, [0]) == words


def test_stars_are_told_when_they_praise_and_verbs_are_not_repeated() -> None:
    history = histories([(1, 1, 5.0, 1), (1, 2, 5.0, 2), (1, 3, 4.5, 3), (1, 4, 3.0, 4)])
    assert teller().of(history).sentence(45, [0, 1]) == "Because you gave Crime 0 and Crime 1 5 stars"
    assert teller().of(history).sentence(45, [0, 2]) == "Because you gave Crime 0 5 stars and Crime 2 4.5 stars"
    assert teller().of(history).sentence(45, [3]) == "Because you watched Crime 3"


def test_a_taste_is_told_only_if_this_title_is_of_it_and_the_viewer_watches_much_of_it() -> None:
    finished = histories([(1, title, None, title) for title in (1, 2, 3, 4, 41)])
    assert teller().of(finished).sentence(8, [0, 1]) == (
        "Because you finished Crime 0 and Crime 1, and like 90s crime films"
    )
    assert teller().of(finished).sentence(15, []) == "Because you like crime films"
    assert teller().of(finished).sentence(30, []) == ""
    assert teller().of(finished).sentence(50, [0]) == "Because you finished Crime 0"
    sitcoms = histories([(1, title, None, title) for title in (51, 52, 53)])
    assert teller().of(sitcoms).sentence(55, []) == "Because you like 2000s TV comedies"


def test_two_titles_are_no_taste() -> None:
    assert teller().of(histories([(1, 1, None, 1), (1, 2, None, 2)])).sentence(8, []) == ""


def test_what_everybody_watches_is_no_taste() -> None:
    mostly_crime = np.where(np.arange(TITLE_COUNT) < 20, 1.0, 0.0).astype(np.float32)
    mostly_crime[10:20] = 100
    everybody = Teller(titles(), mostly_crime, PARAMS.signals, PARAMS.explain)
    assert everybody.of(histories([(1, title, None, title) for title in (11, 12, 13, 14)])).sentence(15, []) == ""
