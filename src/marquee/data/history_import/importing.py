"""A history told as events of the catalogue's titles, with all that found no title.

The same deed always becomes the same event, to its id: importing a file again adds nothing, a longer export only news.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import blake2b

import polars as pl

from marquee.data.history_import.finding import Candidate, Found, find
from marquee.data.history_import.history import Deed, History, Malformed, Sought
from marquee.errors import SourceError
from marquee.params import CatalogueParams

FARTHEST = ("watch_started", "watch_progress", "watch_finished", "rewatched")  # of one day, the last of these is told
NOBODY_KNOWS_WHEN = datetime(1990, 1, 1, tzinfo=UTC)  # diaries go farther back than the event store

Event = dict[str, object]


@dataclass(frozen=True)
class Unmatched:
    """A title that is not sure to be in the catalogue, the lines that name it, and what it may be."""

    label: str
    lines: tuple[int, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class HistoryImport:
    """`rows` are those that tell of a title: each is matched, or its line stands in near_misses or not_found."""

    format: str
    assumes: str
    events: tuple[Event, ...]
    rows: int
    matched: int
    near_misses: tuple[Unmatched, ...]
    not_found: tuple[Unmatched, ...]
    skipped: Mapping[str, int]
    malformed: tuple[Malformed, ...]

    @property
    def sentence(self) -> str:
        return f"matched {self.matched:,} of {self.rows:,}"


def import_history(
    history: History, user_id: int, titles: pl.DataFrame, params: CatalogueParams, confirmed: Mapping[str, int] = {}
) -> HistoryImport:
    """`confirmed`: near misses that the viewer settled, label (or name) -> title_id."""
    if strange := set(confirmed.values()) - set(titles["title_id"]):
        raise SourceError(f"confirmed as title {min(strange)}, which the catalogue does not have; choose a candidate")
    found = dict(find((deed.sought for deed in _deeds(history)), titles, params))
    if strangers := confirmed.keys() - {name for title in found for name in (title.label, title.name)}:
        raise SourceError(
            f'confirmed "{min(strangers)}", which the file does not tell of; '
            'write the name as it is listed among the near misses, such as "Heat (1995)"'
        )
    for title in found:
        if title_id := confirmed.get(title.label) or confirmed.get(title.name):
            found[title] = Found(title_id)
    unmatched = _unmatched(history, found)
    lines = {line for each in unmatched for line in each.lines}
    return HistoryImport(
        format=history.format,
        assumes=history.assumes,
        events=tuple(_events(history, user_id, found)),
        rows=len(history.deeds),
        matched=len(history.deeds) - len(lines),
        near_misses=tuple(each for each in unmatched if each.candidates),
        not_found=tuple(each for each in unmatched if not each.candidates),
        skipped=history.skipped,
        malformed=history.malformed,
    )


def _unmatched(history: History, found: Mapping[Sought, Found]) -> list[Unmatched]:
    """One for each label, though several seasons may share it."""
    lines: dict[str, dict[int, None]] = defaultdict(dict)
    candidates: dict[str, dict[int, Candidate]] = defaultdict(dict)
    for line, deeds in history.deeds.items():
        for title in {deed.sought: None for deed in deeds if found[deed.sought].title_id is None}:
            lines[title.label][line] = None
            candidates[title.label] |= {each.title_id: each for each in found[title].candidates}
    return [Unmatched(label, tuple(lines[label]), tuple(candidates[label].values())) for label in lines]


def _events(history: History, user_id: int, found: Mapping[Sought, Found]) -> Iterator[Event]:
    """At most one watching and one rating of a title a day."""
    days: dict[tuple[int, date, bool], list[Deed]] = defaultdict(list)
    for deed in sorted(_deeds(history), key=lambda deed: deed.at):
        if title_id := found[deed.sought].title_id:
            days[title_id, deed.at.date(), deed.kind in FARTHEST].append(deed)
    for (title_id, _, is_watching), deeds in days.items():
        yield _event(history.source, user_id, title_id, _farthest(deeds) if is_watching else deeds[-1])


def _deeds(history: History) -> Iterator[Deed]:
    return (deed for deeds in history.deeds.values() for deed in deeds)


def _farthest(deeds: Sequence[Deed]) -> Deed:
    """Begun when the first began: a longer export of the day has the same."""
    farthest = max(deeds, key=lambda deed: (FARTHEST.index(deed.kind), deed.value or 0))
    return replace(farthest, at=deeds[0].at)


def _event(source: str, user_id: int, title_id: int, deed: Deed) -> Event:
    """Everything that tells it from another goes into its id: the store takes an id for one content only."""
    happened_at = max(deed.at, NOBODY_KNOWS_WHEN).isoformat(timespec="milliseconds")
    content = f"{source} {user_id} {title_id} {deed.kind} {deed.value} {happened_at}"
    return {
        "event_id": f"history-{blake2b(content.encode(), digest_size=16).hexdigest()}",
        "user_id": user_id,
        "title_id": title_id,
        "kind": deed.kind,
        "value": deed.value,
        "happened_at": happened_at,
        "source": source,
        "detail": None,
    }
