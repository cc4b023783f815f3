"""Search as you type: titles by name, year, people, genres and description, through accents, prefixes and typos.

SQLite's FTS5 finds titles by words and their beginnings; rapidfuzz forgives typos and tells how alike names are.
Tantivy answers in a third of the time, but its files are never the same twice and a model's must be.
"""

import sqlite3
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import ratio
from rapidfuzz.process import cdist

from marquee.model.histories import Floats, Ints, Mask
from marquee.model.titles import Titles
from marquee.params import SearchParams
from marquee.text import NUMBERS, unaccented

_YEARS = range(1880, 2100)  # a number of these may be a year
_IN_FULL = MappingProxyType({"sci": "science", "fi": "fiction", "docuseries": "documentary"})
_ARTICLES = frozenset(("the", "a", "an"))
_TABLE = """
    CREATE VIRTUAL TABLE titles USING fts5(name, otherwise, year, people, about, description,
        content='', detail=column, columnsize=0, prefix='1 2 3', tokenize='unicode61')
"""
_WORDS = "CREATE VIRTUAL TABLE words USING fts5vocab(titles, 'col')"
_ADD = "INSERT INTO titles (rowid, name, otherwise, year, people, about, description) VALUES (?, ?, ?, ?, ?, ?, ?)"
_FIND = "SELECT rowid FROM titles WHERE titles MATCH ? ORDER BY rowid LIMIT ?"
_VOCABULARY = """
    SELECT term, min(col = 'description') FROM words WHERE col IN ('name', 'people', 'about', 'description')
    GROUP BY term ORDER BY length(term), term
"""


@dataclass(frozen=True, eq=False)
class Index:
    """Where titles are found. It may be asked by many threads."""

    titles: Titles
    params: SearchParams
    image: NDArray[np.uint8]  # an SQLite database; its row n is the nth most watched title
    order: Ints  # the title of each of its rows

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {"image": self.image, "order": self.order}

    def find(self, query: str, limit: int, allowed: Mask | None = None) -> tuple[Ints, Floats]:
        """Titles and how well each fits, best first; none for a query without a letter or digit. `allowed` is a mask of
        titles.
        """
        asked = words_of_query(query, self.params)
        if not asked:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        if allowed is None:
            score, found = self._reader.scores(asked, max(limit, self.params.found))
        else:  # those that are worth most may not be allowed
            score, found = self._reader.scores(asked, len(self.order))
            found &= allowed[self.order]
        places = np.flatnonzero(found)
        best = places[np.argsort(-score[places], kind="stable")][: max(limit, 0)]
        return self.order[best], score[best]

    @cached_property
    def _reader(self) -> "_Reader":
        return _Reader(self.titles.frame[self.order], self.image, self.params)


def fit_index(titles: Titles, watched: Floats, params: SearchParams) -> Index:
    """The index of all titles; of equals, those that are watched most come first."""
    order = np.argsort(-watched, kind="stable")
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(_TABLE)
        database.execute(_WORDS)
        database.executemany(_ADD, zip(range(1, len(order) + 1), *_columns(titles.frame[order]), strict=True))
        database.execute("INSERT INTO titles (titles) VALUES ('optimize')")
        database.commit()
        database.execute("VACUUM")
        return Index(titles, params, np.frombuffer(database.serialize(), np.uint8), order)


def words_of_query(query: str, params: SearchParams) -> list[str]:
    """What of a query is looked for; whatever is no letter or digit only parts words."""
    readable = query[: params.words * params.letters].encode("utf-8", "ignore").decode("utf-8")
    return [word[: params.letters] for word in _split(pl.Series([readable]))[0][: params.words]]


