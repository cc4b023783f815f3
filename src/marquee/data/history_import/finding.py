"""Sought titles found in the catalogue: the season if the catalogue has it, else the series; else what it may be."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from marquee.data.history_import.episodes import names_a_season
from marquee.data.history_import.history import Sought
from marquee.data.matching import Matcher
from marquee.params import CatalogueParams

_LEVEL = 0.01  # between candidates as close as this, only the viewer can tell
_WANTED = {"row": pl.UInt32, "name": pl.String, "year": pl.Int16, "kind": pl.String}


@dataclass(frozen=True)
class Candidate:
    title_id: int
    name: str
    year: int | None
    confidence: float


@dataclass(frozen=True)
class Found:
    """The title, where it is sure; else the candidates, the likeliest first."""

    title_id: int | None
    candidates: tuple[Candidate, ...] = ()


Names = Sequence[tuple[str, int | None, str | None]]  # name, year and kind under which a title is looked for
Likely = Mapping[Sought, tuple[Candidate, ...]]


def find(sought: Iterable[Sought], titles: pl.DataFrame, params: CatalogueParams) -> Mapping[Sought, Found]:
    names = titles.select("name", "year", "kind", key="title_id")
    of_season = pl.Series([names_a_season(name) for name in names["name"]], dtype=pl.Boolean)
    asked = list(dict.fromkeys(sought))
    found = _sure(_likely(asked, _season, names.filter(of_season), params), params)
    found |= _sure(_likely(_left(asked, found), _series, names.filter(~of_season), params), params)
    likely = _likely(_left(asked, found), _any, names, params)
    # Whoever watched a season that is not there has not watched another one: the viewer is asked.
    found |= _sure({title: candidates for title, candidates in likely.items() if not title.season}, params)
    return {title: found.get(title) or Found(None, likely.get(title, ())) for title in asked}


def _left(asked: Sequence[Sought], found: Mapping[Sought, Found]) -> list[Sought]:
    return [title for title in asked if title not in found]


def _sure(likely: Likely, params: CatalogueParams) -> dict[Sought, Found]:
    found = {}
    for title, (best, *others) in likely.items():
        rivalled = others and others[0].confidence > best.confidence - _LEVEL
        if best.confidence >= params.confidence and not rivalled:
            found[title] = Found(best.title_id)
    return found


def _season(title: Sought) -> Names:
    return [(title.season, None, "series")] if title.season else []


def _series(title: Sought) -> Names:
    return [(title.name, title.year, "series")] if title.season else []


def _any(title: Sought) -> Names:
    kinds = (title.kind,) if title.kind else (None, "series")
    names = (title.name, title.also) if title.also else (title.name,)
    return [(name, title.year, kind) for name in names for kind in kinds]


def _likely(
    asked: Sequence[Sought], names_of: Callable[[Sought], Names], among: pl.DataFrame, params: CatalogueParams
) -> Likely:
    """The candidates of each title that has any, whichever of its names they were found under."""
    wanted = [(title, name) for title in asked for name in names_of(title)]
    if not wanted:
        return {}
    rows = [(row, *name) for row, (_, name) in enumerate(wanted)]
    matches = Matcher(among, params).matches(pl.DataFrame(rows, schema=_WANTED, orient="row"))
    likely: dict[Sought, dict[int, Candidate]] = defaultdict(dict)
    known = matches.sort("confidence", "key").join(among, on="key", how="left", maintain_order="left")
    for row, key, confidence, name, year in known.select("row", "key", "confidence", "name", "year").iter_rows():
        likely[wanted[row][0]][key] = Candidate(key, name, year, confidence)
    return {title: _best_first(candidates.values()) for title, candidates in likely.items()}


def _best_first(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(candidates, key=lambda each: (-each.confidence, each.title_id)))
