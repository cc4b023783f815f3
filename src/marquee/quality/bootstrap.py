"""Bootstrap: how sure a mean over viewers is. The viewers are drawn anew with replacement, many times over."""

import numpy as np

from marquee.model.histories import Ints
from marquee.quality.metrics import Doubles

_AT_ONCE = 4_000_000  # viewers drawn, held in memory at a time


def mean_of_known(values: Doubles, axis: int) -> Doubles:
    """NaN where nothing is known."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis) / known.sum(axis))


def intervals(differences: Doubles, draws: int, seed: int) -> tuple[Doubles, Doubles]:
    """The 95 % interval of each column's mean, for viewers x columns; all columns see the same draws of viewers."""
    viewers = len(differences)
    rng = np.random.default_rng(seed)
    block = max(1, _AT_ONCE // viewers)
    drawn = (rng.integers(0, viewers, (min(block, draws - start), viewers)) for start in range(0, draws, block))
    means = np.concatenate([_drawn_means(differences, block) for block in drawn])
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return low, high


def _drawn_means(differences: Doubles, drawn: Ints) -> Doubles:
    """Draws x columns; a matrix product with how often each viewer was drawn does all columns at once."""
    draws, viewers = drawn.shape
    often = np.bincount((drawn + np.arange(draws)[:, None] * viewers).ravel(), minlength=drawn.size)
    often = often.reshape(drawn.shape).astype(np.float64)
    known = ~np.isnan(differences)
    partly = ~known.all(axis=0)
    counts = np.full((draws, differences.shape[1]), float(viewers))
    counts[:, partly] = often @ known[:, partly].astype(np.float64)
    with np.errstate(invalid="ignore"):  # none of those drawn has this number: its interval is not known
        return np.asarray((often @ np.where(known, differences, 0.0)) / counts)
