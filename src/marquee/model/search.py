"""Search as you type: titles by name, year, people, genres and description, through accents, prefixes and typos.

SQLite's FTS5 finds titles by words and their beginnings, rapidfuzz forgives typos and tells how alike names are.
"""

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.fuzz import partial_ratio, ratio
from rapidfuzz.process import cdist

from marquee.model.histories import Floats, Ints
from marquee.model.titles import Titles
from marquee.text import unaccented

_WORDS, _LETTERS = 10, 40  # of a query; what is longer is cut
_YEARS = range(1880, 2100)  # a number of these may be a year
_FOUND = 200  # titles that one way of reading a query may find, the most watched first
_ALIKE = 50  # titles that are found by their whole name
_ALTERNATIVES = 20  # words that may have been meant by one
_ONE_TYPO, _TWO_TYPOS = 4, 8  # letters from which on a word may hold as many

# What a title is worth that is found by its name, its people, anything; beside how alike name or person are.
_NAMED, _CREDITED, _TOLD = 0.9, 0.7, 0.6
_TYPOS = 0.8  # of that worth is left if other words were meant
_SAME_YEAR, _NEXT_YEAR = 0.3, 0.15
_FAME = 0.2

Scorer = Callable[..., float]

_ARTICLES = frozenset(("the", "a", "an"))
_TABLE = """
    CREATE VIRTUAL TABLE titles USING fts5(name, joined, year, people, about, description,
        content='', detail=column, columnsize=0, prefix='1 2 3', tokenize='unicode61')
"""
_ADD = "INSERT INTO titles (rowid, name, joined, year, people, about, description) VALUES (?, ?, ?, ?, ?, ?, ?)"
_VOCABULARY = "SELECT DISTINCT term FROM words WHERE col IN ('name', 'people', 'about') ORDER BY length(term), term"
_FIND = "SELECT rowid FROM titles WHERE titles MATCH ? ORDER BY rowid LIMIT ?"


