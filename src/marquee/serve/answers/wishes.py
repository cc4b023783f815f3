"""Wishes: what a viewer's profile asks of every list of theirs, beside what the request asks.

A ceiling is a rule. "Less of this" leaves the model and the history alone: a title of what is to be less stands as if
it were ranked `TIMES` as far down. So every list follows at once, it gives way to what is next best rather than to
nothing, and taking it back leaves no trace.
"""

from dataclasses import replace

import numpy as np

from marquee.model.arrange import Rule
from marquee.model.histories import ATTRIBUTES, Ints, Mask
from marquee.model.listing import Listed
from marquee.serve import schemas as s
from marquee.serve.answers.viewers import Viewer
from marquee.serve.served import Served

TIMES = 10


def rules_of_viewer(served: Served, viewer: Viewer | None, region: str | None) -> list[Rule]:
    """A ceiling, and where they are: in the region that is asked for, or else where they told that they live."""
    profile = s.Profile() if viewer is None else viewer.profile
    rules = [] if profile.age is None else [Rule("ceiling", served.suits(profile.age))]
    if served.titles.region_names:
        rules.append(Rule("region", served.shown_in(region or profile.region or _home_of(served, viewer))))
    return rules


def _home_of(served: Served, viewer: Viewer | None) -> str | None:
    """As the training was told."""
    code = np.nan if viewer is None else viewer.history.attributes[0, ATTRIBUTES.index("region")]
    return None if np.isnan(code) else served.recommender.regions[int(code)]


def less_of(served: Served, profile: s.Profile) -> Mask | None:
    """The titles of all that is to be less; None where nothing is."""
    if not profile.less:
        return None
    every: Mask = np.logical_or.reduce([served.of_taste(less.kind, less.name) for less in profile.less])
    return every


def deep(k: int, less: Mask | None) -> int:
    """How many titles to rank, for k to be left at the top."""
    return k if less is None else k * TIMES


def toned(made: Listed, less: Mask | None, k: int) -> Listed:
    """The first k of a deep list, less of some."""
    if less is None:
        return made
    order = _order(made.title, less)[:k]
    columns = {name: getattr(made, name)[order] for name in ("title", "score", "propensity", "features")}
    return replace(made, **columns)


def _order(title: Ints, less: Mask) -> Ints:
    place = np.arange(1, len(title) + 1) * np.where(less[title], TIMES, 1)
    order: Ints = np.argsort(place, kind="stable")
    return order


def is_less(profile: s.Profile, kind: str, name: str) -> bool:
    return any(less.kind == kind and less.name == name for less in profile.less)
