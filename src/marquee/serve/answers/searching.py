"""Searching: what the index finds, in the order of how well it matches and of this viewer's taste."""

from datetime import datetime

import numpy as np

from marquee.data.events.validity import epoch_ms
from marquee.model.histories import Floats, Ints
from marquee.model.listing import as_of
from marquee.serve import schemas as s
from marquee.serve.answers.cards import card, known, stars_of
from marquee.serve.answers.lists import allowed_by, rules_of
from marquee.serve.answers.viewers import Viewer
from marquee.serve.served import Served

_STAR = 0.15  # what a star that the viewer would give above the others' counts, beside the match
_WEIGHED = 50  # of the best matches, in the order of taste


def found_titles(
    served: Served, viewer: Viewer | None, request: s.SearchRequest, now: datetime
) -> tuple[s.FoundTitle, ...]:
    rules = rules_of(served, request.filters, viewer)
    allowed = allowed_by(served, rules) if rules else None
    title, score = served.recommender.index.find(request.query, max(request.k, _WEIGHED), allowed)
    stars = np.full(len(title), np.nan, np.float32)
    if viewer is not None and request.k:
        stars = stars_of(served, viewer.history, title, as_of(viewer.history, served.until, epoch_ms(now)))
    return _cards(served, *_in_order(title, score, stars, request.k))


def _in_order(title: Ints, score: Floats, stars: Floats, k: int) -> tuple[Ints, Floats, Floats]:
    taste = np.nan_to_num(stars - stars.mean()) if len(stars) else stars
    order = np.argsort(-(score + _STAR * taste), kind="stable")[:k]
    return title[order], score[order], stars[order]


def _cards(served: Served, title: Ints, score: Floats, stars: Floats) -> tuple[s.FoundTitle, ...]:
    told = zip(title.tolist(), score.tolist(), stars.tolist(), strict=True)
    return tuple(
        s.FoundTitle(**card(served, row), rank=rank, score=match, stars=known(given))
        for rank, (row, match, given) in enumerate(told, 1)
    )
