"""Content: titles like those a viewer liked and unlike those they disliked, whether or not anybody has rated them.

A title is a row of TF-IDF: genres, cast, directors, keywords and the words of its description, each block with its
weight in the likeness. A block more is one line in `_BLOCKS` and its weight in the params.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar, Self

import numpy as np
import polars as pl
import scipy.sparse as sp

from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.sources import Arrays
from marquee.model.titles import Titles
from marquee.params import ContentParams
from marquee.text import words_of

_BLOCKS: Mapping[str, Callable[[pl.DataFrame], pl.Series]] = MappingProxyType(
    {
        "genres": lambda frame: frame["genres"],
        "cast": lambda frame: frame["cast"],
        "directors": lambda frame: frame["directors"],
        "keywords": lambda frame: frame["keywords"],
        "description": lambda frame: words_of(frame["description"]),
    }
)


@dataclass(frozen=True, eq=False)
class Content:
    name: ClassVar[str] = "content"
    vectors: sp.csr_array  # titles x terms, rows of length 1; empty where nothing is known of a title
    against: float  # what the disliked weigh, beside the liked

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - a taste has no moment
        # A title of which nothing is known says nothing.
        opinion = opinions(histories) * self._known[histories.title]
        liked, disliked = np.maximum(opinion, 0), np.maximum(-opinion, 0)
        weights = _shares(histories, liked) - np.float32(self.against) * _shares(histories, disliked)
        tastes = histories.matrix(weights, self.vectors.shape[0]) @ self.vectors
        return self._cosines(sp.csr_array(tastes))

    def likeness(self, title: Ints) -> Floats:
        """How alike each of these titles is to every title, at most 1; NaN where nothing is known of either."""
        return self._cosines(self.vectors[title])

    def _cosines(self, rows: sp.csr_array) -> Floats:
        lengths = np.sqrt(rows.multiply(rows).sum(axis=1))
        # Most titles share a term with most viewers: dense rows take half the time of sparse ones.
        cosines: Floats = np.ascontiguousarray((self.vectors @ np.ascontiguousarray(rows.toarray().T)).T)
        cosines /= np.where(lengths > 0, lengths, np.float32(np.nan))[:, None]
        cosines[:, ~self._known] = np.nan
        return cosines

    @cached_property
    def _known(self) -> Mask:
        known: Mask = np.diff(self.vectors.indptr) > 0
        return known

    def arrays(self) -> Arrays:
        return {
            "data": self.vectors.data,
            "indices": self.vectors.indices,
            "indptr": self.vectors.indptr,
            "terms": np.array(self.vectors.shape[1]),
            "against": np.array(self.against),
        }

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        vectors = sp.csr_array(parts, shape=(len(arrays["indptr"]) - 1, int(arrays["terms"])))
        return cls(vectors, float(arrays["against"]))


def opinions(histories: Histories) -> Floats:
    """Above 0 for what was liked, below for what was disliked: strength, and stars against the viewer's own mean.

    The last title counts most; one a hundred titles back a tenth of it.
    """
    stars = np.nan_to_num(histories.rating - histories.mean_rating[histories.user])
    opinion = (histories.strength + stars) / np.sqrt(1 + histories.from_end, dtype=np.float32)
    answer: Floats = opinion.astype(np.float32)
    return answer


def _shares(histories: Histories, weights: Floats) -> Floats:
    """Each row's share of its viewer's weights."""
    total = np.bincount(histories.user, weights, len(histories))
    shares = weights / np.maximum(total, 1e-9)[histories.user]
    return shares.astype(np.float32)


def fit_content(titles: Titles, params: ContentParams) -> Content:
    blocks = [
        np.float32(np.sqrt(getattr(params, name))) * tf_idf(terms(titles.frame), params.terms)
        for name, terms in _BLOCKS.items()
    ]
    vectors = sp.csr_array(sp.hstack(blocks, format="csr"))
    vectors.eliminate_zeros()
    return Content(_of_length_one(vectors), params.against)


def tf_idf(lists: pl.Series, most: int) -> sp.csr_array:
    """Titles x terms, rows of length 1: a term that few titles have says more. A term that one title has says nothing.

    Of more than `most` terms, those of most titles stay.
    """
    said = (
        pl.DataFrame({"title": np.arange(len(lists)), "term": lists.cast(pl.List(pl.String))})
        .explode("term")
        .drop_nulls("term")
    )
    counts = said.group_by("title", "term").len("times")
    terms = counts.group_by("term").len("titles").filter(pl.col("titles") > 1)
    terms = terms.sort("titles", "term", descending=[True, False]).head(most).with_row_index("column")
    cells = counts.join(terms, on="term").sort("title", "column")
    rarity = np.log(len(lists) / cells["titles"].to_numpy()) + 1
    values = (1 + np.log(cells["times"].to_numpy())) * rarity
    where = (cells["title"].to_numpy(), cells["column"].to_numpy())
    return _of_length_one(sp.csr_array((values.astype(np.float32), where), shape=(len(lists), terms.height)))


def _of_length_one(matrix: sp.csr_array) -> sp.csr_array:
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    return sp.csr_array(sp.diags_array(1 / np.maximum(lengths, 1e-9)) @ matrix, dtype=np.float32)
