"""Measured: how far predicted stars are from those given, on a split by time, on random folds, on given pairs.

Beside the blend stands what its parts say alone, so that each has to earn its place; and of whom it knows how much.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.stars import Stars, fit_stars
from marquee.params import EvaluateParams, StarsParams

BLEND = "blend"

Ways = Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Answers:
    """Of rows that a model did not see."""

    ways: Ways  # what each way said of them
    given: Floats  # the stars they were given
    watched: Ints  # how many rows of each one's viewer were seen
    rated: Ints  # and of its title


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


def errors(told: Sequence[Answers]) -> Mapping[str, Error]:
    return {way: error(*said(told, way)) for way in told[0].ways}


def said(told: Sequence[Answers], way: str) -> tuple[Floats, Floats]:
    """What one way said of all rows, and what they were given."""
    return np.concatenate([answers.ways[way] for answers in told]), np.concatenate([each.given for each in told])


def by_segment(told: Sequence[Answers], params: EvaluateParams) -> Mapping[str, Error]:
    """How far the blend is off for viewers and titles of whom so much was seen, as lists are told of them."""
    predicted, given = said(told, BLEND)
    watched, rated = (np.concatenate([getattr(each, name) for each in told]) for name in ("watched", "rated"))
    of = {
        "light viewers": (watched > 0) & (watched < params.light),
        "medium viewers": (watched >= params.light) & (watched < params.heavy),
        "heavy viewers": watched >= params.heavy,
        "old titles": rated >= params.new_title,
        "new titles": rated < params.new_title,
        "strangers": watched == 0,
    }
    return {name: error(predicted[rows], given[rows]) for name, rows in of.items() if rows.any()}


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
    return clipped | {BLEND: stars.predict(known, user, title, at)}


def answers(
    histories: Histories, asked: Sequence[Mask], titles: int, params: StarsParams, seed: int
) -> Iterator[Answers]:
    """One model a set of rows, which saw none of them."""
    for rows in asked:
        known, tested = histories.where(~rows), rows & ~np.isnan(histories.rating)
        user, title, at = histories.user[tested], histories.title[tested].astype(np.int64), histories.at[tested]
        stars = fit_stars(known, titles, params, seed)
        rated = np.bincount(known.title, minlength=titles)
        yield Answers(ways(stars, known, user, title, at), histories.rating[tested], known.counts[user], rated[title])


def _title_means(known: Histories, titles: int) -> Floats:
    rated = ~np.isnan(known.rating)
    title, stars = known.title[rated], known.rating[rated]
    counts = np.bincount(title, minlength=titles)
    means = np.bincount(title, stars, titles) / np.maximum(counts, 1)
    return np.where(counts > 0, means, stars.mean()).astype(np.float32)
