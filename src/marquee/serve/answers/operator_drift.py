"""Drift, for an operator: what the monitor found, look by look, and what came of it, as the monitor wrote it down."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from marquee.errors import NotFoundError
from marquee.quality import timeline
from marquee.quality.drift import Column
from marquee.quality.timeline import Look
from marquee.serve.schemas import operator as s

_LOOKS = 200  # the newest
_NEVER = datetime.max.replace(tzinfo=UTC)
_NO_LOOKS = (
    "The monitor has not looked yet, or keeps its notes elsewhere (MARQUEE_STATE has to be the same for both): "
    "run the monitor flow once."
)


def drift(state: Path, models: s.ModelsReply) -> s.DriftReply:
    looks = timeline.looks(state, _LOOKS)
    if not looks:
        return s.DriftReply(missing=_NO_LOOKS, looks=(), columns=(), report=False)
    newest = sorted(looks[0].columns, key=lambda column: (not column.drifted, -(_over(column) or 0)))
    return s.DriftReply(
        missing=None,
        looks=tuple(_told(looks, models)),
        columns=tuple(_column(column) for column in newest),
        report=_page_of(looks) is not None,
    )


def report(state: Path) -> bytes:
    """Evidently's page of the newest look that has one."""
    page = _page_of(timeline.looks(state, _LOOKS))
    if page is None:
        raise NotFoundError("there is no drift report; the monitor flow makes one")
    return page.read_bytes()


def _page_of(looks: Sequence[Look]) -> Path | None:
    return next((page for look in looks if look.page and (page := Path(look.page)).is_file()), None)


def _told(looks: Sequence[Look], models: s.ModelsReply) -> Iterator[s.DriftLook]:
    """Each with the versions that were made, and the changes of champion, from then until the next look."""
    until = [None, *(look.at for look in looks)]
    for look, end in zip(looks, until, strict=False):
        began, ended = look.at, end or _NEVER
        over = [of for column in look.columns if (of := _over(column)) is not None]
        yield s.DriftLook(
            **{name: getattr(look, name) for name in ("at", "champion", "taken", "act", "acted", "why")},
            columns=len(look.columns),
            drifted=tuple(column.name for column in look.columns if column.drifted),
            largest=max(over, default=None),
            made=tuple(line for line in models.versions if began <= line.registered_at < ended),
            then=tuple(change for change in models.changes if began <= change.at < ended),
        )


def _over(column: Column) -> float | None:
    return None if column.distance is None else column.distance / column.limit


def _column(column: Column) -> s.ColumnDrift:
    names = ("name", "distance", "limit", "missing", "then", "now", "drifted")
    return s.ColumnDrift(**{name: getattr(column, name) for name in names})
