"""Claims about the autoencoder: EASE in closed form, asked with the whole history, its end, or what was liked most."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
import scipy.sparse as sp
from threadpoolctl import threadpool_info

from marquee.model.histories import Floats, Histories
from marquee.model.sources.autoencoder import (
    Autoencoder,
    above_mean,
    fading,
    fit_autoencoder,
    inverse,
    whole,
)
from marquee.model.sources.pairs import supported_titles
from marquee.params import AutoencoderParams
from tests.model.sources.conftest import now, watched

CAMPS = watched(*[[0, 1, 2]] * 4, *[[3, 4, 5]] * 4, [6])
TITLES = 8  # one has watched title 6, nobody title 7
PARAMS = AutoencoderParams(regularization=1.0, support=2, most=10, keep=10)
OURS = fit_autoencoder(CAMPS, TITLES, PARAMS)


def scores_of(histories: Histories) -> Floats:
    return OURS.scores(histories, now(histories))


def test_the_weights_are_those_of_the_paper() -> None:
    """Steck 2019: B = P / -diag(P) off the diagonal, with P = (X'X + lambda I)^-1."""
    seen = CAMPS.matrix(np.ones(len(CAMPS.title), np.float32), TITLES).toarray()[:, :6].astype(np.float64)
    precision = np.linalg.inv(seen.T @ seen + np.eye(6))
    weights = -precision / np.diag(precision)
    np.fill_diagonal(weights, 0)
    np.testing.assert_allclose(OURS.weights.toarray()[:6, :6], weights, atol=1e-5)


def test_of_many_weights_the_strongest_stay() -> None:
    fewer = fit_autoencoder(CAMPS, TITLES, PARAMS.model_copy(update={"keep": 2}))
    assert np.diff(fewer.weights.indptr).tolist() == [2] * 6 + [0] * 2
    assert fewer.weights[[0]].indices.tolist() == [1, 2]
    assert (fewer.weights[[0]].data == OURS.weights[[0]].toarray()[0, 1:3]).all()


def test_a_newcomer_is_sent_to_the_camp_of_their_first_title() -> None:
    scores = scores_of(watched([0], [4]))
    assert scores[0, [1, 2]].min() > 0.1 > scores[0, 3:6].max()
    assert scores[1, [3, 5]].min() > 0.1 > scores[1, :3].max()


def test_one_new_event_counts_at_once() -> None:
    before, after = scores_of(watched([0], [0, 3]))
    assert after[4] > before[4] + 0.1


def test_what_was_not_wanted_counts_against() -> None:
    scores = scores_of(watched([0, 3], strength=[1, -1]))[0]
    assert scores[1] > 0 > scores[4]


def test_of_too_many_titles_those_watched_most_have_an_opinion() -> None:
    rows = np.bincount([0, 3, 3, 5, 3, 5, 6], minlength=TITLES)
    assert supported_titles(rows, 1, 2).tolist() == [3, 5]


def test_titles_that_too_few_have_watched_and_strangers_have_no_opinion() -> None:
    assert supported_titles(np.bincount(CAMPS.title, minlength=TITLES), 2, 10).tolist() == [0, 1, 2, 3, 4, 5]
    scores = scores_of(watched([0], [], [6]))
    assert np.isnan(scores[0, 6:]).all()
    assert np.isnan(scores[1]).all()
    assert (scores[2, :6] == 0).all()


def test_the_end_of_a_history_can_count_most() -> None:
    history = watched([3, 4, 0])
    scores = OURS.guesses(history, fading(history))[0]
    assert fading(history).tolist() == [pytest.approx(1 / 3), 0.5, 1]
    assert scores[1] > scores[5]
    assert scores_of(history)[0, 1] < scores_of(history)[0, 5]


def test_what_was_liked_more_than_the_rest_can_count_most() -> None:
    history = watched([0, 3], [0, 3], rating=[5, 1, np.nan, np.nan])
    np.testing.assert_array_equal(above_mean(history), [2.5, -1.5, 0.5, 0.5])
    liked, unrated = OURS.guesses(history, above_mean(history))
    assert liked[1] > 0 > liked[4]
    assert unrated[1] == pytest.approx(unrated[4])


def test_what_was_not_wanted_is_not_liked_whatever_its_stars() -> None:
    history = watched([0, 3], rating=[5, 1], strength=[-1, 0])
    assert above_mean(history).tolist() == [0, 0]
    assert whole(history).tolist() == [-1, 0]


@pytest.mark.parametrize("size", [1, 5, 1_500])
def test_the_inverse_is_whole_beyond_the_size_of_a_block(size: int) -> None:
    """A matrix whose inverse is known: diagonal plus rank one."""
    vector = np.linspace(0, 1, size, dtype=np.float32)
    found = inverse(np.outer(vector, vector), 2.0)
    expected = np.eye(size) / 2 - np.outer(vector, vector) / (4 * (1 + vector @ vector / 2))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_when_nobody_has_watched_anything_there_is_no_opinion() -> None:
    asked = watched([0], [])
    assert np.isnan(fit_autoencoder(watched(), TITLES, PARAMS).scores(asked, now(asked))).all()


def test_viewers_asked_together_are_answered_as_each_alone() -> None:
    alone = [scores_of(CAMPS.of(np.array([user])))[0] for user in range(len(CAMPS))]
    assert np.array_equal(scores_of(CAMPS), alone, equal_nan=True)


def test_restored_from_read_only_arrays_it_answers_as_before() -> None:
    arrays = {name: array.copy() for name, array in OURS.arrays().items()}
    for array in arrays.values():
        array.flags.writeable = False
    assert np.array_equal(Autoencoder.restored(arrays).scores(CAMPS, now(CAMPS)), scores_of(CAMPS), equal_nan=True)


def test_of_many_titles_only_scipys_own_blas_has_a_second_thread() -> None:
    """Whoever multiplies beside it gets the numbers they would get alone."""
    rng = np.random.default_rng(0)
    wide, seen = rng.normal(size=(1_501, 203)).astype(np.float32), sp.random(6_000, 4_200, 0.01, "csr", np.float32, rng)
    gram, alone = (seen.T @ seen).toarray(), wide.T @ wide
    threads: list[set[int]] = []
    done = Event()

    def beside() -> None:
        while not done.is_set():
            threads.append({each["num_threads"] for each in threadpool_info() if "numpy" in each["filepath"]})
            np.testing.assert_array_equal(wide.T @ wide, alone)

    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(beside)
        try:
            inverse(gram, 200.0)
        finally:
            done.set()
        looked.result()
    assert threads
    assert set().union(*threads) == {1}
