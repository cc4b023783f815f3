"""Measured: how far predicted stars are from those given, on a split by time, on random folds, on given pairs.

Beside the blend stands what its parts say alone, so that each has to earn its place.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.stars import Stars, fit_stars
from marquee.params import StarsParams

Ways = Mapping[str, Floats]
Answers = Sequence[tuple[Ways, Floats]]  # what each way said of some rows, and the stars they were given


@dataclass(frozen=True)
class Error:
    rmse: float
    mae: float
    pairs: int


def error(predicted: Floats, given: Floats) -> Error:
    off = predicted.astype(np.float64) - given
    return Error(float(np.sqrt((off**2).mean())), float(np.abs(off).mean()), len(off))


def random_folds(histories: Histories, titles: int, params: StarsParams, folds: int, seed: int) -> Mapping[str, Error]:
    """Every row is asked once, of a model that saw the other folds: the usual protocol, blind to time."""
    return on_rows(histories, fold_rows(histories, folds, seed), titles, params, seed)


def last_part(histories: Histories, titles: int, params: StarsParams, share: float, seed: int) -> Mapping[str, Error]:
    """Each viewer's last rows are asked."""
    last = histories.from_end < np.floor(share * histories.counts)[histories.user]
    return on_rows(histories, [last], titles, params, seed)


def by_time(histories: Histories, titles: int, params: StarsParams, share: float, seed: int) -> Mapping[str, Error]:
    """One moment for everybody: what came later is asked."""
    return on_rows(histories, late_rows(histories, share), titles, params, seed)


def fold_rows(histories: Histories, folds: int, seed: int) -> Sequence[Mask]:
    fold = np.random.default_rng(seed).permutation(len(histories.title)) % folds
    return [fold == number for number in range(folds)]


def late_rows(histories: Histories, share: float) -> Sequence[Mask]:
    return [histories.at > np.quantile(histories.at, 1 - share, method="lower")]


def on_rows(
    histories: Histories, asked: Sequence[Mask], titles: int, params: StarsParams, seed: int
) -> Mapping[str, Error]:
    """Of given rows, such as the Netflix Prize's probe, by a model that saw none of them; one model a set of rows."""
    return errors(list(answers(histories, asked, titles, params, seed)))


def errors(told: Answers) -> Mapping[str, Error]:
    return {way: error(*said(told, way)) for way in told[0][0]}


def said(told: Answers, way: str) -> tuple[Floats, Floats]:
    """What one way said of all rows, and what they were given."""
    return np.concatenate([ways[way] for ways, _ in told]), np.concatenate([given for _, given in told])


def ways(stars: Stars, known: Histories, user: Ints, title: Ints, at: Ints) -> Ways:
    """What the blend says of pairs, and what its parts say without it."""
    columns, counts = stars.parts.columns(known, user, title, at), stars.parts.counts
    mean = np.full(len(user), stars.parts.tastes.mean, np.float32)
    said = {
        "mean": mean,
        "title mean": _title_means(known, len(counts))[title],
        "biases": columns["biases"],
        "neighbours": columns["biases"] + columns["neighbours"],
        "tastes": columns["tastes"],
    }
    clipped = {name: np.clip(values, *stars.scale) for name, values in said.items()}
    return clipped | {"blend": stars.predict(known, user, title, at)}


def answers(
    histories: Histories, asked: Sequence[Mask], titles: int, params: StarsParams, seed: int
) -> Iterator[tuple[Ways, Floats]]:
    """One model a set of rows, which saw none of them."""
    for rows in asked:
        known, tested = histories.where(~rows), rows & ~np.isnan(histories.rating)
        user, title, at = histories.user[tested], histories.title[tested], histories.at[tested]
        stars = fit_stars(known, titles, params, seed)
        yield ways(stars, known, user, title.astype(np.int64), at), histories.rating[tested]


def _title_means(known: Histories, titles: int) -> Floats:
    rated = ~np.isnan(known.rating)
    title, stars = known.title[rated], known.rating[rated]
    counts = np.bincount(title, minlength=titles)
    means = np.bincount(title, stars, titles) / np.maximum(counts, 1)
    return np.where(counts > 0, means, stars.mean()).astype(np.float32)
