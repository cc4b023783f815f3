"""Content: titles like those a viewer liked and unlike those they disliked, whether or not anybody has rated them.

A title is a row of TF-IDF: genres, cast, directors, keywords and the words of its description, each block with its
weight in the likeness. A block more is one line in `_BLOCKS` and its weight in the params.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Deeds, Floats, Histories, Ints, Mask
from marquee.model.sources import Arrays, narrow
from marquee.model.sources.adding import Places, add_row, cells_of
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
_AT_ONCE = 16  # viewers
_TITLES = 64  # whose answers lie near the processor


@dataclass(frozen=True, eq=False)
class Content:
    name: ClassVar[str] = "content"
    vectors: sp.csr_array  # titles x terms, rows of length 1; empty where nothing is known of a title
    genres: int  # so many of the first terms are
    against: float  # what the disliked weigh, beside the liked

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - a taste has no moment
        return self._cosines(histories.starts, histories.title, self.weights(histories))

    def weights(self, deeds: Deeds) -> Floats:
        """How much each row counts; a title of which nothing is known says nothing."""
        opinion = opinions(deeds) * self._known[deeds.title]
        liked, disliked = np.maximum(opinion, 0), np.maximum(-opinion, 0)
        return _shares(deeds, liked) - np.float32(self.against) * _shares(deeds, disliked)

    def likeness(self, title: Ints) -> Floats:
        """How alike each of these titles is to every title, at most 1; NaN where nothing is known of either."""
        return self._cosines(np.arange(len(title) + 1), title.astype(np.int32), np.ones(len(title), np.float32))

    def _cosines(self, starts: Ints, watched: NDArray[np.int32], weights: Floats) -> Floats:
        """To the bit the same for few viewers, of whose terms titles are looked up, and for many at once."""
        cosines = np.empty((len(starts) - 1, self.vectors.shape[0]), np.float32)
        own, by_term = cells_of(self.vectors), cells_of(self._by_term)
        many = len(cosines) - len(cosines) % _AT_ONCE
        if many:
            tastes = np.empty((self.vectors.shape[1], _AT_ONCE), np.float32)
            _add_up_many(*own, starts, watched, weights, tastes, self._silent, cosines[:many])
        taste = np.empty(self.vectors.shape[1], np.float32)
        _add_up(*own, *by_term, starts[many:], watched, weights, taste, self._silent, cosines[many:])
        return cosines

    @cached_property
    def _by_term(self) -> sp.csr_array:
        """Terms x titles: a taste has few of all terms, and few titles have one of them."""
        return narrow(sp.csr_array(self.vectors.T))

    @cached_property
    def _known(self) -> Mask:
        known: Mask = np.diff(self.vectors.indptr) > 0
        return known

    @cached_property
    def _silent(self) -> Places:
        """Titles of which nothing is known."""
        return np.flatnonzero(~self._known).astype(np.int32)

    def arrays(self) -> Arrays:
        return {
            "data": self.vectors.data,
            "indices": self.vectors.indices,
            "indptr": self.vectors.indptr,
            "terms": np.array(self.vectors.shape[1]),
            "genres": np.array(self.genres),
            "against": np.array(self.against),
        }

    @classmethod
    def restored(cls, arrays: Arrays) -> Self:
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        vectors = sp.csr_array(parts, shape=(len(arrays["indptr"]) - 1, int(arrays["terms"])))
        return cls(vectors, int(arrays["genres"]), float(arrays["against"]))


@compiled
def _add_up(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    begins: NDArray[Any],
    titles: NDArray[Any],
    numbers: Floats,
    starts: Ints,
    watched: NDArray[np.int32],
    weights: Floats,
    taste: Floats,
    silent: Places,
    cosines: Floats,
) -> None:
    """Of titles of which something is known, for tastes that have a length, by the terms that these have."""
    for viewer in range(len(starts) - 1):
        taste[:] = 0
        length = _lay_out(indptr, indices, data, watched, weights, starts[viewer], starts[viewer + 1], taste)
        total = cosines[viewer]
        total[:] = 0
        for term in range(len(taste)):
            if taste[term] != 0:
                add_row(begins, titles, numbers, term, taste[term], total)
        _compare(length, silent, total)


@compiled
def _add_up_many(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    starts: Ints,
    watched: NDArray[np.int32],
    weights: Floats,
    tastes: Floats,
    silent: Places,
    cosines: Floats,
) -> None:
    """The same for sixteen viewers at a time: every title is gone through once for all of them."""
    lengths, together = np.empty(_AT_ONCE, np.float32), np.empty((_TITLES, _AT_ONCE), np.float32)
    for first in range(0, len(cosines), _AT_ONCE):
        tastes[:] = 0
        for number in range(_AT_ONCE):
            begin, end = starts[first + number], starts[first + number + 1]
            lengths[number] = _lay_out(indptr, indices, data, watched, weights, begin, end, tastes[:, number])
        for title in range(0, cosines.shape[1], _TITLES):
            end = min(title + _TITLES, cosines.shape[1])
            _multiply_together(indptr[title : end + 1], indices, data, tastes, together)
            _deal_out(together, cosines[first : first + _AT_ONCE, title:end])
        for number in range(_AT_ONCE):
            _compare(lengths[number], silent, cosines[first + number])


@compiled
def _deal_out(together: Floats, sums: Floats) -> None:
    """To each viewer what is theirs, four at a time."""
    for number in range(0, _AT_ONCE, 4):
        one, two, three, four = sums[number], sums[number + 1], sums[number + 2], sums[number + 3]
        for title in range(len(one)):
            of = together[title, number:]
            one[title], two[title], three[title], four[title] = of[0], of[1], of[2], of[3]


@compiled
def _compare(length: np.float32, silent: Places, sums: Floats) -> None:
    """What a taste has in common with titles, as cosines; without a length it is like nothing."""
    for title in range(len(sums)):
        sums[title] /= length
    for title in silent:
        sums[title] = np.nan


@compiled
def _multiply_together(
    indptr: NDArray[Any], indices: NDArray[Any], data: Floats, tastes: Floats, together: Floats
) -> None:
    """The sums have names, not places: so they stay in the processor."""
    for title in range(len(indptr) - 1):
        a = b = c = d = e = f = g = h = i = j = k = l = m = n = o = p = np.float32(0)  # noqa: E741
        cells = slice(indptr[title], indptr[title + 1])
        terms, numbers = indices[cells], data[cells]
        for cell in range(len(terms)):
            x, of = numbers[cell], tastes[terms[cell]]
            a, b, c, d = a + x * of[0], b + x * of[1], c + x * of[2], d + x * of[3]
            e, f, g, h = e + x * of[4], f + x * of[5], g + x * of[6], h + x * of[7]
            i, j, k, l = i + x * of[8], j + x * of[9], k + x * of[10], l + x * of[11]  # noqa: E741
            m, n, o, p = m + x * of[12], n + x * of[13], o + x * of[14], p + x * of[15]
        sums = together[title]
        sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7] = a, b, c, d, e, f, g, h
        sums[8], sums[9], sums[10], sums[11], sums[12], sums[13], sums[14], sums[15] = i, j, k, l, m, n, o, p


@compiled
def _lay_out(  # noqa: PLR0913, PLR0917
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    watched: NDArray[np.int32],
    weights: Floats,
    begin: int,
    end: int,
    taste: Floats,
) -> np.float32:
    """Adds to a taste its rows. Answers its length, whose square is what its own titles say of it; NaN for none."""
    for row in range(begin, end):
        add_row(indptr, indices, data, watched[row], weights[row], taste)
    square = np.float32(0)
    for row in range(begin, end):
        square += weights[row] * _product(indptr, indices, data, watched[row], taste)
    return np.sqrt(square) if square > 0 else np.float32(np.nan)


@compiled
def _product(indptr: NDArray[Any], indices: NDArray[Any], data: Floats, title: int, taste: Floats) -> np.float32:
    cells = slice(indptr[title], indptr[title + 1])
    terms, numbers, total = indices[cells], data[cells], np.float32(0)
    for cell in range(len(terms)):
        total += numbers[cell] * taste[terms[cell]]
    return total


def opinions(deeds: Deeds) -> Floats:
    """Above 0 for what was liked, below for what was disliked: strength, and stars against the viewer's own mean.

    The last title counts most; one a hundred titles back a tenth of it.
    """
    opinion = (deeds.strength + deeds.above_mean) / np.sqrt(1 + deeds.from_end, dtype=np.float32)
    answer: Floats = opinion.astype(np.float32)
    return answer


def _shares(deeds: Deeds, weights: Floats) -> Floats:
    """Each row's share of its viewer's weights."""
    shares: Floats = (weights / np.maximum(deeds.total(weights), 1e-9)).astype(np.float32)
    return shares


def fit_content(titles: Titles, params: ContentParams) -> Content:
    blocks = [
        np.float32(np.sqrt(getattr(params, name))) * tf_idf(terms(titles.frame), params.terms)
        for name, terms in _BLOCKS.items()
    ]
    vectors = sp.csr_array(sp.hstack(blocks, format="csr"))
    vectors.eliminate_zeros()
    vectors = _of_length_one(vectors)
    vectors.sort_indices()  # whatever the way, what titles and tastes have in common is added in the same order
    return Content(narrow(vectors), blocks[0].shape[1], params.against)


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
