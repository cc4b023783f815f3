"""Telling: what the model knows of one title and of one viewer, and all that is kept of a viewer."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from marquee.data.events.validity import moment_of
from marquee.model import shelves
from marquee.model.histories import ATTRIBUTES, Histories
from marquee.serve import schemas as s
from marquee.serve.answers.cards import card, known, moment
from marquee.serve.answers.viewers import Viewer
from marquee.serve.served import Served
from marquee.tables import AGE_GROUPS, GENDERS

_RECENT = 20  # titles of a history
_DECADE = 10


def title_reply(served: Served, title: int) -> s.TitleReply:
    profiles, told = served.recommender.retriever.profiles, served.titles.frame.row(title, named=True)
    watched = int(profiles.first_at[title]) <= int(profiles.last_at[title])
    return s.TitleReply(
        **card(served, title),
        **{name: told[name] for name in ("cast", "directors", "countries", "keywords", "description")},
        model=served.version,
        mean_stars=known(profiles.mean[title]),
        first_at=moment(profiles.first_at[title]) if watched else None,
    )


def viewer_reply(served: Served, viewer: Viewer) -> s.ViewerReply:
    history = viewer.history
    return s.ViewerReply(
        user_id=viewer.user_id,
        model=served.version,
        known=viewer.known,
        degraded=viewer.degraded,
        titles=len(history.title),
        rated=int(np.count_nonzero(~np.isnan(history.rating))),
        events=len(viewer.events),
        mean_stars=known(history.mean_rating[0]),
        first_at=moment(history.first_at[0]),
        last_at=moment(history.last_at[0]),
        genres=_genres(served, history),
        eras=_eras(served, history),
        recent=_recent(served, history),
        **_attributes(served, history),
    )


def learnt_of(served: Served, history: Histories) -> tuple[dict[str, Any], ...]:
    """The rows that the model was trained on."""
    return tuple(
        {
            "title_id": served.told["title_id"][title],
            "strength": float(history.strength[row]),
            "rating": known(history.rating[row]),
            "at": moment_of(int(history.at[row])).isoformat(),
        }
        for row, title in enumerate(history.title.tolist())
    )


def _genres(served: Served, history: Histories) -> tuple[s.Taste, ...]:
    counts, lift = shelves.tastes(served.recommender, history)
    names = served.titles.genre_names
    ranked = np.argsort(-counts, kind="stable")
    return tuple(s.Taste(genre=names[n], count=int(counts[n]), lift=float(lift[n])) for n in ranked if counts[n])


def _eras(served: Served, history: Histories) -> tuple[s.Era, ...]:
    years = served.titles.years[history.title]
    decades, counts = np.unique(years[~np.isnan(years)] // _DECADE * _DECADE, return_counts=True)
    return tuple(s.Era(decade=int(decade), count=int(count)) for decade, count in zip(decades, counts, strict=True))


def _recent(served: Served, history: Histories) -> tuple[s.RecentTitle, ...]:
    return tuple(
        s.RecentTitle(
            **card(served, int(history.title[row])),
            at=moment_of(int(history.at[row])),
            rating=known(history.rating[row]),
            strength=float(history.strength[row]),
        )
        for row in range(len(history.title) - 1, max(len(history.title) - 1 - _RECENT, -1), -1)
    )


def _attributes(served: Served, history: Histories) -> Mapping[str, str | None]:
    values = (AGE_GROUPS, GENDERS, served.recommender.regions)
    codes = history.attributes[0]
    return {
        name: None if np.isnan(code) else values_of[int(code)]
        for name, code, values_of in zip(ATTRIBUTES, codes, values, strict=True)
    }
