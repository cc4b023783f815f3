"""Lessons: moments of the past that teach the ranker. What was known, what was asked, and what was wanted next.

A lesson's sources must not know its answers, so each kind of lesson fits its own sources on its own past. `latest`
hides the last titles of every viewer: an old model with a fresh history, and the order of a history counts. `fifth`
hides more at once; `by_time` hides what came after one moment, from everybody. It asks as of that moment, and it asks
as a service does: an old model, a history that is up to date, and newcomers of whom the sources have never heard.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from marquee.model.histories import Histories, Ints, Mask
from marquee.params import LessonsParams


@dataclass(frozen=True, eq=False)
class Asked:
    """Viewers at one moment: what they had done, and what they did next."""

    histories: Histories
    wanted: Histories  # the same viewers
    as_of: Ints  # one a viewer


@dataclass(frozen=True, eq=False)
class Lesson:
    name: str
    known: Callable[[Histories], Histories]  # what the sources may know of anybody's history
    past: Histories  # that, of these
    asked: tuple[Asked, ...]


def lessons(histories: Histories, params: LessonsParams, seed: int) -> Iterator[Lesson]:
    """Every kind of lesson that these histories have answers for."""
    rng = np.random.default_rng(seed)
    given = [
        latest(histories, params, rng),
        fifth(histories, params, rng),
        *(by_time(histories, share, params, rng) for share in params.moments),
    ]
    return (lesson for lesson in given if lesson.asked)


def latest(histories: Histories, params: LessonsParams, rng: np.random.Generator) -> Lesson:
    """The next few titles, at several places among the last titles of each viewer."""
    hidden = _hidden(histories, params.hidden)
    known = partial(_before_the_last, most=params.hidden)
    return Lesson("latest", known, known(histories), _answered(_next_few(histories, hidden, params, rng)))


def _hidden(histories: Histories, most: int) -> Ints:
    return np.minimum(most, histories.counts // 2)


def _before_the_last(histories: Histories, most: int) -> Histories:
    return histories.where(histories.from_end >= np.repeat(_hidden(histories, most), histories.counts))


def fifth(histories: Histories, params: LessonsParams, rng: np.random.Generator) -> Lesson:
    """Everything in the last fifth of each viewer's history."""
    some = _some(np.flatnonzero((histories.counts * 0.2).astype(np.int64) > 0), params.viewers, rng)
    of, past = histories.of(some), _before_the_last_fifth(histories)
    asked = _asked(past.of(some), of.where(_in_the_last_fifth(of)), _until(histories))
    return Lesson("fifth", _before_the_last_fifth, past, _answered([asked]))


def _in_the_last_fifth(histories: Histories) -> Mask:
    return histories.from_end < np.repeat((histories.counts * 0.2).astype(np.int64), histories.counts)


def _before_the_last_fifth(histories: Histories) -> Histories:
    return histories.where(~_in_the_last_fifth(histories))


def by_time(histories: Histories, share: float, params: LessonsParams, rng: np.random.Generator) -> Lesson:
    """Everything after the moment by which that share of all rows had happened."""
    moment = int(np.sort(histories.at)[int(share * (len(histories.at) - 1))]) if len(histories.at) else 0
    past = histories.where(np.maximum(histories.at, histories.known_at) <= moment)
    users = _some(np.flatnonzero((past.counts > 0) & (past.counts < histories.counts)), params.viewers, rng)
    of = histories.of(users)
    asked = _asked(past.of(users), of.where(of.at > moment), moment)
    new = histories.of(_some(np.flatnonzero(past.counts == 0), params.viewers // max(len(params.newcomers), 1), rng))
    asked_new = [_newcomers(new, rows, params.hidden, moment) for rows in params.newcomers]
    # Not what was learnt late of earlier days: the title before it may be one that the past knows.
    late = histories.where(histories.at > moment).counts
    asked_live = _next_few(histories, np.minimum(late, histories.counts - 1), params, rng)
    known = partial(_known_by, moment=moment)
    # Of all requests few want what comes in the long run: asked once, they would hardly be heard beside the others.
    every = [*[asked] * params.later, *asked_new, *asked_live]
    return Lesson(f"by_time_{share:g}", known, known(histories), _answered(every))


def _known_by(histories: Histories, moment: int) -> Histories:
    """Viewers who are yet to come are nobody: shares of viewers and whatever is drawn for each would tell of them."""
    past = histories.where(np.maximum(histories.at, histories.known_at) <= moment)
    return past.of(np.flatnonzero(past.counts > 0))


def _next_few(histories: Histories, open_to: Ints, params: LessonsParams, rng: np.random.Generator) -> list[Asked]:
    """What is next at each step before the end, of viewers whose last `open_to` rows may be asked for.

    Few, since which of them came first is mostly chance; not many, since what is next is soon something else. Not all
    of that is chance: the very next one counts `first` grades more.
    """
    asked = []
    for steps in params.steps:
        of = histories.of(_some(np.flatnonzero(open_to >= steps), params.viewers // len(params.steps), rng))
        wanted = (of.from_end < steps) & (of.from_end >= steps - params.ahead)
        very_next = (of.from_end == steps - 1) & (of.label > 0)
        graded = replace(of, label=of.label + np.float32(params.first) * very_next)
        asked.append(_asked(of.where(of.from_end >= steps), graded.where(wanted), _until(histories)))
    return asked


def _newcomers(viewers: Histories, rows: int, wanted: int, moment: int) -> Asked:
    """Viewers of whom only the first rows are known, who then want the next ones."""
    place = np.arange(len(viewers.title)) - viewers.starts[:-1][viewers.user]
    known = viewers.where(place < rows)
    later = viewers.where((place >= rows) & (place < rows + wanted))
    as_of = np.full(len(viewers), moment)
    np.maximum.at(as_of, known.user, np.maximum(known.at, known.known_at))
    return Asked(known, later, as_of)


def _asked(histories: Histories, wanted: Histories, moment: int) -> Asked:
    return Asked(histories, wanted, np.full(len(histories), moment))


def _some(users: Ints, most: int, rng: np.random.Generator) -> Ints:
    return np.sort(rng.choice(users, most, replace=False)) if len(users) > most else users


def _until(histories: Histories) -> int:
    """The latest moment at which anybody told of anything."""
    return int(np.maximum(histories.at, histories.known_at).max(initial=0))


def _answered(asked: list[Asked]) -> tuple[Asked, ...]:
    """Only viewers who wanted something have anything to teach."""
    kept = []
    for each in asked:
        wanted = each.wanted.where(each.wanted.label > 0)
        users = np.flatnonzero(wanted.counts > 0)
        if len(users):
            kept.append(Asked(each.histories.of(users), wanted.of(users), each.as_of[users]))
    return tuple(kept)
