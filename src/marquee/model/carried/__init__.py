"""Carried: how much each row of one viewer's history adds to a source's score of a title, and what it loses without.

Exact: over the rows, what is carried sums to the source's score. A source that can be told apart so is one function
here and one line in `_carrier_of`; one that cannot carries nothing and leaves the others to speak.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from marquee.model.compiled import compiled
from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Source
from marquee.model.sources.adding import Places, cells_of, sums_of
from marquee.model.sources.als import Als
from marquee.model.sources.autoencoder import Autoencoder, whole
from marquee.model.sources.content import Content
from marquee.model.sources.fitting import Recent, Weighed
from marquee.model.sources.following import Following, lately
from marquee.model.sources.following import Sequence as Order
from marquee.model.sources.neighbours import TitleNeighbours, ViewerNeighbours

Cells = Callable[[Ints, Ints], Floats]  # of some rows of the history x some titles
Pairs = Callable[[sp.csr_array], Cells]  # of the weights of pairs of titles
Values = Callable[[Histories], Floats]  # how much each row counts

_STEPS = 20  # cells of a row that are read in the time one is looked up
_SLIGHT = 0.005  # of what the row counts most that counts most: a smaller change of what another counts is none


class Without:
    """One history several times, each time without one of its rows."""

    def __init__(self, history: Histories, rows: Ints) -> None:
        kept = np.ones((len(rows), len(history.title)), bool)
        kept[np.arange(len(rows)), rows] = False
        self.rows, self._kept = rows, kept
        self.histories = history.of(np.zeros(len(rows), np.int64)).where(kept.ravel())
        self._places: Places | None = None  # all sources are asked about the same titles

    def places(self, title: Ints, titles: int) -> Places:
        """Of every title, where it stands among these; -1 for none."""
        if self._places is None:
            self._places = np.full(titles, -1, np.int32)
            self._places[title] = np.arange(len(title))
        return self._places

    def values(self, values: Values) -> Floats:
        """What each row of the whole history counts each time; 0 when it is left out."""
        answer = np.zeros(self._kept.shape, np.float32)
        answer[self._kept] = values(self.histories)
        return answer


@dataclass(frozen=True, eq=False)
class Carrier:
    """What one source makes of each row of one history."""

    carried: Cells  # zeros where it has no opinion or cannot tell
    lost: Callable[[Without, Ints], Floats]  # what its score loses without each of the rows


def carriers_of(sources: Sequence[Source], history: Histories) -> list[Carrier]:
    """Of each source; those that ask the same weights look them up once."""
    looked_up: dict[int, Cells] = {}

    def pairs(weights: sp.csr_array) -> Cells:
        return looked_up.setdefault(id(weights), _Pairs(weights, history))

    return [_carrier_of(source, history, pairs) for source in sources]


def _carrier_of(source: Source, history: Histories, pairs: Pairs) -> Carrier:  # noqa: C901, PLR0911 - one a kind of source
    match source:
        case Recent(source=Als() as als):
            return _recent_als(als, source.recent, history)
        case Recent(source=Following() as following):
            return _following(following, history, source.recent, pairs)
        case Als():
            return _als(source, history)
        case Autoencoder():
            return _apart(pairs(source.weights), whole(history))
        case Weighed():
            return _adding(source.source.weights, source.values, history, pairs)
        case Order():
            return _adding(source.weights, lambda some: lately(some, source.fade) * whole(some), history, pairs)
        case Following():
            return _following(source, history, len(history.title), pairs)
        case TitleNeighbours():
            return _adding(source.likeness, source.values, history, pairs)
        case ViewerNeighbours():
            return _viewers(source, history)
        case Content():
            return _content(source, history)
        case _:
            return Carrier(_nothing, lambda without, title: _nothing(without.rows, title))


def shares(voices: Sequence[tuple[Carrier, Floats]], rows: int, title: Ints) -> Floats:
    """Rows x titles: what each row carries of a title when each source speaks with its weight (one a title).

    In one column the sizes sum to 1, or to 0 where no source that can tell speaks for the title.
    """
    said, every = np.zeros((len(voices), rows, len(title)), np.float32), np.arange(rows)
    for number, (carrier, weight) in enumerate(voices):
        if weight.any():
            said[number] = carrier.carried(every, title)
    weights = np.array([weight for _, weight in voices]) / _sizes(said)
    total = np.einsum("srt,st->rt", said, weights.astype(np.float32))
    answer: Floats = total / _sizes(total)
    return answer


def _sizes(carried: Floats) -> Floats:
    """Of what rows carry; 1 where it is nothing."""
    sizes: Floats = np.abs(carried).sum(axis=-2)
    sizes[sizes == 0] = 1
    return sizes


def _nothing(rows: Ints, title: Ints) -> Floats:
    return np.zeros((len(rows), len(title)), np.float32)


def _apart(cells: Cells, counts: Floats) -> Carrier:
    """Of a source that adds up numbers of its rows, each times what the row counts, whatever the others do."""

    def carried(rows: Ints, title: Ints) -> Floats:
        answer, some = _nothing(rows, title), counts[rows] != 0
        answer[some] = counts[rows[some], None] * cells(rows[some], title)
        return answer

    return Carrier(carried, lambda without, title: carried(without.rows, title))


def _adding(matrix: sp.csr_array, values: Values, history: Histories, pairs: Pairs) -> Carrier:
    """The same of a matrix, where what a row counts depends on the others."""
    counts = values(history)

    def lost(without: Without, title: Ints) -> Floats:
        change = counts - without.values(values)
        lost = np.zeros((len(title), len(change)), np.float32)
        slight = np.float32(_SLIGHT * np.abs(counts).max(initial=0))
        _lose(*cells_of(matrix), history.title, change, slight, without.places(title, matrix.shape[1]), lost)
        return lost.T

    return Carrier(_apart(pairs(matrix), counts).carried, lost)


def _following(following: Following, history: Histories, recent: int, pairs: Pairs) -> Carrier:
    def values(some: Histories) -> Floats:
        return lately(some, following.fade) * ((some.strength > 0) & (some.from_end < recent))

    return _adding(following.chances, values, history, pairs)


def _als(als: Als, history: Histories) -> Carrier:
    """A fold-in is one linear solve, x = inverse(A) b: a row that was wanted is one term of b, and one rank of A."""
    factors, extra, liked = _terms(als, history)
    inverse = np.linalg.inv(als.start + factors.T @ (extra[:, None] * factors)).astype(np.float32)
    taste = inverse @ (liked @ factors)

    def reach(rows: Ints, title: Ints) -> Floats:
        answer: Floats = factors[rows] @ (inverse @ als.title_factors[title].T)
        return answer

    def lost(without: Without, title: Ints) -> Floats:
        """Sherman and Morrison: the row's term, and what its rank in A takes back."""
        rows = without.rows
        length = ((factors[rows] @ inverse) * factors[rows]).sum(axis=1)
        back = extra[rows] * (factors[rows] @ taste - liked[rows] * length) / (1 - extra[rows] * length)
        answer: Floats = (liked[rows] - back)[:, None] * reach(rows, title)
        return answer

    return Carrier(lambda rows, title: liked[rows, None] * reach(rows, title), lost)


