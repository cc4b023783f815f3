"""The command line as a user meets it: one line for an error, no traceback, and every command doing its work."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from marquee.data.demo_world import write_demo_world
from marquee.params import read_params

ROOT = Path(__file__).parent.parent
MARQUEE = Path(sys.executable).parent / "marquee"
SMALL = ("demo_world.viewers=60", "demo_world.titles=80", "demo_world.ratings=1500")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "demo"
    write_demo_world(folder, read_params(ROOT / "params.yaml", SMALL).demo_world)
    return folder


@pytest.fixture
def marquee(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        command = [str(MARQUEE), "--params", str(ROOT / "params.yaml"), *arguments]
        environment = {**os.environ, "COLUMNS": "200", "MARQUEE_DATABASE_URL": f"sqlite:///{tmp_path}/events.db"}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, input=typed, capture_output=True, text=True, check=False
        )

    return run


Marquee = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def simulator(world: Path) -> Iterator[str]:
    """`marquee watch-api` in a process of its own, on a free port; its address."""
    command = [str(MARQUEE), "watch-api", str(world), "--port", "0", "--fault", "html=0.3"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "300"}
    )
    assert process.stdout
    line = process.stdout.readline()
    yield line.split(" is at ")[1].split(";")[0]
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    process.stdout.close()


def test_ctrl_c_while_the_command_is_being_read_ends_it_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    paths = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    command = [sys.executable, "-m", "marquee", "--help"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def event(number: int, **changes: object) -> str:
    plain = {"event_id": f"e{number}", "user_id": 7, "title_id": 1, "kind": "watch_finished", "source": "test"}
    return json.dumps({**plain, "happened_at": f"2006-01-01T00:00:{number:02}Z", **changes})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "source.pth=x", "status"], "source.pth is not a known key"),
        (["--set", "source.path=nowhere", "titles"], "nowhere"),
        (["ratings"], "no titles yet; run `marquee titles`"),
        (["events", "add", "nowhere.jsonl"], "No such file or directory: 'nowhere.jsonl'"),
        (["events", "history", "7", "--database", "mysql://x"], "mysql"),
        (["events", "history", "7", "--database", "foo"], "its URL cannot be read; write sqlite:///state/events.db"),
        (["events", "snapshot", "x", "--database", "foo"], "its URL cannot be read; write sqlite:///state/events.db"),
        (["events", "history", "7", "--database", "sqlite:///typo.db"], "no event store there yet"),
        (["titles", "--into", "/dev/null"], "/dev/null"),
        (["events", "snapshot", "out"], "no event store there yet"),
        (["watch-api", "nowhere"], "nowhere"),
        (["watch-api", "--fault", "html"], "write it as name=share"),
        (["import-history", "nowhere.csv", "--user-id", "7"], "nowhere.csv"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(marquee: Marquee, arguments: list[str], says: str) -> None:
    done = marquee(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_debug_shows_the_traceback(marquee: Marquee) -> None:
    done = marquee("--debug", "--set", "source.pth=x", "status")
    assert "Traceback" in done.stderr
    assert "ParamsError" in done.stderr


def test_events_are_added_once_and_the_invalid_are_named_by_line(marquee: Marquee) -> None:
    lines = "\n".join([event(1), event(2), "not json", event(3, kind="slept")])
    first = marquee("events", "add", "-", typed=lines)
    assert first.returncode == 1
    assert first.stdout == "2 accepted, 0 duplicates, 2 refused\n"
    assert "-:3: not a JSON object; an event is a set of named values" in first.stderr
    assert "-:4: kind is none of" in first.stderr
    assert marquee("events", "add", "-", typed=lines).stdout == "0 accepted, 2 duplicates, 2 refused\n"


def test_without_a_file_the_live_events_of_the_source_are_added_if_any_came(marquee: Marquee, world: Path) -> None:
    assert "no live events came with data/demo" in marquee("events", "add").stdout
    assert ", 0 duplicates, 0 refused" in marquee("--set", f"source.path={world}", "events", "add").stdout


def test_help_needs_no_params(tmp_path: Path) -> None:
    done = subprocess.run([MARQUEE, "watch-api", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0


def test_a_poll_that_fails_does_not_end_the_watching(marquee: Marquee, tmp_path: Path) -> None:
    nobody = ["--set", "watch_api.url=http://127.0.0.1:9/x", "--set", "watch_api.pause_s=0"]
    once = ["--set", "watch_api.attempts=1", "--set", "watch_api.backoff_s=0"]
    command = [str(MARQUEE), "--params", str(ROOT / "params.yaml"), *nobody, *once, "watch"]
    database = {**os.environ, "MARQUEE_DATABASE_URL": f"sqlite:///{tmp_path}/events.db"}
    with subprocess.Popen(command, cwd=tmp_path, env=database, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        lines = [process.stderr.readline() for _ in range(3)]
        process.kill()
    assert all("no usable answer in 1 attempts" in line for line in lines)
    assert marquee(*nobody, *once, "watch", "--calls", "1").returncode == 2


def test_a_viewers_events_are_shown_exported_and_forgotten(marquee: Marquee, tmp_path: Path) -> None:
    marquee("events", "add", "-", typed="\n".join([event(1), event(2, user_id=8), event(3, kind="saved")]))
    assert [line.split()[2] for line in marquee("events", "history", "7").stdout.splitlines()[1:]] == [
        "watch_finished",
        "saved",
    ]
    exported = [json.loads(line) for line in marquee("events", "export", "7").stdout.splitlines()]
    assert [told["event_id"] for told in exported] == ["e1", "e3"]
    assert marquee("events", "snapshot", "out").stdout == "position 3: 1 partitions in out\n"
    assert "no position 9" in marquee("events", "snapshot", "out", "--position", "9").stderr
    assert marquee("events", "forget", "7", typed="n\n").returncode == 1
    assert "2 events deleted" in marquee("events", "forget", "7", "--yes").stdout
    marquee("events", "snapshot", "out")
    assert pl.read_parquet(tmp_path / "out/*.parquet")["user_id"].to_list() == [8]
    again = marquee("events", "add", "-", typed="\n".join([event(1), event(2, user_id=8)]))
    assert (again.returncode, again.stderr) == (0, "")
    assert "0 accepted, 1 duplicates, 0 refused\n1 left out: their viewers asked to be forgotten" in again.stdout


def test_the_watch_api_is_asked_and_stored(marquee: Marquee, simulator: str) -> None:
    quick = ["--set", f"watch_api.url={simulator}", "--set", "watch_api.pause_s=0", "--set", "watch_api.backoff_s=0"]
    done = marquee(*quick, "watch", "--calls", "4")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4
    new = sum(int(line.split()[1]) for line in done.stdout.splitlines())
    assert len(marquee("events", "export", "7").stdout.splitlines()) <= new
    assert new > 10


def test_a_program_that_reads_only_the_first_line_ends_the_export_quietly(marquee: Marquee, tmp_path: Path) -> None:
    marquee("events", "add", "-", typed="\n".join(event(n % 60, event_id=f"x{n}") for n in range(3000)))
    command = (
        f"{MARQUEE} --params {ROOT}/params.yaml events export 7 --database sqlite:///{tmp_path}/events.db | head -1"
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_status_counts_what_is_there(marquee: Marquee) -> None:
    marquee("events", "add", "-", typed=event(1))
    assert "events" in marquee("status").stdout