class _Reader:
    """The index, opened: what is read of it lies in memory, the database behind a lock. Rows of titles by fame."""

    def __init__(self, frame: pl.DataFrame, image: NDArray[np.uint8], params: SearchParams) -> None:
        self._params = params
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._database.close)  # it refers to itself: not closed, it would stay for long
        self._database.deserialize(image.tobytes())
        words = self._database.execute(_VOCABULARY).fetchall()
        self._words = _Vocabulary([word for word, only_described in words if not only_described], params)
        self._all_words = _Vocabulary([word for word, _ in words], params)
        names = _split(frame["name"])
        self._names = [_squeezed(words) for words in names]
        self._dated = np.array([row for row, words in enumerate(names) if any(map(_is_year, words))], np.int64)
        self._dated_names = [self._names[row] for row in self._dated]  # that hold what else would be a year
        people = pl.concat_list("cast", "directors").list.eval(_folded(pl.element()))
        self._people = frame.select(people.alias("people")).to_series()
        self._years = Titles(frame).years
        place = np.log(np.arange(1, frame.height + 1)) / np.log(frame.height + 1)
        self._fame = (params.fame * (1 - place)).astype(np.float32)

    def scores(self, asked: Sequence[str], most: int) -> tuple[Floats, Mask]:
        """Of each row: how well it fits, and whether it was found at all; so many at each place of words."""
        years = [word for word in asked if _is_year(word)]
        sure = [word for word in asked if word not in years] or asked
        like = self._likeness(sure, self._names)
        like[self._dated] = np.maximum(like[self._dated], self._likeness(asked, self._dated_names))
        named, credited = self._found([asked] if sure == asked else [asked, sure], most)
        found = (named > 0) | (credited > 0) | (like >= self._params.alike)
        people = np.flatnonzero(credited)
        credited[people] += self._person_likeness(sure, people)
        named = np.maximum(named, self._params.named * like**4) + like
        return np.maximum(named, credited) + self._near(years) + self._fame, found

    def _found(self, readings: Sequence[Sequence[str]], most: int) -> tuple[Floats, Floats]:
        """What each row is worth by its name or what is told of it, and by its people; 0 where it was not found."""
        worth = self._params
        named, credited = np.zeros_like(self._fame), np.zeros_like(self._fame)
        written = [[*(f'"{word}"' for word in words[:-1]), f'"{words[-1]}"*'] for words in readings]
        for words in written:
            self._mark(named, "{name otherwise year} :", words, worth.named, most)
            self._mark(credited, "people :", words, worth.credited, most)
        if not (named.any() or credited.any()):
            meant = [self._words.meant(word) for word in readings[-1]]
            self._mark(named, "name :", meant, worth.named * worth.meant, most)
            self._mark(credited, "people :", meant, worth.credited * worth.meant, most)
        for words in written:
            self._mark(named, "", words, worth.told, most)
        if not (named.any() or credited.any()):
            meant = [self._all_words.meant(word) for word in readings[-1]]
            self._mark(named, "", meant, worth.told * worth.meant, most)
        return named, credited

    def _mark(self, worth: Floats, where: str, words: Sequence[str], of: float, most: int) -> None:
        with self._lock:
            found = self._database.execute(_FIND, (f"{where} ({' AND '.join(words)})", most)).fetchall()
        rows = np.array(found, np.int64).reshape(-1) - 1
        worth[rows] = np.maximum(worth[rows], of)

    def _likeness(self, words: Sequence[str], names: Sequence[str]) -> Floats:
        """How alike each name is, as a whole and as far as it is typed."""
        text = _squeezed(words)
        typed = [name[: len(text)] for name in names]
        share = np.float32(self._params.typed)
        return share * _alike(text, typed) + (1 - share) * _alike(text, names)

    def _person_likeness(self, words: Sequence[str], rows: Ints) -> Floats:
        """How alike the most alike person of each of these rows is."""
        people = self._people[rows]
        counts = people.list.len().to_numpy().astype(np.int64)
        like = _alike(" ".join(words), people.explode().to_list())
        best: Floats = np.maximum.reduceat(like, np.cumsum(counts) - counts)
        return best

    def _near(self, years: Sequence[str]) -> Floats:
        away = np.min([np.abs(self._years - int(year)) for year in years], axis=0) if years else self._years * np.nan
        worth = [np.float32(self._params.same_year), np.float32(self._params.next_year)]
        return np.select([away == 0, away == 1], worth, np.float32(0))