def _recent_als(als: Als, recent: int, history: Histories) -> Carrier:
    """The same solve, of as many unknowns as there are rows: with E the confidences, K the products of rows,
    x = inverse(A) F' b = inverse(G) F' inverse(I + E K) b. One row more, that comes in where one is left out."""
    rows = len(history.title)
    first = max(rows - recent - 1, 0)
    factors, extra, liked = _terms(als, history.last(recent + 1))
    reach = factors @ als.start_inverse
    products = reach @ factors.T

    def parts(kept: NDArray[np.bool_]) -> Floats:
        """Times x rows x rows: what each row says through each other, when only some are there."""
        solved = np.eye(len(factors)) + (kept * extra)[..., None] * products
        return (np.linalg.inv(solved) * (kept * liked)[..., None, :]).astype(np.float32)

    def among(kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The last of those that are kept."""
        return kept & (np.cumsum(kept[..., ::-1], axis=-1)[..., ::-1] <= recent)

    now = parts(among(np.ones(len(factors), bool)))

    def carried(some: Ints, title: Ints) -> Floats:
        answer, late = _nothing(some, title), some >= first
        answer[late] = now.T[some[late] - first] @ (reach @ als.title_factors[title].T)
        return answer

    def lost(without: Without, title: Ints) -> Floats:
        kept = np.arange(first, rows) != without.rows[:, None]
        change = now.sum(axis=1) - parts(among(kept)).sum(axis=2)
        answer: Floats = change @ (reach @ als.title_factors[title].T)
        return answer

    return Carrier(carried, lost)


def _terms(als: Als, history: Histories) -> tuple[Floats, Floats, Floats]:
    """Of each row its title's factors, what it adds to A and what to b."""
    confidence = np.float32(als.alpha) * history.strength
    extra = np.where(confidence != 0, np.abs(confidence) - 1, np.float32(0))
    return als.title_factors[history.title], extra, np.maximum(confidence, 0)


class _Pairs:
    """Cells of the weights of pairs of titles; of the titles asked about last, each row is looked up once."""

    def __init__(self, weights: sp.csr_array, history: Histories) -> None:
        self._weights, self._history = weights, history
        self._title = b""
        self._is_known, self._cells = np.zeros(0, bool), _nothing(np.empty(0, np.int64), np.empty(0, np.int64))

    def __call__(self, rows: Ints, title: Ints) -> Floats:
        if title.tobytes() != self._title:
            self._title, self._is_known = title.tobytes(), np.zeros(len(self._history.title), bool)
            self._cells = np.zeros((len(self._is_known), len(title)), np.float32)
        unknown = rows[~self._is_known[rows]]
        if len(unknown):
            place, cells = np.full(self._weights.shape[1], -1, np.int32), _nothing(unknown, title)
            place[title] = np.arange(len(title))
            _look_up(*cells_of(self._weights), self._history.title[unknown], title, place, cells)
            self._cells[unknown], self._is_known[unknown] = cells, True
        answer: Floats = self._cells[rows]
        return answer


def _viewers(source: ViewerNeighbours, history: Histories) -> Carrier:
    """Who is asked follows from all rows; what they watched around each of them adds up over the rows."""
    values, asked = source.values(history), source.asked(history)

    def carried(rows: Ints, title: Ints) -> Floats:
        counts, to = np.zeros_like(values), np.zeros(len(values), np.int64)
        counts[rows], to[rows] = values[rows], np.arange(len(rows))
        column = np.full(source.titles, -1, np.int32)
        column[title] = np.arange(len(title))
        around = _nothing(rows, title)
        source.add_around(history, counts, to, asked, column, around)
        return around

    # The same are asked when a row is left out: who they are follows from all rows.
    return Carrier(carried, lambda without, title: carried(without.rows, title))


def _content(content: Content, history: Histories) -> Carrier:
    def lost(without: Without, title: Ints) -> Floats:
        return content.scores_of(title, history) - content.scores_of(title, without.histories)

    return Carrier(_apart(_alike(content, history), content.weights(history)).carried, lost)


def _alike(content: Content, history: Histories) -> Cells:
    """The cosine of the sum of rows with a title: of each row its product, over the length of the sum."""
    vectors = content.vectors
    taste = sums_of(vectors, history.starts, history.title, content.weights(history))
    length = np.float32(max(float(np.linalg.norm(taste)), 1e-9))

    def cells(rows: Ints, title: Ints) -> Floats:
        answer, dense = _nothing(rows, title), np.zeros(vectors.shape[1], np.float32)
        _multiply(vectors.indptr, vectors.indices, vectors.data, history.title[rows], title, dense, answer)
        return answer / length

    return cells


@compiled
def _lose(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    mine: NDArray[np.int32],
    change: Floats,
    slight: np.float32,
    places: Places,
    lost: Floats,
) -> None:
    """Titles x times: of each row of the history its change each time, times what it says of the titles."""
    changes = np.empty(len(change), np.float32)
    for row in range(len(mine)):
        there = False
        for n in range(len(changes)):
            is_one = abs(change[n, row]) > slight
            changes[n], there = change[n, row] if is_one else np.float32(0), there or is_one
        if there:
            cells = slice(indptr[mine[row]], indptr[mine[row] + 1])
            columns, numbers = indices[cells], data[cells]
            for cell in range(len(columns)):
                if places[columns[cell]] >= 0:
                    of_title = lost[places[columns[cell]]]
                    for n in range(len(changes)):
                        of_title[n] += changes[n] * numbers[cell]


@compiled
def _look_up(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    mine: NDArray[np.int32],
    title: Ints,
    place: Places,
    cells: Floats,
) -> None:
    """A few are looked up each by halves: columns rise within a row. For many the row is read through."""
    for n in range(len(mine)):
        begin, end = indptr[mine[n]], indptr[mine[n] + 1]
        if len(title) * _STEPS < end - begin:
            for k in range(len(title)):
                cell = begin + np.searchsorted(indices[begin:end], title[k])
                if cell < end and indices[cell] == title[k]:
                    cells[n, k] = data[cell]
        else:
            for cell in range(begin, end):
                if place[indices[cell]] >= 0:
                    cells[n, place[indices[cell]]] = data[cell]


@compiled
def _multiply(  # noqa: PLR0913, PLR0917 - machine code takes arrays, not objects
    indptr: NDArray[Any],
    indices: NDArray[Any],
    data: Floats,
    mine: NDArray[np.int32],
    title: Ints,
    dense: Floats,
    cells: Floats,
) -> None:
    """Of each title in turn, its terms are laid out and taken up again."""
    for k in range(len(title)):
        terms = range(indptr[title[k]], indptr[title[k] + 1])
        for cell in terms:
            dense[indices[cell]] = data[cell]
        for n in range(len(mine)):
            total = np.float32(0)
            for cell in range(indptr[mine[n]], indptr[mine[n] + 1]):
                total += data[cell] * dense[indices[cell]]
            cells[n, k] = total
        for cell in terms:
            dense[indices[cell]] = 0
