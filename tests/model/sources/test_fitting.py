"""Claims about every source at once: strangers, new events, silence, and the way through a model folder."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marquee.model.folder import Contents, load_model, save_model
from marquee.model.histories import Floats, Histories
from marquee.model.sources import Fitted, Source
from marquee.model.sources.fitting import all_sources, fit_sources, restored_sources
from marquee.model.sources.together import said_by_all
from marquee.model.titles import Titles
from marquee.tables import TITLES
from tests.model.conftest import DAY, small_params
from tests.model.sources.conftest import now, watched

# Two camps, each with its order; of the last title only its genre is known.
CAMPS = watched(*[[0, 1, 2, 3]] * 5, *[[4, 5, 6, 7]] * 5, rating=[5, 3, 4, 4] * 10)
COUNT = 9
ALS = "{factors: 4, iterations: 20, regularization: 1.0, of_title: 0.2, alpha: 3.0}"
PARAMS = small_params(f"sources.als={ALS}").sources
UNMOVED = {"popular", "trending"}  # the same for everybody
NAMES = (
    *("als", "autoencoder", "following", "following_long", "sequence", "title_neighbours", "viewer_neighbours"),
    *("content", "popular", "trending", "following_last", "autoencoder_recent", "autoencoder_liked"),
)


def titles() -> Titles:
    genres = [["Crime"]] * 4 + [["Dramas"]] * 5
    return Titles(TITLES.complete(pl.DataFrame({"title_id": range(1, 10), "name": ["A"] * 9, "genres": genres})))


FITTED = fit_sources(CAMPS, titles(), PARAMS, seed=1)
SOURCES = {source.name: source for source in all_sources(FITTED)}


def scores_of(name: str, histories: Histories, sources: Mapping[str, Source] = SOURCES) -> Floats:
    return sources[name].scores(histories, now(histories))


def test_every_source_is_there_once_by_its_name() -> None:
    assert tuple(SOURCES) == NAMES
    assert all(FITTED[name].name == name for name in FITTED)


def test_all_sources_say_together_what_each_says_alone_whoever_else_is_asked() -> None:
    viewers = watched([0, 1, 5], [], [4], [7, 6, 3, 2, 0], strength=[1, -1, 1, 0.2, 1, 0, 1, 1, 1], rating=[2] * 9)
    together = list(said_by_all(tuple(SOURCES.values()), viewers, now(viewers)))
    for name, scores in zip(NAMES, together, strict=True):
        assert np.array_equal(scores, scores_of(name, viewers), equal_nan=True), name
        for viewer in range(len(viewers)):
            alone = scores_of(name, viewers.of(np.array([viewer])))[0]
            assert np.array_equal(scores[viewer], alone, equal_nan=True), name


@pytest.mark.parametrize("name", NAMES)
def test_a_viewer_never_seen_in_training_is_answered_from_their_history(name: str) -> None:
    scores = scores_of(name, watched([0, 1], [4, 5]))
    assert scores.shape == (2, COUNT)
    assert scores.dtype == np.float32
    if name in UNMOVED:
        assert np.array_equal(scores[0], scores[1], equal_nan=True)
    else:
        known = np.nan_to_num(scores)
        assert known[0, 2] > known[0, 6]
        assert known[1, 6] > known[1, 2]


@pytest.mark.parametrize("name", sorted(set(NAMES) - UNMOVED))
def test_one_new_event_changes_what_is_said_at_once(name: str) -> None:
    before, after = np.nan_to_num(scores_of(name, watched([0, 1], [0, 1, 4])))
    assert after[5] > before[5]


@pytest.mark.parametrize("name", NAMES)
def test_to_a_stranger_a_source_says_the_same_as_to_everybody_or_nothing(name: str) -> None:
    scores = scores_of(name, watched([], [0]))
    assert np.isnan(scores[0]).all() == (name not in UNMOVED)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"content", "popular"}))
def test_of_a_title_that_nobody_has_watched_nothing_is_said(name: str) -> None:
    assert np.isnan(scores_of(name, watched([4], [0]))[:, -1]).all()


def test_what_is_known_of_a_title_speaks_for_it_before_anybody_has_watched_it() -> None:
    scores = scores_of("content", watched([4], [0]))
    assert scores[0, -1] > np.nan_to_num(scores[1, -1])


@pytest.mark.parametrize("name", NAMES)
def test_what_was_watched_is_untouched_by_asking(name: str) -> None:
    asked = watched([0, 1], [4])
    before = {key: array.copy() for key, array in asked.arrays().items()}
    first = scores_of(name, asked)
    first[:] = 7
    assert not (scores_of(name, asked) == 7).all()
    assert all(np.array_equal(before[key], array, equal_nan=True) for key, array in asked.arrays().items())


def test_what_follows_the_last_title_looks_at_no_other() -> None:
    long = watched([4, *[0, 1, 2] * 4][:11], [*[0, 1, 2] * 4][:10])
    np.testing.assert_array_equal(scores_of("following_last", long), scores_of("following", long.last(1)))


def test_fitted_again_with_the_same_seed_every_source_is_the_same_to_the_bit() -> None:
    again = fit_sources(CAMPS, titles(), PARAMS, seed=1)
    assert all(same(FITTED[name], again[name]) for name in FITTED)


def same(one: Fitted, other: Fitted) -> bool:
    arrays, others = one.arrays(), other.arrays()
    return arrays.keys() == others.keys() and all(np.array_equal(arrays[n], others[n], equal_nan=True) for n in arrays)


def test_out_of_a_model_folder_every_source_says_the_same(tmp_path: Path) -> None:
    save_model(tmp_path / "model", Contents({name: s.arrays() for name, s in FITTED.items()}, {}, {}, {}))
    parts = load_model(tmp_path / "model").arrays
    assert not any(array.flags.writeable for arrays in parts.values() for array in arrays.values())
    restored = {source.name: source for source in all_sources(restored_sources(parts))}
    asked = watched([0, 1], [], [4], *[[0, 1, 2, 3, 4, 5, 6, 7, 8]])
    for name in NAMES:
        assert np.array_equal(scores_of(name, asked), scores_of(name, asked, restored), equal_nan=True), name


def test_a_world_of_one_viewer_and_one_title_is_a_world() -> None:
    one = watched([0], at=[DAY])
    alone = Titles(TITLES.complete(pl.DataFrame({"title_id": [1], "name": ["A"]})))
    for source in all_sources(fit_sources(one, alone, PARAMS, seed=1)):
        assert source.scores(one, now(one)).shape == (1, 1)
