"""Asked: rows that were hidden from their viewer's history, to learn the blend from guesses that had not seen them.

Viewers are asked in the ways in which they are later: about titles in between, about what they rated last, and as
newcomers of whom little is known; and about some a second time without the moment.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.stars.moods import NO_MOMENT
from marquee.params import BlendParams

_NEWCOMERS = 0.1  # of viewers, in each round
_NEWCOMER_ROWS = 10  # at most, that a newcomer keeps
_UNTOLD = 0.3  # of rows, that are asked about once more without their moment


@dataclass(frozen=True, eq=False)
class Asked:
    known: Histories  # what is left
    user: Ints
    title: Ints
    at: Ints  # NO_MOMENT where it is not told
    rating: Floats


def asked_rounds(histories: Histories, params: BlendParams, seed: int) -> Iterator[Asked]:
    """As many rounds as give enough rows: one of a large history, all of a small one."""
    each = max(int(len(histories.title) * params.hidden), 1)
    rounds = min(params.rounds, -(-params.enough // each))
    for rng in map(np.random.default_rng, np.random.SeedSequence(seed).spawn(rounds)):
        yield _asked(histories, params, params.rows // rounds, rng)


def _asked(histories: Histories, params: BlendParams, most: int, rng: np.random.Generator) -> Asked:
    lost, wanted = _hidden(histories, params.hidden, rng)
    rows = np.flatnonzero(wanted & ~np.isnan(histories.rating))
    if len(rows) > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    untold = rows[rng.random(len(rows)) < _UNTOLD]
    at = np.concatenate([histories.at[rows], np.full(len(untold), NO_MOMENT)])
    rows = np.concatenate([rows, untold])
    return Asked(
        histories.where(~lost), histories.user[rows], histories.title[rows].astype(np.int64), at, histories.rating[rows]
    )


def _hidden(histories: Histories, share: float, rng: np.random.Generator) -> tuple[Mask, Mask]:
    """Rows that are taken from the histories, and those of them that are asked about."""
    user, counts, kind = histories.user, histories.counts, rng.random(len(histories))
    newcomer, latest = kind < _NEWCOMERS, kind > (1 + _NEWCOMERS) / 2
    place = np.arange(len(user)) - histories.starts[user]
    kept = rng.integers(0, _NEWCOMER_ROWS, len(histories), endpoint=True)
    asked_of = np.ceil(share * counts)
    scattered = ~newcomer[user] & ~latest[user] & (rng.random(len(user)) < share)
    last = latest[user] & (histories.from_end < np.floor(share * counts)[user])
    after_first = newcomer[user] & (place >= kept[user])
    return scattered | last | after_first, scattered | last | (after_first & (place < (kept + asked_of)[user]))
