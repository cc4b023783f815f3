"""Starting: what somebody new is shown to choose from, and whom the model knows already."""

import numpy as np

from marquee.model.histories import Ints
from marquee.model.live import viewer_of
from marquee.serve import schemas as s
from marquee.serve.answers.cards import card
from marquee.serve.answers.own import genres_of
from marquee.serve.served import Served

_TITLES = 36
_DEEP = 12  # of each genre that many well-known titles
_VIEWERS = 12


def start_reply(served: Served, anybody: bool) -> s.StartReply:
    """Whom the model knows is told to those alone who may watch as anybody."""
    titles = tuple(s.Card(**card(served, row)) for row in _varied(served))
    viewers = _viewers(served) if anybody else ()
    return s.StartReply(model=served.version, titles=titles, viewers=viewers, regions=tuple(served.recommender.regions))


def _varied(served: Served) -> list[int]:
    """Genre by genre the one that most have watched, and no two that are near copies."""
    free = served.shown_in(None)  # who has not come yet lives nowhere
    watched, genres = served.recommender.watched * free, served.titles.genre_matrix
    alike = served.shop.features
    of_each = [np.argsort(-watched * genres[:, n], kind="stable")[:_DEEP] for n in np.argsort(-(watched @ genres))]
    rounds = np.stack(of_each, axis=1).ravel() if of_each else np.argsort(-watched, kind="stable")[: _TITLES * 2]
    chosen: list[int] = []
    near = served.recommender.params.arrange.near_copy
    for row in dict.fromkeys(rounds.tolist()):
        if free[row] and len(chosen) < _TITLES and not (alike[chosen] @ alike[row] > near).any():
            chosen.append(row)
    return chosen


def _viewers(served: Served) -> tuple[s.KnownViewer, ...]:
    """From those who watched most to those who watched least."""
    histories = served.recommender.histories
    by_size: Ints = np.argsort(-histories.counts, kind="stable")
    some = by_size[np.unique(np.linspace(0, len(by_size) - 1, _VIEWERS).astype(int))] if len(by_size) else by_size
    return tuple(
        s.KnownViewer(
            user_id=int(histories.user_ids[user]),
            titles=int(histories.counts[user]),
            genres=tuple(genres_of(served, viewer_of(histories, int(histories.user_ids[user])))),
        )
        for user in some.tolist()
        if int(histories.user_ids[user]) > 0
    )
