"""What the monitor notes is read back as it was, the newest first, and from the end of a long file alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marquee.quality import timeline
from marquee.quality.drift import Column
from marquee.quality.timeline import Look, add, looks

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = (
    Column("events: kind", "jensenshannon", 900, 800, 0.5, 0.1, 0.0, drifted=True),
    Column("rows: score", "wasserstein", 9, 8, None, 0.25, 0.01, drifted=False),
)


def a_look(number: int) -> Look:
    at = AT + timedelta(hours=number)
    return Look(at, "3", COLUMNS, "-5.00% to 10.00%", "retrain", acted=True, why=f"look {number} ✓", page="/x.html")


def test_where_nobody_looked_there_is_nothing(tmp_path: Path) -> None:
    assert looks(tmp_path, 10) == ()


def test_looks_are_read_back_as_they_were_the_newest_first(tmp_path: Path) -> None:
    for number in range(5):
        add(a_look(number), tmp_path / "state")
    assert looks(tmp_path / "state", 3) == (a_look(4), a_look(3), a_look(2))


@pytest.mark.parametrize("torn", [b'{"at": "2026-03', b"\xff", b"7", b'{"at": 3, "columns": []}', b"", b"\0\0\0"])
def test_a_line_that_was_not_written_to_its_end_costs_no_other(tmp_path: Path, torn: bytes) -> None:
    add(a_look(0), tmp_path)
    with (tmp_path / timeline.FILE).open("ab") as file:
        file.write(torn)
    assert looks(tmp_path, 3) == (a_look(0),)
    for number in (1, 2):
        add(a_look(number), tmp_path)
    assert looks(tmp_path, 3) == (a_look(2), a_look(1), a_look(0))
    assert looks(tmp_path, 1) == (a_look(2),)


def test_of_a_long_file_only_whole_lines_of_its_end_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        add(a_look(number), tmp_path)
    size = (tmp_path / timeline.FILE).stat().st_size
    monkeypatch.setattr(timeline, "_READ_BYTES", size // 10)
    found = looks(tmp_path, 100)
    assert found == tuple(a_look(49 - number) for number in range(len(found)))
    assert 0 < len(found) < 10
