"""Claims about what follows what: order counts, the last titles count most, and both sources come from one count."""

import numpy as np
import pytest

from marquee.model.histories import Floats, Histories
from marquee.model.sources.following import (
    Following,
    Order,
    Sequence,
    fit_following,
    fit_sequence,
)
from marquee.params import FollowingParams, SequenceParams
from tests.model.sources.conftest import now, watched

TRAINS = watched(*[[0, 1, 2]] * 5, *[[5, 4, 3]] * 5, [6])
TITLES = 8  # nobody has watched the last one
FORWARD = FollowingParams(fade=0.5, backward=0.0, shrinkage=0.0, keep=10)
OF_SEQUENCE = SequenceParams(fade=0.5, regularization=1.0, support=2, most=10, keep=10)
FOLLOWING = fit_following("following", TRAINS, TITLES, FORWARD)
SEQUENCE = fit_sequence(TRAINS, TITLES, OF_SEQUENCE)
BOTH = pytest.mark.parametrize("source", [FOLLOWING, SEQUENCE], ids=lambda source: str(source.name))


def scores_of(source: Following | Sequence, histories: Histories) -> Floats:
    return source.scores(histories, now(histories))


def test_what_comes_sooner_counts_more_and_nothing_counts_backwards() -> None:
    every = np.arange(3, dtype=np.int32)
    after = Order(watched([0, 1, 2], [2, 0]), 3).soon_after(every, every, 0.5)
    assert after.tolist() == [[0, 1, 0.5], [0, 0, 1], [1, 0, 0]]


def test_one_viewers_last_title_is_not_followed_by_the_next_viewers_first() -> None:
    every = np.arange(3, dtype=np.int32)
    assert not Order(watched([0], [1], [2]), 3).soon_after(every, every, 0.9, 0.5).any()


@BOTH
def test_a_newcomer_goes_on_along_the_train_of_their_first_title(source: Following | Sequence) -> None:
    scores = np.nan_to_num(scores_of(source, watched([0], [5], [1])))
    assert scores.argmax(axis=1).tolist() == [1, 4, 2]
    assert scores[2, 0] < 0.1


@BOTH
def test_one_new_event_counts_at_once(source: Following | Sequence) -> None:
    before, after = np.nan_to_num(scores_of(source, watched([0], [0, 5])))
    assert after[4] > before[4]
    assert after.argmax() == 4


@BOTH
def test_the_last_title_counts_most(source: Following | Sequence) -> None:
    scores = np.nan_to_num(scores_of(source, watched([0, 5], [5, 0])))
    assert scores[0, 4] > scores[0, 1]
    assert scores[1, 1] > scores[1, 4]


@BOTH
def test_strangers_and_titles_that_never_followed_have_no_opinion(source: Following | Sequence) -> None:
    scores = scores_of(source, watched([], [0]))
    assert np.isnan(scores[0]).all()
    assert np.isnan(scores[1, 6:]).all()


def test_what_was_not_wanted_is_followed_by_nothing_and_speaks_against() -> None:
    refused = watched([0], strength=[-1])
    assert np.isnan(scores_of(FOLLOWING, refused)).all()
    assert scores_of(SEQUENCE, refused)[0, 1] < 0


def test_what_comes_before_counts_as_much_as_backward_says() -> None:
    both = fit_following("following", TRAINS, TITLES, FORWARD.model_copy(update={"backward": 0.5}))
    scores = scores_of(both, watched([1]))[0]
    assert scores[0] == pytest.approx(scores[2] / 2)


def test_a_title_that_few_have_watched_is_believed_less_when_shrunk() -> None:
    world = watched(*[[0, 1]] * 9, [2, 1])
    rash = fit_following("following", world, 3, FORWARD).chances.toarray()
    shrunk = fit_following("following", world, 3, FORWARD.model_copy(update={"shrinkage": 9.0})).chances.toarray()
    assert rash[[0, 2], 1].tolist() == [1, 1]
    assert shrunk[[0, 2], 1] == pytest.approx([0.5, 0.1])


def test_the_sequence_is_the_ridge_regression_of_the_next_title_on_the_fading_history() -> None:
    """Each row of a history is told by the fading sum of the rows before it, and asked about once more at the end."""
    fade, regularization = OF_SEQUENCE.fade, OF_SEQUENCE.regularization
    rows, targets = [], []
    for viewer in range(len(TRAINS)):
        state = np.zeros(TITLES)
        for title in TRAINS.title[TRAINS.starts[viewer] : TRAINS.starts[viewer + 1]]:
            rows.append(state)
            targets.append(np.eye(TITLES)[title])
            state = fade * state + np.eye(TITLES)[title]
        # After the end the history fades on, and nothing follows.
        for step in range(60):
            rows.append(state * fade**step)
            targets.append(np.zeros(TITLES))
    states, following = np.array(rows)[:, :6], np.array(targets)[:, :6]
    weights = np.linalg.solve(states.T @ states + regularization * np.eye(6), states.T @ following)
    np.testing.assert_allclose(SEQUENCE.weights.toarray()[:6, :6], weights, atol=0.02)


@BOTH
def test_viewers_asked_together_are_answered_as_each_alone(source: Following | Sequence) -> None:
    asked = watched([0, 3], [], [4], [1, 2, 5])
    alone = [scores_of(source, asked.of(np.array([user])))[0] for user in range(len(asked))]
    assert np.array_equal(scores_of(source, asked), alone, equal_nan=True)


def test_restored_from_read_only_arrays_they_answer_as_before() -> None:
    for source in (FOLLOWING, SEQUENCE):
        arrays = {name: array.copy() for name, array in source.arrays().items()}
        for array in arrays.values():
            array.flags.writeable = False
        if isinstance(source, Following):
            restored: Following | Sequence = Following.restored("following", arrays)
        else:
            restored = Sequence.restored(arrays)
        assert np.array_equal(scores_of(restored, TRAINS), scores_of(source, TRAINS), equal_nan=True)


def test_when_nobody_has_watched_anything_there_is_no_opinion() -> None:
    asked = watched([0])
    assert np.isnan(scores_of(fit_following("following", watched(), TITLES, FORWARD), asked)).all()
    assert np.isnan(scores_of(fit_sequence(watched(), TITLES, OF_SEQUENCE), asked)).all()
