"""Troupes: actors and directors of the demo world, who keep to their genres and years and so recur together.

A viewer's taste for a cast is a taste for a troupe; the metadata shows only the names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from marquee.data.demo_world.words import Dice, Words

TROUPES = 24
_WORKS_OF_AN_ACTOR = 7
_WORKS_OF_A_DIRECTOR = 4
_HOME = {"anime": "japanese", "western": "american"}


@dataclass(frozen=True)
class Troupe:
    culture: str
    genres: tuple[str, str]
    year: int  # the middle of its career


@dataclass(frozen=True)
class Credits:
    cast: tuple[str, ...]
    directors: tuple[str, ...]


def found_troupes(words: Words, dice: Dice) -> list[Troupe]:
    """Every genre has at least one troupe."""
    genres = list(words.genres)
    troupes = []
    for number in range(TROUPES):
        first = genres[number % len(genres)]
        culture = _HOME.get(first) or dice.weighted(list(words.cultures), [c.weight for c in words.cultures.values()])
        year = 1930 + int(72 * dice.rng.random() ** 0.5)
        troupes.append(Troupe(culture, (first, dice.pick(genres)), year))
    return troupes


def choose_troupe(troupes: Sequence[Troupe], genres: Sequence[str], year: int, dice: Dice) -> int:
    """A troupe that plays such a genre at such a time, most of the time."""
    fits = [
        2.5 * (genres[0] in troupe.genres)
        + sum(genre in troupe.genres for genre in genres[1:])
        - abs(year - troupe.year) / 12
        for troupe in troupes
    ]
    return dice.weighted(range(len(troupes)), [float(np.exp(fit)) for fit in fits])


def credit_works(
    years: Sequence[int], members: Sequence[int], troupes: Sequence[Troupe], words: Words, dice: Dice
) -> list[Credits]:
    """Cast and directors of each work, from the year it was made and the number of its troupe."""
    credits_of: dict[int, Credits] = {}
    taken: set[str] = set()
    for number, troupe in enumerate(troupes):
        works = sorted((work for work, member in enumerate(members) if member == number), key=lambda work: years[work])
        actors = _people(max(6, 4 * len(works) // _WORKS_OF_AN_ACTOR), troupe, words, dice, taken)
        directors = _people(max(2, len(works) // _WORKS_OF_A_DIRECTOR), troupe, words, dice, taken)
        for place, work in enumerate(works):
            career = (place + 0.5) / len(works)
            two = 1 + dice.chance(0.06)
            cast = _colleagues(actors, career, 3 + int(dice.rng.random() * 3), dice)
            credits_of[work] = Credits(cast, _colleagues(directors, career, two, dice))
    return [credits_of[work] for work in range(len(years))]


def _people(count: int, troupe: Troupe, words: Words, dice: Dice, taken: set[str]) -> list[str]:
    culture = words.cultures[troupe.culture]
    people: list[str] = []
    for _ in range(count):
        first, last = dice.pick(culture.first), dice.pick(culture.last)
        while f"{first} {last}" in taken:
            first = f"{first} {dice.pick('ABCDEFGHIJKLMNOPRSTVWZ')}."
        taken.add(f"{first} {last}")
        people.append(f"{first} {last}")
    return people


def _colleagues(people: Sequence[str], career: float, count: int, dice: Dice) -> tuple[str, ...]:
    """People whose careers are at their height at that share of the troupe's time."""
    near = career * len(people) + dice.rng.normal(0, 2.5, size=4 * count)
    places = np.clip(near.astype(np.int64), 0, len(people) - 1)
    return tuple(people[place] for place in dict.fromkeys(places.tolist()))[:count]