@dataclass(frozen=True, eq=False)
class Index:
    titles: Titles
    image: NDArray[np.uint8]  # an SQLite database; its row n is the nth most watched title
    order: Ints  # the title of each of its rows

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {"image": self.image, "order": self.order}

    def find(self, query: str, limit: int) -> tuple[Ints, Floats]:
        """Titles and how well each fits, best first; none for a query without a letter or digit."""
        asked = _words(query)
        if not asked or limit < 1:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        score, found = self._scores(asked, limit)
        places = np.flatnonzero(found)
        best = places[np.argsort(-score[places], kind="stable")][:limit]
        return self.order[best], score[best]

    def _scores(self, asked: Sequence[str], limit: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Of each row: how well it fits, and whether it was found at all."""
        years = [word for word in asked if _is_year(word)]
        sure = [word for word in asked if word not in years] or asked
        like = self._likeness(asked) if sure == asked else np.maximum(self._likeness(asked), self._likeness(sure))
        named, credited = np.zeros_like(like), np.zeros_like(like)
        for words in [sure] if sure == asked else [asked, sure]:
            phrase = [f'"{word}"' for word in words[:-1]] + [f'"{words[-1]}"*']
            self._mark(named, "{name joined year} :", phrase, _NAMED)
            self._mark(credited, "people :", phrase, _CREDITED)
            self._mark(named, "", phrase, _TOLD)
        if np.count_nonzero(np.maximum(named, credited)) < limit:
            phrase = [self._meant(word) for word in sure]
            self._mark(named, "name :", phrase, _NAMED * _TYPOS)
            self._mark(credited, "people :", phrase, _CREDITED * _TYPOS)
        found = (named > 0) | (credited > 0)
        found[np.argpartition(like, -min(_ALIKE, len(like)))[-_ALIKE:]] = True
        named = np.maximum(named, _NAMED * like**3) + like
        people = np.flatnonzero(credited)
        credited[people] += self._person_likeness(sure, people)
        score = np.maximum(named, credited) + self._near_years(years) + self._fame
        return score.astype(np.float32), found

    def _mark(self, worth: Floats, columns: str, phrase: Sequence[str], of: float) -> None:
        with self._lock:
            rows = self._database.execute(_FIND, (f"{columns} ({' AND '.join(phrase)})", _FOUND)).fetchall()
        places = np.array(rows, np.int64).reshape(-1) - 1
        worth[places] = np.maximum(worth[places], of)

    def _meant(self, word: str) -> str:
        """A word, what it is the beginning of, and what it may be a typo of."""
        return "(" + " OR ".join([f'"{word}"*', *(f'"{other}"' for other in self._others(word))]) + ")"

    def _others(self, word: str) -> list[str]:
        typos = (len(word) >= _ONE_TYPO) + (len(word) >= _TWO_TYPOS)
        if not typos:
            return []
        lengths = len(word) - typos, len(word) + typos + 1
        begin, end = np.searchsorted(self._lengths, lengths)
        words = self._vocabulary[begin:end]
        far = cdist([word], words, scorer=OSA.distance, score_cutoff=typos, dtype=np.uint8)[0]
        near = np.flatnonzero(far <= typos)
        return [words[place] for place in near[np.argsort(far[near], kind="stable")][:_ALTERNATIVES]]

    def _likeness(self, words: Sequence[str]) -> Floats:
        """How alike each name is, as a whole and as far as it is typed."""
        text = _squeezed(words)
        typed = [name[: len(text)] for name in self._names]
        return _mean(_alike(text, self._names), _alike(text, typed))

    def _person_likeness(self, words: Sequence[str], places: Ints) -> Floats:
        """How alike the most alike person of each of these rows is."""
        people = self._people[places]
        counts = people.list.len().to_numpy().astype(np.int64)
        if not counts.sum():
            return np.zeros(len(places), np.float32)
        text, names = " ".join(words), people.explode().to_list()
        like = _mean(_alike(text, names), _alike(text, names, partial_ratio))
        best: Floats = np.maximum.reduceat(like, np.cumsum(counts) - counts)
        return best

    def _near_years(self, years: Sequence[str]) -> Floats:
        away = np.min([np.abs(self._years - int(year)) for year in years], axis=0) if years else self._years * np.nan
        return np.select([away == 0, away == 1], [np.float32(_SAME_YEAR), np.float32(_NEXT_YEAR)], np.float32(0))

    @cached_property
    def _fame(self) -> Floats:
        return np.linspace(_FAME, 0, len(self.order), dtype=np.float32)

    @cached_property
    def _years(self) -> Floats:
        return self.titles.years[self.order]

    @cached_property
    def _names(self) -> list[str]:
        return [_squeezed(words) for words in _split(self.titles.frame["name"][self.order])]

    @cached_property
    def _people(self) -> pl.Series:
        return (
            self.titles.frame[self.order]
            .select(pl.concat_list("cast", "directors").list.eval(_folded(pl.element())))
            .to_series()
        )

    @cached_property
    def _lengths(self) -> Ints:
        return np.array([len(word) for word in self._vocabulary])

    @cached_property
    def _vocabulary(self) -> list[str]:
        with self._lock:
            return [word for (word,) in self._database.execute(_VOCABULARY)]

    @cached_property
    def _lock(self) -> threading.Lock:
        return threading.Lock()

    @cached_property
    def _database(self) -> sqlite3.Connection:
        database = sqlite3.connect(":memory:", check_same_thread=False)
        database.deserialize(self.image.tobytes())
        return database


def fit_index(titles: Titles, watched: NDArray[np.number[Any]]) -> Index:
    """The index of all titles; `watched` says which of them come first where nothing else does."""
    order = np.argsort(-watched, kind="stable")
    database = sqlite3.connect(":memory:")
    database.execute(_TABLE)
    database.execute("CREATE VIRTUAL TABLE words USING fts5vocab(titles, 'col')")
    database.executemany(_ADD, zip(range(1, len(order) + 1), *_columns(titles.frame[order]), strict=True))
    database.execute("INSERT INTO titles (titles) VALUES ('optimize')")
    database.commit()
    database.execute("VACUUM")
    return Index(titles, np.frombuffer(database.serialize(), np.uint8), order)


def _columns(frame: pl.DataFrame) -> list[list[str]]:
    texts = frame.select(
        "name",
        pl.col("year").cast(pl.String),
        pl.concat_list("cast", "directors").list.join(" ").alias("people"),
        pl.concat_list("genres", "keywords", "countries").list.join(" ").alias("about"),
        "description",
    )
    names, *others = (_split(texts[name]) for name in texts.columns)
    # Who leaves out a space finds the title too.
    joined = [list(map("".join, pairwise(words))) for words in names]
    return [[" ".join(words) for words in column] for column in (names, joined, *others)]


def _words(query: str) -> list[str]:
    return [word[:_LETTERS] for word in _split(pl.Series([query[: _WORDS * _LETTERS]]))[0][:_WORDS]]


def _split(texts: pl.Series) -> list[list[str]]:
    bare = _folded(pl.col("text").fill_null(""))
    words = texts.alias("text").to_frame().select(bare.str.extract_all(r"[\p{L}\p{N}]+")).to_series()
    return list(words.to_list())


def _folded(text: pl.Expr) -> pl.Expr:
    return unaccented(text).str.replace_all("'", "", literal=True)


def _squeezed(words: Sequence[str]) -> str:
    return "".join(word for word in words if word not in _ARTICLES) or "".join(words)


def _is_year(word: str) -> bool:
    return len(word) == 4 and word.isdecimal() and int(word) in _YEARS


def _alike(text: str, names: Sequence[str], scorer: Scorer = ratio) -> Floats:
    alike: Floats = cdist([text], names, scorer=scorer, dtype=np.float32)[0] / 100
    return alike


def _mean(one: Floats, other: Floats) -> Floats:
    mean: Floats = (one + other) / np.float32(2)
    return mean
