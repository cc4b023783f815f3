"""Own: a viewer's own things as they see them: profile, tastes, history, what they saved, one title for them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from marquee.data.events import Event
from marquee.data.events.validity import moment_of
from marquee.model import shelves
from marquee.model.histories import Floats, Histories, Ints
from marquee.serve import schemas as s
from marquee.serve.answers.cards import card, known, reason_of, stars_of
from marquee.serve.answers.viewers import Viewer
from marquee.serve.answers.wishes import is_less
from marquee.serve.served import Served

_PEOPLE = 24
_DECADE = 10
_SEEN = frozenset({"watch_finished", "rewatched", "rated", "liked", "disliked", "not_interested", "abandoned"})


def profile_reply(served: Served, viewer: Viewer) -> s.ProfileReply:
    model = served.recommender
    return s.ProfileReply(
        user_id=viewer.user_id,
        degraded=viewer.degraded,
        profile=viewer.profile,
        regions=tuple(model.regions),
        marks=dict(model.params.arrange.maturity),
    )


def taste_reply(served: Served, viewer: Viewer) -> s.TasteReply:
    history, profile = viewer.history, viewer.profile
    wanted = history.title[history.strength > 0].astype(np.int64)
    rated = history.rating[~np.isnan(history.rating)]
    return s.TasteReply(
        user_id=viewer.user_id,
        model=served.version,
        known=viewer.known,
        degraded=viewer.degraded,
        titles=len(history.title),
        rated=len(rated),
        mean_stars=known(history.mean_rating[0]),
        genres=_genres(served, history, profile),
        decades=_decades(served, wanted, profile),
        people=_people(served, wanted, profile),
        ratings=_counted(f"{stars:g}" for stars in np.round(rated * 2).astype(int) / 2),
        months=_counted(moment_of(int(at)).strftime("%Y-%m") for at in history.at),
        less=profile.less,
    )


def _genres(served: Served, history: Histories, profile: s.Profile) -> tuple[s.OwnTaste, ...]:
    counts, lift = shelves.tastes(served.recommender, history)
    names = served.titles.genre_names
    ranked = np.argsort(-counts, kind="stable")
    return tuple(_taste("genre", names[n], int(counts[n]), float(lift[n]), profile) for n in ranked if counts[n])


def _decades(served: Served, wanted: Ints, profile: s.Profile) -> tuple[s.OwnTaste, ...]:
    decade = served.titles.years // _DECADE * _DECADE
    own, everybody = _by_decade(decade[wanted], np.ones(len(wanted))), _by_decade(decade, served.recommender.watched)
    watched, total = max(sum(everybody.values()), 1e-9), max(sum(own.values()), 1)
    lift = {of: count / total / max(everybody[of] / watched, 1e-9) for of, count in own.items()}
    return tuple(_taste("decade", str(of), int(own[of]), lift[of], profile) for of in sorted(own))


def _by_decade(decade: Floats, weight: Floats | Any) -> Mapping[int, float]:
    is_known = ~np.isnan(decade)
    names, which = np.unique(decade[is_known].astype(int), return_inverse=True)
    return dict(zip(names.tolist(), np.bincount(which, weight[is_known], len(names)).tolist(), strict=True))


def _people(served: Served, wanted: Ints, profile: s.Profile) -> tuple[s.OwnTaste, ...]:
    """Who is in most of the titles; in one alone, it is the title that was wanted."""
    people = served.titles.frame.select("cast", "directors")[wanted.tolist()]
    counts = Counter(name for cast, directors in people.iter_rows() for name in {*cast, *directors})
    often = sorted(((-count, name) for name, count in counts.items() if count > 1))[:_PEOPLE]
    told = {name: -count for count, name in often}
    missing = [less.name for less in profile.less if less.kind == "person" and less.name not in told]
    told |= {name: counts.get(name, 0) for name in missing}
    return tuple(_taste("person", name, count, None, profile) for name, count in told.items())


def _taste(kind: Any, name: str, count: int, lift: float | None, profile: s.Profile) -> s.OwnTaste:
    return s.OwnTaste(kind=kind, name=name, count=count, lift=lift, less=is_less(profile, kind, name))


def _counted(values: Iterable[str]) -> tuple[s.Counted, ...]:
    return tuple(s.Counted(of=of, count=count) for of, count in sorted(Counter(values).items()))


def history_reply(served: Served, viewer: Viewer, rated: Histories, skip: int, limit: int) -> s.HistoryReply:
    """`rated`: what they had rated before there were events."""
    every = sorted([*viewer.events, *_as_events(served, rated)], key=lambda event: (event.happened_at, event.position))
    every.reverse()
    entries = tuple(said(served, event) for event in every[skip : skip + limit])
    more = max(len(every) - skip - limit, 0)
    return s.HistoryReply(
        user_id=viewer.user_id, model=served.version, degraded=viewer.degraded, entries=entries, more=more
    )


def _as_events(served: Served, rated: Histories) -> list[Event]:
    ids = served.told["title_id"]
    return [
        Event(-1, "", 0, ids[title], "rated", known(rating), int(at), int(at), "", None)
        for title, rating, at in zip(rated.title.tolist(), rated.rating.tolist(), rated.at.tolist(), strict=True)
    ]


def said(served: Served, event: Event) -> s.Said:
    row = None if event.title_id is None else served.row_of(event.title_id)
    return s.Said(
        event_id=event.event_id or None,
        kind=event.kind,
        value=event.value,
        at=moment_of(event.happened_at),
        source=event.source or None,
        detail=None if event.kind == "signed_up" else event.detail,
        title=None if row is None else s.Card(**card(served, row)),
    )


def saved_reply(served: Served, viewer: Viewer, as_of: int) -> s.SavedReply:
    saved: dict[int, list[str]] = {}
    for event in viewer.events:
        if event.kind == "saved" and event.title_id is not None:
            saved.setdefault(event.title_id, []).append(event.event_id)
    seen = {event.title_id for event in viewer.events if event.kind in _SEEN}
    rows = {title_id: row for title_id in reversed(saved) if (row := served.row_of(title_id)) is not None}
    left = {title_id: row for title_id, row in rows.items() if title_id not in seen}
    stars = stars_of(served, viewer.history, np.array(list(left.values()), np.int64), as_of)
    titles = tuple(
        s.SavedTitle(**card(served, row), stars=known(given), event_ids=tuple(saved[title_id]))
        for (title_id, row), given in zip(left.items(), stars.tolist(), strict=True)
    )
    return s.SavedReply(user_id=viewer.user_id, model=served.version, degraded=viewer.degraded, titles=titles)


def own_title_reply(served: Served, viewer: Viewer, title: int, as_of: int) -> s.OwnTitleReply:
    history, title_id = viewer.history, served.told["title_id"][title]
    theirs = np.flatnonzero(history.title == title)
    hidden = bool(history.hides[theirs].any())
    one = np.array([title])
    return s.OwnTitleReply(
        title_id=title_id,
        model=served.version,
        degraded=viewer.degraded,
        stars=known(stars_of(served, history, one, as_of)[0]),
        rating=known(history.rating[theirs[-1]]) if len(theirs) else None,
        hidden=hidden,
        reason=None if hidden else _reason(served, history, one, as_of),
        said=tuple(said(served, event) for event in viewer.events if event.title_id == title_id),
    )


def _reason(served: Served, history: Histories, title: Ints, as_of: int) -> s.Reason:
    """Among the candidates of this moment, as in a list; what was said of the title itself is no reason for it."""
    moment, history = np.array([as_of]), history.where(history.title != title[0])
    pool = served.recommender.propose(history, moment, ()).pool
    (reason,) = served.explainer.reasons(history, title, pool, moment)
    return reason_of(served, reason)


def genres_of(served: Served, history: Histories) -> Sequence[str]:
    own = shelves.own_genres(served.recommender, history)
    return [name for name, is_own in zip(served.titles.genre_names, own, strict=True) if is_own]
