"""The gate on a world where bad models are planted: each is refused for its own reason, a better one is let through."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import polars as pl
import pytest

from marquee.errors import TableError
from marquee.model.histories import Ints
from marquee.model.split import Cut
from marquee.model.titles import Titles
from marquee.params import EvaluateParams, GateParams
from marquee.quality.evaluate import evaluate
from marquee.quality.gate import Evidence, Verdict, judge
from marquee.quality.metrics import Doubles
from marquee.tables import INTERACTIONS, LISTS, TITLES, WHEN

MEASURE = EvaluateParams(
    seed=0, cuts=("live",), viewers=1_000, folds=1, draws=300, light=5, heavy=100, new_title=1, popular=0.1, small=1
)
GATE = GateParams(
    viewers=100,
    segment_loss=0.05,
    leap=1.0,
    coverage=0.05,
    coverage_loss=0.2,
    novelty_change=0.25,
    p99_ms=25,
    size_mb=100,
)
MOMENT = datetime(2005, 12, 1, tzinfo=UTC)
VIEWERS, TITLE_COUNT = 400, 300
LIGHT = np.arange(VIEWERS) % 2 == 0  # every other viewer has watched little
WANTED = 101 + np.arange(VIEWERS) % 200  # of each viewer, one title; nobody has watched it, and some want the same
"""Titles 1 to 8 are what was watched; 11 to 100 fill lists."""


@cache
def cut(viewers: int = VIEWERS) -> Cut:
    past = [(user, title) for user in range(viewers) for title in range(1, 4 if LIGHT[user] else 9)]
    history = interactions(past)
    return Cut("live", history, history, interactions([(user, int(WANTED[user])) for user in range(viewers)]))


def interactions(pairs: list[tuple[int, int]]) -> pl.DataFrame:
    at = pl.lit(MOMENT).cast(WHEN)
    bare = pl.DataFrame(pairs, {"user_id": pl.UInt32, "title_id": pl.UInt32}, orient="row")
    ones = {name: pl.lit(1.0, pl.Float32) for name in ("strength", "label")}
    return INTERACTIONS.complete(bare.with_columns(**ones, hides=True, at=at, known_at=at)).cast({"rating": pl.Float32})


@cache
def titles() -> Titles:
    bare = pl.DataFrame({"title_id": pl.Series(range(1, TITLE_COUNT + 1), dtype=pl.UInt32)})
    return Titles(TITLES.complete(bare.with_columns(name=pl.lit("a title"))))


def table(title_ids: Ints) -> pl.DataFrame:
    """Lists as rows of titles, a row a viewer; 0 is no title."""
    user, place = np.indices(title_ids.shape)
    columns = {"user_id": user.ravel(), "title_id": title_ids.ravel(), "rank": place.ravel() + 1}
    kinds = {"user_id": pl.UInt32, "title_id": pl.UInt32, "rank": pl.UInt32}
    lists = pl.DataFrame(columns).filter(pl.col("title_id") > 0).cast(kinds)  # type: ignore[arg-type]
    return LISTS.check(lists.with_columns(score=pl.lit(0.0, pl.Float32)))


def lists(chance: float | Doubles, seed: int, viewers: int = VIEWERS, length: int = 10) -> Ints:
    """Of titles that nobody wants, but for the wanted one, which by that chance is among the first ten."""
    rng = np.random.default_rng(seed)
    fill = 11 + rng.permuted(np.tile(np.arange(90), (viewers, 1)), axis=1)[:, :length]
    found = np.flatnonzero(rng.random(viewers) < np.broadcast_to(chance, viewers))
    fill[found, rng.integers(0, 10, len(found))] = WANTED[found]
    return fill


def popular(viewers: int = VIEWERS) -> Ints:
    """The same for everybody; some want one of them."""
    return np.tile(np.r_[101:106, 11:16], (viewers, 1))


def evidence(challenger: Ints, champion: Ints | None, sources: Mapping[str, Ints] | None = None) -> Evidence:
    viewers = len(challenger)
    others = {"popular": popular(viewers), **(sources or {"als": lists(0.2, 7, viewers)})}
    told = {"hybrid": challenger, **others} | ({} if champion is None else {"champion": champion})
    measured = evaluate(cut(viewers), {name: table(rows) for name, rows in told.items()}, titles(), MEASURE)
    checks = {"ratings are in range": "", "no drift of genres": ""}
    return Evidence(measured, datetime(2005, 11, 30, tzinfo=UTC), MOMENT, p99_ms=12.0, size_mb=70.0, checks=checks)


@cache
def better() -> Evidence:
    return evidence(lists(0.6, 1), champion=lists(0.4, 2))


def refused_for(verdict: Verdict) -> set[str]:
    assert verdict.promoted is not bool(verdict.reasons)
    return {rule.name for rule in verdict.reasons}


def test_a_better_one_is_promoted_and_every_rule_tells_its_numbers() -> None:
    verdict = judge(better(), GATE)
    assert verdict.promoted, verdict.reasons
    told = {rule.name: str(rule) for rule in verdict.rules}
    assert {"above the champion", "above popularity", "not below als", "no loss for light viewers"} <= told.keys()
    assert {"coverage", "novelty", "believable", "fast", "small", "no drift of genres"} <= told.keys()
    assert told["enough viewers"] == "ok  enough viewers: 400 are tested on, 100 needed"
    assert all(
        any(letter.isdigit() for letter in told[rule.name])
        for rule in verdict.rules
        if rule.name not in better().checks
    )


def test_popularity_dressed_up_is_refused_as_no_better_than_popularity() -> None:
    dressed = np.random.default_rng(0).permuted(popular(), axis=1)
    assert "above popularity" in refused_for(judge(evidence(dressed, lists(0.4, 2)), GATE))
    assert "above popularity" in refused_for(judge(evidence(dressed, None), GATE))


def test_who_saw_the_answers_is_refused_as_too_good_to_be_true() -> None:
    leak = lists(0.0, 1)
    leak[:, 0] = WANTED
    assert refused_for(judge(evidence(leak, lists(0.4, 2)), GATE)) == {"believable"}


@pytest.mark.parametrize("until", [MOMENT, datetime(2005, 12, 31, tzinfo=UTC)])
def test_who_learnt_from_the_days_of_the_test_is_refused_however_good_it_is(until: datetime) -> None:
    assert refused_for(judge(replace(better(), learnt_until=until), GATE)) == {"learnt from the past alone"}


def test_a_shuffled_ranker_is_refused_as_below_the_champion_and_its_own_sources() -> None:
    source, good = lists(0.5, 3, length=50), lists(0.6, 1, length=50)
    shuffled = np.random.default_rng(0).permuted(good, axis=1)
    reasons = refused_for(judge(evidence(shuffled, lists(0.55, 2), {"als": source, "following": source}), GATE))
    assert {"above the champion", "not below als", "not below following"} <= reasons


def test_who_is_better_overall_at_the_cost_of_light_viewers_is_refused_for_them() -> None:
    unfair = lists(np.where(LIGHT, 0.25, 0.9), 1)
    assert refused_for(judge(evidence(unfair, lists(0.4, 2)), GATE)) == {"no loss for light viewers"}


def test_a_loss_of_a_segment_that_may_be_noise_is_borne() -> None:
    worse_by_luck = evidence(lists(np.where(LIGHT, 0.3, 0.9), 1), lists(0.4, 2))
    light = next(rule for rule in judge(worse_by_luck, GATE).rules if rule.name == "no loss for light viewers")
    assert light.passed
    assert light.told.startswith("-0.0")


def test_a_loss_within_the_margin_is_borne_and_a_small_segment_does_not_object() -> None:
    unfair = evidence(lists(np.where(LIGHT, 0.25, 0.9), 1), lists(0.4, 2))
    assert judge(unfair, GATE.model_copy(update={"segment_loss": 0.9})).promoted
    assert judge(unfair, GATE.model_copy(update={"viewers": 300})).promoted


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({"p99_ms": 25.1}, "fast"),
        ({"p99_ms": float("nan")}, "fast"),
        ({"size_mb": 100.5}, "small"),
        ({"checks": {"no drift of genres": "4 of 9 genres drifted"}}, "no drift of genres"),
    ],
)
def test_who_is_better_but_too_slow_too_large_or_of_bad_data_is_refused_for_that(
    worse: dict[str, object], reason: str
) -> None:
    verdict = judge(replace(better(), **worse), GATE)  # type: ignore[arg-type]
    assert refused_for(verdict) == {reason}


def test_who_shows_the_same_few_titles_is_refused_for_coverage() -> None:
    narrow = lists(0.6, 1)
    narrow[narrow <= 100] = 0
    few = np.where(narrow == 0, np.arange(11, 21), narrow)
    assert refused_for(judge(evidence(few, lists(0.4, 2)), GATE)) == {"coverage"}
    assert judge(evidence(few, lists(0.4, 2)), GATE.model_copy(update={"coverage_loss": 0.9})).promoted
    assert refused_for(judge(better(), GATE.model_copy(update={"coverage": 0.99}))) == {"coverage"}
    first = GATE.model_copy(update={"coverage": 0.9, "leap": 5.0})
    assert refused_for(judge(evidence(few, None), first)) == {"coverage"}


def test_who_turns_from_the_unseen_to_the_well_known_is_refused_for_novelty() -> None:
    known = lists(0.9, 1)
    known[np.ix_(LIGHT, range(1, 6))] = np.arange(4, 9)  # to whoever has not watched what half of all viewers have
    judged = evidence(known, lists(0.4, 2))
    assert judge(judged, GATE).promoted
    assert refused_for(judge(judged, GATE.model_copy(update={"novelty_change": 0.1}))) == {"novelty"}


def test_who_has_no_list_for_somebody_is_refused_for_that() -> None:
    mute = lists(0.7, 1)
    mute[:3] = 0
    assert refused_for(judge(evidence(mute, lists(0.4, 2)), GATE)) == {"everybody gets a list"}


def test_without_a_champion_the_first_must_beat_popularity_and_be_below_no_source() -> None:
    verdict = judge(evidence(lists(0.6, 1), champion=None), GATE.model_copy(update={"leap": 5.0}))
    assert verdict.promoted, verdict.reasons
    worse = judge(evidence(lists(0.3, 1), None, {"als": lists(0.6, 2)}), GATE)
    assert refused_for(worse) == {"not below als"}


def test_with_too_few_viewers_nobody_is_promoted() -> None:
    assert "enough viewers" in refused_for(judge(evidence(lists(0.7, 1, 60), lists(0.4, 2, 60)), GATE))


def test_an_equal_one_is_promoted_by_luck_in_at_most_one_of_twenty_times() -> None:
    lucky = [
        judge(evidence(lists(0.5, 2 * n, 120), lists(0.5, 2 * n + 1, 120)), GATE).promoted for n in range(100, 250)
    ]
    assert np.mean(lucky) <= 0.05


def test_a_clearly_better_one_is_seldom_missed() -> None:
    seen = [judge(evidence(lists(0.65, 2 * n), lists(0.45, 2 * n + 1)), GATE).promoted for n in range(100, 120)]
    assert np.mean(seen) >= 0.9


def test_a_table_without_popularity_or_the_cut_that_decides_is_refused() -> None:
    for missing in (pl.col("list") != "popular", pl.col("cut") != "live"):
        with pytest.raises(TableError, match="gate: the table has no lists of hybrid and popular"):
            judge(replace(better(), table=better().table.filter(missing)), GATE)
