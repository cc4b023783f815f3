"""netflix_titles.csv of the demo world: what another catalogue says of the titles, in its own spelling.

Names differ as they do between real catalogues, series stand there once for all their seasons, some titles are absent
and some rows are of titles nobody here has. A new way to differ is one line in SPELLINGS.
"""

import csv
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from marquee.data.demo_world.catalogue import FIRST_DAY, Catalogue, Title
from marquee.data.demo_world.words import Dice, Words

COLUMNS = (
    "show_id", "type", "title", "director", "cast", "country", "date_added", "release_year", "rating", "duration",
    "listed_in", "description", "keywords", "artwork",
)  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_ABSENT, _YEAR_OFF, _NAMESAKES = 0.04, 0.08, 0.015


def _unaccented(name: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter))


# How often a name is spelt another way, and how; where it does not apply the name stays as it is.
SPELLINGS: Sequence[tuple[float, Callable[[str], str]]] = (
    (0.07, lambda name: re.sub(r"^(The|An?) (.+)$", r"\2, \1", name)),
    (0.04, lambda name: re.sub(r"^The (?=..)", "", name)),
    (0.5, _unaccented),
    (0.5, lambda name: name.replace("Vol. ", "Volume ")),
    (0.3, lambda name: name.replace(" & ", " and ")),
    (0.3, lambda name: re.sub(r" 2$", " II", name)),
    (0.15, lambda name: name.replace(": ", " - ")),
    (0.1, lambda name: name.replace('"', "'")),
    (0.05, lambda name: re.sub(r"[!?.]+$", "", name) or name),
    (0.015, lambda name: re.sub(r"([a-z])\1", r"\1", name, count=1)),
)


def write_metadata(path: Path, catalogue: Catalogue, rng: np.random.Generator) -> dict[int, str]:
    """The file; and for each title_id that is in it, the show_id of its row."""
    dice = Dice(rng)
    there = [group for group in _groups(catalogue.titles) if not dice.chance(_ABSENT)]
    namesakes = [[catalogue.titles[place]] for place in range(len(catalogue.titles)) if dice.chance(_NAMESAKES)]
    others = [[title] for title in catalogue.unseen]
    rows = [_row(catalogue, group, dice) for group in there]
    rows += [_row(catalogue, group, dice) for group in others]
    rows += [_of_another_year(_row(catalogue, group, dice), group[0], dice) for group in namesakes]
    order = rng.permutation(len(rows)).tolist()
    ids = {place: f"s{number}" for number, place in enumerate(order, start=1)}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((ids[place], *rows[place]) for place in order)
    place_of = {title: place for place, title in enumerate(catalogue.titles)}
    return {place_of[title] + 1: ids[row] for row, group in enumerate(there) for title in group}


def _groups(titles: Sequence[Title]) -> Iterator[list[Title]]:
    """Titles that share a row: all seasons of a series; movies stand alone."""
    series: dict[int, list[Title]] = {}
    for title in titles:
        if title.kind == "series":
            series.setdefault(title.work, []).append(title)
        else:
            yield [title]
    yield from (sorted(seasons, key=lambda title: title.part) for seasons in series.values())


def _row(catalogue: Catalogue, group: Sequence[Title], dice: Dice) -> tuple[str, ...]:
    title, is_series = group[0], group[0].kind == "series"
    seasons = f"{len(group)} Season{'s' * (len(group) > 1)}"
    added = FIRST_DAY + timedelta(days=group[-1].arrival)
    return (
        "TV Show" if is_series else "Movie",
        _spelt(title.work_name if is_series else title.name, dice),
        ", ".join(title.directors),
        ", ".join(title.cast),
        title.country,
        f"{_MONTHS[added.month - 1]} {added.day}, {added.year}",
        str(group[-1].year + (dice.pick((-1, 1)) if dice.chance(_YEAR_OFF) else 0)),
        title.maturity,
        seasons if is_series else f"{int(np.clip(dice.rng.normal(103, 18), 61, 214))} min",
        ", ".join(_listed_in(title, catalogue.words)),
        title.description,
        ", ".join(title.keywords),
        title.artwork,
    )


def _listed_in(title: Title, words: Words) -> Iterator[str]:
    for genre in title.genres:
        label = words.genres[genre].show if title.kind == "series" else words.genres[genre].movie
        yield label or words.genres[genre].movie
    if not title.country.startswith("United States"):
        yield "International TV Shows" if title.kind == "series" else "International Movies"
    elif title.year < 1970:
        yield "Classic & Cult TV" if title.kind == "series" else "Classic Movies"


def _spelt(name: str, dice: Dice) -> str:
    for share, spelling in SPELLINGS:
        if dice.chance(share):
            name = spelling(name)
    return name


def _of_another_year(row: tuple[str, ...], title: Title, dice: Dice) -> tuple[str, ...]:
    """The row of a remake or forerunner that has only the name in common."""
    years = [year for year in (title.year - 31, title.year - 17, title.year + 12, title.year + 16) if year < 2022]
    year = str(dice.pick(years))
    return (*row[:2], "", "", *row[4:6], year, *row[7:9], row[9], f"Another film of that name, of {year}.", "", row[12])
