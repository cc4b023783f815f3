"""What Trakt hands out, as JSON: ratings, history, watched, and how far something was played."""

from collections.abc import Sequence
from typing import Any

from marquee.data.history_import.history import Deed, ReadRow, Row, Skip, Sought, moment_of, name_of, stars_of, year_of
from marquee.params import HistoryImportParams

TIMES = ("rated_at", "watched_at", "last_watched_at", "paused_at")  # an entry has one of them


def entries(_: Sequence[Row], __: HistoryImportParams) -> ReadRow:
    return _entry


def _entry(entry: Row) -> list[Deed] | Skip:
    if "rated_at" in entry:
        return _rated(entry)
    if "progress" in entry:
        return [_played(entry)]
    if episodes := _episodes(entry):
        return episodes
    at = entry.get("watched_at") or entry.get("last_watched_at")
    return [Deed(_sought(entry), "watch_finished", moment_of(at))]


def _episodes(entry: Row) -> list[Deed]:
    """Of a show with all that was watched of it; empty where there is no such list."""
    return [
        Deed(
            _of_show(entry.get("show"), _get(season, "number")),
            "watch_finished",
            moment_of(_get(one, "last_watched_at")),
        )
        for season in _list(entry, "seasons")
        for one in _list(season, "episodes")
    ]


def _rated(entry: Row) -> list[Deed] | Skip:
    if "episode" in entry:
        return Skip("rating of a single episode")
    return [Deed(_sought(entry), "rated", moment_of(entry["rated_at"]), stars_of(entry.get("rating"), 10))]


def _played(entry: Row) -> Deed:
    percent = entry["progress"]
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        raise ValueError("the progress is not from 0 to 100")
    return Deed(_sought(entry), "watch_progress", moment_of(entry.get("paused_at")), percent / 100)


def _sought(entry: Row) -> Sought:
    if "movie" in entry:
        movie = entry["movie"]
        return Sought(name_of(_get(movie, "title")), year_of(_get(movie, "year")), "movie")
    number = _get(entry["episode"], "season") if "episode" in entry else _get(entry.get("season", {}), "number")
    return _of_show(entry.get("show"), number)


def _of_show(show: object, number: object) -> Sought:
    name = name_of(_get(show, "title"))
    season = f"{name}: Season {number}" if isinstance(number, int) else None
    return Sought(name, year_of(_get(show, "year")), "series", season)


def _get(thing: object, key: str) -> Any:
    if not isinstance(thing, dict):
        raise ValueError(f"nothing that has a {key}")
    return thing.get(key)


def _list(thing: object, key: str) -> list[Any]:
    found = _get(thing, key)
    return found if isinstance(found, list) else []