class _Vocabulary:
    """Words, the shorter ones first, and which of them may be meant by what is typed."""

    def __init__(self, words: Sequence[str], params: SearchParams) -> None:
        self._params = params
        self._words = words
        self._lengths = np.array([len(word) for word in words], np.int64)
        self._letters = _letters(words)

    def meant(self, word: str) -> str:
        """A word, what it is the beginning of, and what it may be a typo of."""
        return "(" + " OR ".join([f'"{word}"*', *(f'"{other}"' for other in self._others(word))]) + ")"

    def _others(self, word: str) -> list[str]:
        typos = (len(word) >= self._params.one_typo) + (len(word) >= self._params.two_typos)
        if not typos:
            return []
        others = self._like(word, typos)
        far = cdist([word], others, scorer=OSA.distance, score_cutoff=typos, dtype=np.uint8)[0]
        near = np.flatnonzero(far <= typos)
        return [others[place] for place in near[np.argsort(far[near], kind="stable")][: self._params.alternatives]]

    def _like(self, word: str, typos: int) -> list[str]:
        """The words about as long and of about the same letters; of these a typo adds one and takes one at most."""
        begin, end = np.searchsorted(self._lengths, (len(word) - typos, len(word) + typos + 1))
        apart = np.bitwise_count(self._letters[begin:end] ^ _letters([word]))
        return [self._words[begin + place] for place in np.flatnonzero(apart <= 2 * typos)]


def _columns(frame: pl.DataFrame) -> list[list[str]]:
    texts = frame.select(
        "name",
        pl.col("year").cast(pl.String),
        pl.concat_list("cast", "directors").list.join(" ").alias("people"),
        pl.concat_list("genres", "keywords", "countries").list.join(" ").alias("about"),
        "description",
    )
    names, years, people, about, description = (_split(texts[column]) for column in texts.columns)
    columns = (names, map(_otherwise, names), years, people, map(_as_said, about), description)
    return [[" ".join(words) for words in column] for column in columns]


def _otherwise(words: Sequence[str]) -> list[str]:
    """How else the words of a name may be written: without a space between two, numbers as digits."""
    return [*map("".join, pairwise(words)), *(NUMBERS[word] for word in words if word in NUMBERS)]


def _as_said(words: Sequence[str]) -> list[str]:
    """Words of genres, and how else one says them: one comedy, science fiction."""
    one = (f"{word.removesuffix('ies')}y" for word in words if word.endswith("ies"))
    return [*words, *one, *(_IN_FULL[word] for word in words if word in _IN_FULL)]


def _split(texts: pl.Series) -> list[list[str]]:
    bare = _folded(pl.col("text").fill_null("")).str.extract_all(r"[\p{L}\p{N}]+")
    return list(texts.alias("text").to_frame().select(bare).to_series().to_list())


def _folded(text: pl.Expr) -> pl.Expr:
    return unaccented(text).str.replace_all("'", "", literal=True).str.replace_all("&", " and ", literal=True)


def _letters(words: Sequence[str]) -> NDArray[np.uint64]:
    """Which letters each word holds: a bit for each letter, some share one."""
    lengths = np.array([len(word) for word in words], np.int64)
    letters = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32).astype(np.uint64)
    bits = np.uint64(1) << letters % np.uint64(64)
    held: NDArray[np.uint64] = np.bitwise_or.reduceat(bits, np.cumsum(lengths) - lengths)
    return held


def _squeezed(words: Sequence[str]) -> str:
    return "".join(word for word in words if word not in _ARTICLES) or "".join(words)


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isdecimal() and int(word) in _YEARS


def _alike(text: str, names: Sequence[str]) -> Floats:
    alike: Floats = cdist([text], names, scorer=ratio, dtype=np.float32)[0] / np.float32(100)
    return alike
