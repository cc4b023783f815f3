"""Claims about the ranker: it learns what was wanted, boosters vote alike, and before any lesson the ranks decide."""

import numpy as np
import pytest

from marquee.errors import ModelError
from marquee.model.ranker import Ranker, Rows, fit_ranker
from marquee.params import RankerParams
from tests.model.conftest import small_params

NAMES = ("als_score", "als_rank", "popular_rank", "noise")
PARAMS = small_params().ranker
SEED = 3


def lessons_of(groups: int, per_group: int = 20) -> Rows:
    """What als ranks in its first three is wanted; the rest is noise."""
    rng = np.random.default_rng(8)
    ranks = np.concatenate([rng.permutation(per_group) for _ in range(groups)])
    rest = rng.normal(size=(groups * per_group, 2))
    features = np.column_stack([-ranks, np.log2(1 + ranks), rest]).astype(np.float32)
    return Rows(NAMES, features, (ranks < 3).astype(np.int64), np.full(groups, per_group))


def of(*objectives: str) -> RankerParams:
    return PARAMS.model_copy(update={"objectives": objectives})


ROWS = lessons_of(60)
SEVERAL = ("rank_xendcg", "lambdarank", "binary")


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return fit_ranker(ROWS, of(*SEVERAL), SEED)


@pytest.mark.parametrize("objective", SEVERAL)
def test_what_was_wanted_scores_above_what_was_not(objective: str) -> None:
    scores = fit_ranker(ROWS, of(objective), SEED).scores(ROWS.features)
    assert scores[ROWS.labels > 0].min() > scores[ROWS.labels == 0].max()


def test_what_the_features_add_sums_to_the_score_of_several_boosters(ranker: Ranker) -> None:
    assert len(ranker.texts) == 3
    contributions = ranker.contributions(ROWS.features)
    assert contributions.shape == (len(ROWS.features), len(NAMES) + 1)
    assert contributions.sum(axis=1) == pytest.approx(ranker.scores(ROWS.features), abs=1e-4)


def test_every_booster_has_a_vote(ranker: Ranker) -> None:
    votes = [Ranker(NAMES, (text,)).scores(ROWS.features) for text in ranker.texts]
    assert ranker.scores(ROWS.features) == pytest.approx(np.mean(votes, axis=0), abs=1e-5)


def test_what_is_not_known_is_read_as_nan(ranker: Ranker) -> None:
    nothing = np.full((3, len(NAMES)), np.nan, np.float32)
    assert np.isfinite(ranker.scores(nothing)).all()
    assert np.isfinite(ranker.contributions(nothing)).all()


def test_a_ranker_of_other_features_is_refused_not_misread(ranker: Ranker) -> None:
    for names in (NAMES[:-1], (*NAMES, "more"), NAMES[::-1]):
        with pytest.raises(ModelError, match="fit it anew"):
            Ranker(names, ranker.texts).scores(ROWS.features)


def test_the_same_seed_gives_the_same_models_to_the_letter(ranker: Ranker) -> None:
    assert fit_ranker(ROWS, of(*SEVERAL), SEED).texts == ranker.texts
    assert fit_ranker(ROWS, of(*SEVERAL), SEED + 1).texts != ranker.texts


def test_viewers_scored_together_are_scored_as_each_alone(ranker: Ranker) -> None:
    """Where sources are silent too."""
    rows = np.where(np.arange(len(ROWS.features))[:, None] % 3 > 0, ROWS.features, np.float32(np.nan))
    for each in (ranker, Ranker(NAMES, ())):
        scores, alone = each.scores(rows), [each.scores(rows[n : n + 20]) for n in range(0, 100, 20)]
        assert np.array_equal(scores[:100], np.concatenate(alone))


def test_without_lessons_the_ranks_of_the_sources_decide() -> None:
    none = Rows(NAMES, ROWS.features[:0], ROWS.labels[:0], ROWS.counts[:0])
    ranker = fit_ranker(none, PARAMS, SEED)
    assert ranker.texts == ()
    nan = np.nan
    features = np.array([[9, 0, 0, 5], [1, 1, 0, 9], [5, nan, 0, 7], [7, nan, nan, 8]], np.float32)
    assert np.argsort(-ranker.scores(features)).tolist() == [0, 1, 2, 3]
    assert ranker.contributions(features).sum(axis=1) == pytest.approx(ranker.scores(features))


@pytest.mark.parametrize("groups", [1, 2])
def test_of_too_few_rows_for_two_leaves_nothing_is_learnt_and_the_ranks_decide(groups: int) -> None:
    few, leaf_rows = lessons_of(groups, per_group=1), PARAMS.model_copy(update={"leaf_rows": 2})
    assert fit_ranker(few, leaf_rows, SEED).texts == ()


def test_nobodys_candidates_have_no_scores(ranker: Ranker) -> None:
    for each in (ranker, Ranker(NAMES, ())):
        assert each.scores(np.empty((0, len(NAMES)), np.float32)).shape == (0,)


def test_of_whom_nothing_is_known_the_sources_ranks_decide_also_after_training() -> None:
    names = ("popular_rank", "viewer_count", "viewer_region")
    wanted = np.arange(2_000) % 20 > 16  # those that the source ranks last
    ranks = np.log2(1 + np.arange(2_000) % 20)
    known = np.column_stack([ranks, np.ones(2_000), np.full(2_000, np.nan)]).astype(np.float32)
    ranker = fit_ranker(Rows(names, known, wanted.astype(np.int64), np.full(100, 20)), of("rank_xendcg"), SEED)
    nobody, of_a_region = known[:20].copy(), known[:20].copy()
    nobody[:, 1], of_a_region[:, 1:] = np.nan, (np.nan, 2)
    first = [int(np.argmax(ranker.scores(rows))) for rows in (known[:20], of_a_region, nobody)]
    assert first[0] > 16
    assert first[1] == 0  # a region of which nothing was learnt makes nobody known
    assert first[2] == 0
    assert ranker.contributions(nobody).sum(axis=1) == pytest.approx(ranker.scores(nobody), abs=1e-4)
