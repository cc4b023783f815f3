"""After a worker is ready nobody waits for machine code: whatever is asked first was made while it warmed up."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from numba.core.registry import CPUDispatcher

from marquee.loop.compiling import compile_all
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.schemas.operator import LookUpRequest
from marquee.serve.settings import Settings
from marquee.serve.worker import Worker, shipped_params
from tests.serve.conftest import KNOWN, STRANGER

_ROOT = Path(__file__).parents[2]
_TITLE = 5


def test_nothing_is_compiled_for_the_first_who_asks(model_folder: Path, tmp_path: Path) -> None:
    """Asked of a process of its own: whatever the tests before this one asked is ready here."""
    warmed, asked = _told_by("first", str(model_folder), str(tmp_path))
    assert warmed
    assert not asked, "\n".join(asked)


def test_all_of_it_can_be_made_ahead(model_folder: Path, tmp_path: Path) -> None:
    """As the image does: of a world of its own, without the model that will be served."""
    warmed, _ = _told_by("first", str(model_folder), str(tmp_path))
    missing = set(warmed) - set(_told_by("ahead"))
    assert not missing, "\n".join(sorted(missing))


def _told_by(*asked: str) -> list[Any]:
    command = [sys.executable, "-m", "tests.serve.test_warm", *asked]
    told = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert told.returncode == 0, told.stderr[-4_000:]
    answer: list[Any] = json.loads(told.stdout)
    return answer


async def _first_after_warming(model: Path, state: Path) -> None:
    worker = Worker(Settings(model=model, state=state, database_url=f"sqlite:///{state}/events.db"), shipped_params())
    worker.begin()
    while not worker.live.is_ready:
        await asyncio.sleep(0.1)
    warmed = _made()
    _ask_everything(worker.answers)
    worker.end()
    sys.stdout.write(json.dumps([sorted(warmed), sorted(_made() - warmed)]))


def _ask_everything(answers: Answers) -> None:
    moment = datetime.now(UTC)
    for user_id in (KNOWN, STRANGER):
        kinds = ("watch_started", "liked", "disliked", "not_interested", "watch_finished")
        about = {"user_id": user_id, "title_id": _TITLE, "happened_at": moment.isoformat(), "source": "test"}
        events = [about | {"event_id": f"{kind} {user_id}", "kind": kind} for kind in kinds]
        told = answers.events(s.EventsRequest.model_validate({"events": events}), moment)
        assert told.accepted == len(kinds), told
        for wishes in ({}, {"diversity": 0.5}, {"filters": {"first_year": 1970}}, {"exclude": [1]}):
            wanted = {"user_id": user_id, "explain": True, **wishes}
            answers.recommend(s.RecommendRequest.model_validate(wanted), moment)
        answers.shelves(s.ShelvesRequest(user_id=user_id, explain=True), moment)
        answers.similar(s.SimilarRequest(title_id=_TITLE), moment)
        answers.stars(s.StarsRequest(user_id=user_id, title_ids=(_TITLE,)), moment)
        answers.search(s.SearchRequest(query="drama", user_id=user_id), moment)
        answers.viewer(user_id, moment)
        answers.taste(user_id)
        answers.look_up(LookUpRequest(user_id=user_id, title_id=_TITLE), moment)
        answers.look_up(LookUpRequest(user_id=user_id, title_id=_TITLE + 20), moment)
        answers.finished(s.FinishedRequest(user_id=user_id, title_id=_TITLE + 1, rating=4), moment)
    answers.sign_up(s.SignUpRequest(favourites=(1, 2, 3)), moment)


def _made() -> set[str]:
    """Each function of machine code, once for every kind of arguments it was made for."""
    return {f"{function.py_func.__qualname__} of {kinds}" for function in _functions() for kinds in function.signatures}


def _functions() -> Iterator[CPUDispatcher]:
    for name, module in sorted(sys.modules.items()):
        if name.startswith("marquee."):
            yield from (of for of in vars(module).values() if isinstance(of, CPUDispatcher))


def _ahead() -> None:
    compile_all(shipped_params())
    sys.stdout.write(json.dumps(sorted(_made())))


if __name__ == "__main__":
    what, *folders = sys.argv[1:]
    if what == "ahead":
        _ahead()
    else:
        asyncio.run(_first_after_warming(*map(Path, folders)))
