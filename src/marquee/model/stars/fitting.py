"""How tastes are learnt: viewers from titles and titles from viewers in turns, and what to expect of either."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.stars.sides import Side, Sums, titles_sums, viewers_sums
from marquee.model.stars.tastes import Said, Tastes
from marquee.model.stars.watched import Watched, fit_watched
from marquee.params import TastesParams

_CHUNK = 16_384  # viewers at once: bounds memory, changes nothing
_FIRST_SPREAD = 0.1  # of factors before anything is learnt
_LEAST_NOISE = 0.01


@dataclass(frozen=True, eq=False)
class _Round:
    """What one pass over all viewers leaves to the titles."""

    sums: Sums
    means: Floats  # viewers x (1 + factors)
    reliability: Floats
    error: float  # weighted and squared, of all ratings
    bias_moment: float


def fit_tastes(histories: Histories, titles: int, params: TastesParams, seed: int) -> Tastes:
    watched, of_titles = fit_watched(histories, titles, params.directions, seed)
    rated, of_viewers = histories.rated, watched.viewers(histories)
    seen: Ints = np.bincount(rated.title, minlength=titles)
    tastes = _blank(rated.rating, watched, params, seed)
    reliability, expected = np.ones(len(rated), np.float32), np.zeros_like(tastes.titles.means)
    prior = np.full(params.factors + 1, _FIRST_SPREAD**-2, np.float32)
    every = np.ones(titles, np.float32)
    for _ in range(params.iterations):
        passed = _passed(tastes, rated, of_viewers, reliability)
        side = passed.sums.solved(every, prior, expected, tastes.noise)
        prior = _precision(side.moments_around(expected)[seen > 0])
        expected = of_titles @ _ridge(of_titles, side.means, _trust(seen, params), params)
        reliability = passed.reliability
        tastes = replace(
            tastes,
            noise=max(passed.error / max(len(rated.rating), 1), _LEAST_NOISE),
            bias_prior=len(rated) / max(passed.bias_moment, 1e-6),
            titles=side,
            from_watched=_ridge(of_viewers, passed.means, _trust(rated.counts, params), params),
        )
    return tastes


def _blank(stars: Floats, watched: Watched, params: TastesParams, seed: int) -> Tastes:
    """Nothing but small random factors."""
    titles, size = len(watched.vectors), params.factors + 1
    means = np.random.default_rng(seed).normal(0, _FIRST_SPREAD, (titles, size)).astype(np.float32)
    means[:, 0] = 0
    mean, variance = (float(stars.mean()), float(stars.var())) if len(stars) else (0.0, 1.0)
    noise = max(variance, _LEAST_NOISE)
    side, nothing = Side(means, np.zeros((titles, size, size), np.float32)), np.zeros((watched.width, size), np.float32)
    return Tastes(mean, noise, 4 / noise, params.support, side, watched, nothing)


def _passed(tastes: Tastes, rated: Histories, of_viewers: Floats, reliability: Floats) -> _Round:
    titles, size = tastes.titles.means.shape
    sums = Sums.nothing(titles, size)
    means, found, error, bias_moment = [np.zeros((0, size), np.float32)], [reliability[:0]], 0.0, 0.0
    above = tastes.above(rated)
    for users in _chunks(rated):
        runs = (rated.starts[users.start : users.stop + 1], rated.title, above)
        expected = of_viewers[users] @ tastes.from_watched
        side, errors = tastes.solved(Said(*viewers_sums(*runs, tastes.titles)), expected, reliability[users])
        now = tastes.reliability(errors, rated.counts[users])
        sums = sums.and_of(titles_sums(*runs, now, side, titles))
        means.append(side.means)
        found.append(now)
        error += float((errors * now).sum(dtype=np.float64))
        bias_moment += float(side.moments_around(expected)[:, 0].sum(dtype=np.float64))
    return _Round(sums, np.concatenate(means), np.concatenate(found), error, bias_moment)


def _chunks(rated: Histories) -> Iterator[slice]:
    return (slice(at, min(at + _CHUNK, len(rated))) for at in range(0, len(rated), _CHUNK))


def _precision(moments: Floats) -> Floats:
    """How sure it is, before any rating, that a title is as expected: its bias, and each of its factors."""
    if not len(moments):
        return np.ones(moments.shape[1], np.float32)
    usual = moments.mean(axis=0)
    usual[1:] = usual[1:].mean()
    return np.asarray(1 / usual, np.float32)


def _trust(counts: Ints, params: TastesParams) -> Floats:
    return (counts / (counts + params.support)).astype(np.float32)


def _ridge(watched: Floats, means: Floats, trust: Floats, params: TastesParams) -> Floats:
    """Width x (1 + factors): what is known of tastes from what was watched."""
    weighed = watched * trust[:, None]
    gram = weighed.T @ watched + params.expectation * np.eye(watched.shape[1], dtype=np.float32)
    return np.asarray(np.linalg.solve(gram, weighed.T @ means), np.float32)
