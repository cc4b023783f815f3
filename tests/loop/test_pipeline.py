"""The pipeline as DVC describes it: in its order, what changed and no more, and what failed says why."""

import json
import subprocess
from pathlib import Path

import pytest

from marquee.errors import BusyError, StageError
from marquee.loop.pipeline import Outcome, clear_the_way, make, push, stages

pytestmark = pytest.mark.filterwarnings("default")

THREE = """
stages:
  third: {cmd: cat second.txt > third.txt, deps: [second.txt], outs: [third.txt]}
  first: {cmd: cat given.txt && cp given.txt first.txt, deps: [given.txt], outs: [first.txt]}
  second: {cmd: test -s first.txt && cp first.txt second.txt, deps: [first.txt], outs: [second.txt]}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(THREE)
    (tmp_path / "given.txt").write_text("hello")
    return tmp_path


def test_stages_come_after_what_they_need_and_run_once(project: Path) -> None:
    said: list[str] = []
    assert stages() == ("first", "second", "third")
    assert [make(name, said.append) for name in stages()] == [Outcome.RAN] * 3
    assert "hello" in "\n".join(said)
    assert [make(name, said.append) for name in stages()] == [Outcome.UP_TO_DATE] * 3
    (project / "given.txt").write_text("")
    assert make("first", said.append) is Outcome.RAN
    with pytest.raises(StageError, match=r"stage second: .*`dvc repro second` runs it by hand"):
        make("second", said.append)


def test_what_was_made_goes_to_the_remote_if_there_is_one(project: Path, tmp_path: Path) -> None:
    for name in stages():
        make(name, print)
    assert not push(print)
    subprocess.run(["dvc", "remote", "add", "-q", "-d", "away", str(tmp_path / "away")], cwd=project, check=True)
    assert push(print)
    assert any((tmp_path / "away").rglob("*"))


def test_whom_another_dvc_blocks_is_told_to_come_back(project: Path) -> None:
    holder = {"pid": 1, "cmd": "dvc repro"}
    (project / ".dvc/tmp").mkdir(exist_ok=True)
    (project / ".dvc/tmp/rwlock").write_text(json.dumps({"write": {str(project / "first.txt"): holder}}))
    with pytest.raises(BusyError, match="another program uses the pipeline"):
        make("first", print)
    # Number 1 runs, but is no DVC: it got the number of one that was killed.
    clear_the_way()
    assert make("first", print) is Outcome.RAN
