"""Claims about ALS: what implicit's own model recommends, and it answers viewers it has never seen."""

import numpy as np
import pytest
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares

from marquee.model.histories import Floats, Histories
from marquee.model.sources.als import Als, confidence_of, fit_als
from marquee.params import AlsParams
from tests.model.sources.conftest import now, watched

SEED, VIEWERS, TITLES = 5, 76, 40  # nobody wants the last two titles
ROWS = 16  # of each of the others, where all have as many
PARAMS = AlsParams(factors=3, iterations=100, regularization=2.0, of_title=2.0 / ROWS**0.5, alpha=3.0)


def checkerboard() -> Histories:
    """Even viewers want even titles, odd viewers odd ones; each has seen about half of theirs."""
    rng = np.random.default_rng(2)
    viewers = [rng.permutation(np.arange(v % 2, TITLES - 2, 2))[: rng.integers(8, 14)].tolist() for v in range(VIEWERS)]
    return of_strengths(rng, viewers)


def even_board() -> Histories:
    """The same, all titles by as many: held back alike, as implicit holds back all."""
    rng, wanted = np.random.default_rng(2), TITLES // 2 - 1
    some = [rng.permutation(wanted)[:count] for count in (6, ROWS - 6)]
    return of_strengths(
        rng, [(2 * ((some[v // 2 // wanted] + v // 2) % wanted) + v % 2).tolist() for v in range(VIEWERS)]
    )


def of_strengths(rng: np.random.Generator, viewers: list[list[int]]) -> Histories:
    return watched(
        *viewers, strength=rng.choice([0.6, 1.0, 1.4, -0.3], sum(map(len, viewers)), p=[0.2, 0.55, 0.2, 0.05])
    )


WORLD, EVEN = checkerboard(), even_board()
OURS = fit_als(WORLD, TITLES, PARAMS, SEED)


@pytest.fixture(scope="module")
def implicits() -> tuple[AlternatingLeastSquares, sp.csr_matrix]:
    liked = sp.csr_matrix(EVEN.matrix(EVEN.strength, TITLES))
    model = AlternatingLeastSquares(
        PARAMS.factors, PARAMS.regularization, PARAMS.alpha, iterations=PARAMS.iterations, random_state=SEED
    )
    model.fit(liked, show_progress=False)
    return model, liked


def scores_of(histories: Histories) -> Floats:
    return OURS.scores(histories, now(histories))


@pytest.mark.parametrize("anew", [True, False], ids=["folded in", "as trained"])
def test_viewers_of_training_get_what_implicit_recommends(
    implicits: tuple[AlternatingLeastSquares, sp.csr_matrix], anew: bool
) -> None:
    model, liked = implicits
    theirs, their_scores = model.recommend(
        np.arange(VIEWERS), liked, N=10, filter_already_liked_items=True, recalculate_user=anew
    )
    scores = fit_als(EVEN, TITLES, PARAMS, SEED).scores(EVEN, now(EVEN))
    scores[EVEN.user, EVEN.title] = -np.inf
    ours = np.argsort(-scores, axis=1, kind="stable")[:, :10]
    our_scores = np.take_along_axis(scores, ours, axis=1)
    assert our_scores == pytest.approx(their_scores, abs=1e-3)
    # Where two titles stand closer than the scores agree, either may come first.
    assert np.array_equal(ours, theirs) or np.abs(np.take_along_axis(scores, theirs, 1) - our_scores).max() < 1e-3
    assert (ours == theirs).mean() > 0.98


def test_a_title_is_held_back_by_the_root_of_how_many_rows_it_has() -> None:
    rng, rows = np.random.default_rng(1), np.tile([1, 4, 16, 64], 5)
    seen = np.array([rng.permutation(64) < count for count in rows]).T
    world = watched(*(np.flatnonzero(of_viewer).tolist() for of_viewer in seen))
    params = PARAMS.model_copy(update={"of_title": 1.5})
    model = fit_als(world, len(rows), params, SEED)
    viewers = model.viewer_factors(world).astype(np.float64)
    for title, of_title in enumerate(model.title_factors):
        sure = params.alpha * seen[:, title]
        weighed = viewers.T @ (np.where(sure > 0, sure, 1)[:, None] * viewers)
        held_back = weighed + 1.5 * rows[title] ** 0.5 * np.eye(params.factors)
        assert of_title == pytest.approx(np.linalg.solve(held_back, viewers.T @ sure), abs=2e-3)


def test_a_viewer_never_seen_in_training_is_kept_to_their_side_of_the_board() -> None:
    best = np.argsort(-np.nan_to_num(scores_of(watched([0, 4], [1, 5]))), axis=1)[:, :5]
    assert (best % 2 == [[0], [1]]).all()


def test_one_new_event_counts_at_once() -> None:
    before, after = scores_of(watched([0, 4], [0, 4, 1]))
    assert after[3] > before[3] + 0.1


def test_a_title_that_is_not_wanted_speaks_against_those_like_it() -> None:
    before, after = scores_of(watched([0, 4, 1], [0, 4, 1, 3], strength=[1, 1, 1, 1, 1, 1, -1]))
    assert after[5] < before[5]


def test_titles_nobody_wanted_and_viewers_without_a_history_have_no_opinion() -> None:
    scores = scores_of(watched([], [0]))
    assert np.isnan(scores[0]).all()
    assert np.isnan(scores[1, -2:]).all()
    assert not np.isnan(scores[1, :-2]).any()


def test_what_says_nothing_is_no_confidence() -> None:
    assert confidence_of(watched([0, 1], strength=[0, 2]), 3, 5.0).toarray().tolist() == [[0, 10, 0]]


def test_the_same_seed_gives_the_same_factors() -> None:
    assert np.array_equal(fit_als(WORLD, TITLES, PARAMS, SEED).title_factors, OURS.title_factors)


def test_viewers_asked_together_are_answered_as_each_alone() -> None:
    alone = [scores_of(WORLD.of(np.array([user])))[0] for user in range(5)]
    np.testing.assert_allclose(scores_of(WORLD)[:5], alone, atol=1e-5)


def test_restored_from_read_only_arrays_it_answers_as_before() -> None:
    arrays = {name: array.copy() for name, array in OURS.arrays().items()}
    for array in arrays.values():
        array.flags.writeable = False
    asked = watched([0, 4], [])
    assert np.array_equal(Als.restored(arrays).scores(asked, now(asked)), scores_of(asked), equal_nan=True)


def test_a_title_that_a_viewer_is_of_two_minds_about_stays_in_the_history() -> None:
    torn = watched([1, 2, 3], strength=[1.0, 0.0, 1.0])
    before = {name: array.copy() for name, array in torn.arrays().items()}
    OURS.scores(torn, now(torn))
    confidence_of(torn, TITLES, PARAMS.alpha)
    np.testing.assert_equal(torn.arrays(), before)
