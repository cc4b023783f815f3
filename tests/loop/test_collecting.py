"""Collecting: never more often than agreed, whoever collects, and one at a time."""

from pathlib import Path

import pytest

from marquee.loop.collecting import KeptPace, collector
from marquee.params import read_params

ROOT = Path(__file__).parent.parent.parent


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pace(file: Path, clock: Clock) -> KeptPace:
    return KeptPace(12.0, file, clock.time, clock.sleep)


def test_who_comes_after_waits_what_is_left_of_the_pause(tmp_path: Path) -> None:
    clock = Clock()
    pace(tmp_path / "next", clock).wait(0)
    clock.now += 5
    pace(tmp_path / "next", clock).wait(0)
    assert clock.now == 1_012


def test_who_comes_after_waits_as_long_as_the_api_asked(tmp_path: Path) -> None:
    clock = Clock()
    one = pace(tmp_path / "next", clock)
    one.wait(0)
    one.hold(60)
    pace(tmp_path / "next", clock).wait(0)
    assert clock.now == 1_060


def test_runs_that_begin_every_minute_leave_no_minute_out(tmp_path: Path) -> None:
    clock, calls = Clock(), []
    for minute in range(4):
        clock.now = max(clock.now, 1_000.0 + 60 * minute)
        one = pace(tmp_path / "next", clock)
        for _ in one.turns(50):
            one.wait(0)
            calls.append(clock.now - 1_000)
        assert clock.now < 1_000 + 60 * (minute + 1), "the next run would find this one still at it"
    assert calls == [12.0 * n for n in range(20)]


def test_who_has_the_turn_calls_once_however_short_it_is(tmp_path: Path) -> None:
    clock = Clock()
    pace(tmp_path / "next", clock).wait(0)
    one = pace(tmp_path / "next", clock)
    for _ in one.turns(1):
        one.wait(0)
    assert clock.now == 1_012


@pytest.mark.parametrize("left", ["", "never", "nan"])
def test_a_note_that_cannot_be_read_is_no_reason_to_wait(tmp_path: Path, left: str) -> None:
    clock = Clock()
    (tmp_path / "next").write_text(left)
    pace(tmp_path / "next", clock).wait(0)
    assert clock.now == 1_000


def test_two_collectors_do_not_collect_at_once(tmp_path: Path) -> None:
    params = read_params(ROOT / "params.yaml")
    told = params, f"sqlite:///{tmp_path}/events.db", tmp_path / "data", tmp_path / "state"
    clock = Clock()
    with collector(*told, lambda pause_s, file: KeptPace(pause_s, file, clock.time, clock.sleep)) as one:
        assert one is not None
        with collector(*told, lambda pause_s, file: KeptPace(pause_s, file, clock.time, clock.sleep)) as other:
            assert other is None
