"""Claims about rescoring: a few titles of a history without some of its rows, as every source would say it anew."""

import numpy as np
import pytest

from marquee.model.histories import Ints
from marquee.model.recommender import Recommender
from marquee.model.rescored import Without, rescorers
from tests.model.conftest import histories, interactions

VIEWER = histories(interactions(1, seed=77, first_id=9_000))
TITLES = np.arange(5, 160, 4)


def without(*left_out: Ints) -> Without:
    kept = np.ones((len(left_out), len(VIEWER.title)), bool)
    for copy, rows in zip(kept, left_out, strict=True):
        copy[rows] = False
    some = VIEWER.of(np.zeros(len(kept), np.int64)).where(kept.ravel())
    return Without(some, np.nonzero(kept)[1], np.full(len(kept), VIEWER.last_at[0]))


@pytest.fixture(scope="module")
def shorter() -> Without:
    last = np.arange(len(VIEWER.title))
    return without(last[:0], last[-1:], last[:1], last[-4:], last[1:], last)


def test_every_source_says_of_a_few_titles_what_it_would_say_anew(fitted: Recommender, shorter: Without) -> None:
    every = rescorers(fitted.sources, VIEWER, TITLES)
    for source, rescored in zip(fitted.sources, every, strict=True):
        anew = source.scores(shorter.histories, shorter.as_of)[:, TITLES]
        np.testing.assert_allclose(rescored(shorter), anew, rtol=1e-4, atol=1e-6, err_msg=source.name)
