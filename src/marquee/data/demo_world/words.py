"""The words of the demo world, and how templates are filled with them.

A new word, genre or culture is a line in words.yaml and needs no code.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from string import capwords
from typing import Any, Self, TypeVar

import numpy as np
import yaml

_T = TypeVar("_T")


@dataclass(frozen=True)
class Genre:
    movie: str  # its name for movies, as in the metadata's listed_in
    show: str | None  # its name for series; None where there are none
    share: float
    maturity: Sequence[str]
    dark: Sequence[str]
    accent: Sequence[str]
    adj: Sequence[str]
    noun: Sequence[str]
    place: Sequence[str]
    role: Sequence[str]
    names: Sequence[str]
    stories: Sequence[str]
    keywords: Sequence[str]


@dataclass(frozen=True)
class Culture:
    countries: Sequence[str]
    weight: float
    first: Sequence[str]
    last: Sequence[str]


@dataclass(frozen=True)
class Words:
    numbers: Sequence[str]
    subtitles: Sequence[str]
    closings: Sequence[str]
    moods: Sequence[Sequence[str]]
    genres: Mapping[str, Genre]
    cultures: Mapping[str, Culture]

    @classmethod
    def read(cls) -> Self:
        tree: dict[str, Any] = yaml.safe_load(resources.files(__package__).joinpath("words.yaml").read_text("utf-8"))
        genres = {name: Genre(**section) for name, section in tree.pop("genres").items()}
        cultures = {name: Culture(**section) for name, section in tree.pop("cultures").items()}
        return cls(genres=genres, cultures=cultures, **tree)


class Dice:
    """A seeded generator with the three throws that inventing needs."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def pick(self, choices: Sequence[_T]) -> _T:
        return choices[int(self.rng.random() * len(choices))]

    def chance(self, share: float) -> bool:
        return float(self.rng.random()) < share

    def weighted(self, choices: Sequence[_T], weights: Sequence[float]) -> _T:
        cumulated = np.cumsum(weights)
        return choices[int(np.searchsorted(cumulated, self.rng.random() * cumulated[-1], side="right"))]


class _Word(str):
    """A word that a template may ask for in lower case, as {noun:l}, or with capitals, as {role:t}."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        return {"l": self.lower(), "t": capwords(self)}.get(spec, str(self))


class _Drawn(dict[str, str]):
    """The words of one template, each drawn when it is first asked for."""

    def __init__(self, lists: Mapping[str, Sequence[str]], dice: Dice) -> None:
        super().__init__()
        self._lists = lists
        self._dice = dice

    def __missing__(self, field: str) -> str:
        self[field] = _Word(self._dice.pick(self._lists[field]))
        return self[field]


def fill(template: str, lists: Mapping[str, Sequence[str]], dice: Dice) -> str:
    """The template with a word of each list it names, "a" and "an" and the first letter put right."""
    text = template.format_map(_Drawn(lists, dice))
    text = re.sub(r"\b([Aa]) (?=[AEIOUaeiou](?!ne-|NE-|ni|UNI))", r"\1n ", text)
    return text[0].upper() + text[1:]


def word_lists(words: Words, genre: Genre, culture: Culture) -> dict[str, Sequence[str]]:
    """What the templates of a genre can draw from."""
    plain = {field.name: getattr(genre, field.name) for field in fields(genre)}
    return plain | {"other": genre.noun, "number": words.numbers, "first": culture.first, "last": culture.last}
