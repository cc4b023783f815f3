"""live_events.jsonl: what some viewers do in the weeks after the ratings end, true to their tastes.

A new habit is a method of _Evenings and a line in `_spend_evening`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from marquee.data.demo_world.catalogue import Title
from marquee.data.demo_world.tastes import Floats, Ints, TitleTraits
from marquee.data.demo_world.viewers import Viewers
from marquee.data.demo_world.viewing import TASTE_IN_STARS
from marquee.data.demo_world.watches import Watches, coded_likings
from marquee.data.demo_world.words import Dice, Words

Event = dict[str, object]

_BEGIN, _WEEKS = datetime(2006, 1, 1, tzinfo=UTC), 4
_SHARE, _MOST = 0.1, 2_000  # of the viewers that the ratings know are seen live
_SERIES_PULL, _COMPANION_PULL = 3.0, 1.5  # log-odds of going on with what one knows


@dataclass(frozen=True)
class LiveWorld:
    words: Words
    titles: Sequence[Title]
    traits: TitleTraits
    viewers: Viewers
    stars: Ints  # of each coded liking


def live_viewers(viewers: Viewers, rng: np.random.Generator) -> Ints:
    """The rows of those seen live: newcomers, and some who have not left."""
    staying = np.flatnonzero((viewers.ratings > 0) & ~viewers.bots & (viewers.left == viewers.left.max()))
    count = min(len(staying), _MOST, max(2, round(_SHARE * len(viewers.ratings))))
    newcomers = np.flatnonzero(viewers.ratings == 0)[:_MOST]
    return np.sort(np.concatenate([newcomers, rng.choice(staying, count, replace=False)]))


def write_live_events(path: Path, world: LiveWorld, rows: Ints, past: Watches, rng: np.random.Generator) -> int:
    """What these viewers do, in time order; `past` is all they have watched."""
    events: list[Event] = []
    for row in rows.tolist():
        events += _Evenings(world, row, past[past.viewer == row].title, Dice(rng)).spend()
    events.sort(key=lambda event: (event["happened_at"], event["event_id"]))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
    return len(events)


class _Evenings:
    """One viewer's evenings: they keep what was seen, and the time."""

    def __init__(self, world: LiveWorld, row: int, history: Ints, dice: Dice) -> None:
        traits, viewers = world.traits, world.viewers
        self._world, self._row, self._dice, self._history = world, row, dice, history.tolist()
        self._user_id = int(viewers.user_ids[row])
        self._affinity: Floats = viewers.end[row] @ traits.vectors.T
        self._furthest = np.zeros(traits.work.max() + 1, dtype=np.int64)  # part seen of each work
        np.maximum.at(self._furthest, traits.work[history], traits.part[history])
        self._refused = np.zeros(len(traits.part), dtype=np.bool_)
        self._last: int | None = None
        self._now = _BEGIN
        self._events: list[Event] = []

    def spend(self) -> list[Event]:
        rng = self._dice.rng
        evenings = min(1 + int(rng.poisson(2.5)), 7 * _WEEKS)
        for day in np.sort(rng.choice(7 * _WEEKS, evenings, replace=False)).tolist():
            self._now = _BEGIN + timedelta(days=day, seconds=int(3600 * rng.uniform(17, 22)))
            self._spend_evening()
        return self._events

    def _spend_evening(self) -> None:
        title = self._choice()
        if title is None:
            return
        if self._dice.chance(0.2):
            self._note("searched", detail=self._query(title))
        if self._dice.chance(0.5):
            self._note("opened", title)
        self._watch(title)
        while self._dice.chance(0.6) and (following := self._next_part()) is not None:
            self._watch(following)
        self._look_around()

    def _choice(self) -> int | None:
        """By taste, appeal, and what goes on from what was seen."""
        traits = self._world.traits
        pull = self._affinity + traits.appeal + self._dice.rng.gumbel(size=len(traits.part))
        pull += np.where(traits.part > 1, _SERIES_PULL, 0)
        if self._last is not None:
            pull[traits.companions[self._last]] += _COMPANION_PULL
        pull[~self._open_titles()] = -np.inf
        best = int(pull.argmax())
        return best if np.isfinite(pull[best]) else None

    def _open_titles(self) -> np.ndarray:
        """Not seen, not refused, and not ahead of a part that was not seen."""
        traits = self._world.traits
        return np.asarray((traits.part == self._furthest[traits.work] + 1) & ~self._refused)

    def _next_part(self) -> int | None:
        part = -1 if self._last is None else int(self._world.traits.next_part[self._last])
        return part if part >= 0 and self._open_titles()[part] else None

    def _watch(self, title: int) -> None:
        dice, traits = self._dice, self._world.traits
        self._furthest[traits.work[title]] = traits.part[title]
        self._last = title
        self._note("watch_started", title)
        began, runtime = self._now, timedelta(minutes=45 if self._world.titles[title].kind == "series" else 105)
        likes_it = 1 / (1 + np.exp(-(0.3 + 0.6 * float(self._affinity[title]))))
        ends_at = 1.0 if dice.chance(likes_it) else 0.03 + 0.5 * float(dice.rng.random())
        for share in (0.25, 0.5, 0.75):
            if share < ends_at:
                self._now = max(self._now, began + share * runtime)
            if share < ends_at and dice.chance(0.5):
                self._note("watch_progress", title, value=share)
            if share < ends_at and dice.chance(0.1):
                self._note(dice.pick(("paused", "rewound")), title)
        self._now = max(self._now, began + ends_at * runtime)
        if ends_at < 1:
            self._note("abandoned", title, value=round(ends_at, 2))
        else:
            self._note("watch_finished", title)
        self._judge(title)

    def _judge(self, title: int) -> None:
        stars = self._stars(title)
        if self._events[-1]["kind"] == "watch_finished" and self._dice.chance(0.4):
            self._note("rated", title, value=stars)
        elif self._dice.chance(0.3) and stars != 3:
            self._note("liked" if stars > 3 else "disliked", title)

    def _stars(self, title: int) -> int:
        viewers, traits = self._world.viewers, self._world.traits
        liking = viewers.bias[self._row, 1] + traits.quality[title] + TASTE_IN_STARS * self._affinity[title]
        return int(self._world.stars[coded_likings(np.array([liking + self._dice.rng.normal(0, 0.7)]))[0]])

    def _look_around(self) -> None:
        """Saving what fits, refusing what is famous and does not, and seeing an old love again."""
        if self._dice.chance(0.15) and (title := self._choice()) is not None:
            self._note("saved", title)
        if self._dice.chance(0.1):
            misfit = self._world.traits.appeal - 2 * self._affinity
            title = int(np.where(self._open_titles(), misfit, -np.inf).argmax())
            if self._open_titles()[title]:
                self._refused[title] = True
                self._note("not_interested", title)
        if self._history and self._dice.chance(0.08):
            self._note("rewatched", max(self._history, key=lambda title: self._affinity[title]))

    def _query(self, title: int) -> str:
        sought, words = self._world.titles[title], self._world.words
        named = (sought.work_name, sought.work_name.lower(), sought.cast[0], words.genres[sought.genres[0]].movie)
        return self._dice.pick((*named, *sought.keywords))

    def _note(self, kind: str, title: int | None = None, **more: object) -> None:
        """One event, a little after the one before."""
        self._now += timedelta(seconds=int(15 + 150 * float(self._dice.rng.random())))
        self._events.append(
            {
                "event_id": f"demo-{self._user_id}-{len(self._events) + 1}",
                "user_id": self._user_id,
                **({} if title is None else {"title_id": title + 1}),
                "kind": kind,
                "happened_at": f"{self._now:%Y-%m-%dT%H:%M:%SZ}",
                "source": "watch_api" if kind.startswith("watch_") else "page",
                **more,
            }
        )
