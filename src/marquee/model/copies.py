"""Copies: what is nearly the same as a title that a viewer refused comes after all other candidates.

A ranker may well like a title the better for a dislike of its like: it has learnt that who dislikes one has watched
such. Its order stands among the others, and among the copies.
"""

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from marquee.model.arrange import Scored
from marquee.model.histories import Histories, Mask


def copies_last(scored: Scored, histories: Histories, vectors: sp.csr_array, least: float) -> Scored:
    """`vectors` has a row of length 1 a title; titles whose cosine is at least `least` are near copies."""
    refused = histories.where(histories.hides & (histories.strength <= 0))
    if not len(refused.title) or not len(scored.title):
        return scored
    copies = _copies(scored, refused, vectors, least)
    size = np.ptp(scored.score) + 1
    return replace(scored, score=np.where(copies, scored.score - size, scored.score).astype(np.float32))


def _copies(scored: Scored, refused: Histories, vectors: sp.csr_array, least: float) -> Mask:
    """Which candidates are near copies of anything that their own viewer refused."""
    title, candidate = np.unique(scored.title, return_inverse=True)
    other, row = np.unique(refused.title, return_inverse=True)
    alike = sp.csr_array(vectors[title] @ vectors[other].T)
    near = sp.csr_array(alike >= least, dtype=np.float32)
    ones, shape = np.ones(len(row), np.float32), (len(refused), len(other))
    of_viewer = sp.csr_array((ones, row, refused.starts), shape=shape)
    counts = (of_viewer @ near.T).toarray()
    mask: Mask = counts[scored.user, candidate] > 0
    return mask
