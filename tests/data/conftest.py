"""What several tests share: files in every physical form, the rejects, a csv file, and an event store with events."""

import csv
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marquee.data.events import Event, EventStore, Receipt
from marquee.data.rejects import Rejects
from marquee.params import EventParams

Files = Mapping[str, bytes]
Pack = Callable[[Path, Files, str], Path]


def tarred(files: Files, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()


def _zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


# Each form by the file it makes; a folder of plain files is the one that makes none.
_ARCHIVES: Mapping[str, tuple[str, Callable[[Files], bytes]]] = {
    "tar": ("source.tar", tarred),
    "tar.gz": ("source.tar.gz", lambda files: tarred(files, "w:gz")),
    "zip": ("source.zip", _zipped),
    "tar in tar.gz": ("source.tar.gz", lambda files: tarred({"download/inner.tar": tarred(files)}, "w:gz")),
    "tar.gz in zip": ("source.zip", lambda files: _zipped({"inner.tar.gz": tarred(files, "w:gz")})),
    "tgz in folder": ("holder/inner.tgz", lambda files: tarred(files, "w:gz")),
}
FORMS = ("folder", *_ARCHIVES)


def pack_as(folder: Path, files: Files, form: str) -> Path:
    """The path of a source: the files as a folder, an archive, or one inside the other."""
    if form == "folder":
        return _written(folder / "plain", files)
    name, packed = _ARCHIVES[form]
    _written(folder, {name: packed(files)})
    return (folder / name).parent if "/" in name else folder / name


def _written(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    return folder


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def pack() -> Pack:
    return pack_as


@pytest.fixture(scope="session")
def tar() -> Callable[..., bytes]:
    return tarred


@pytest.fixture
def rejects(tmp_path: Path) -> Iterator[Rejects]:
    with Rejects(tmp_path / "rejects.csv") as open_rejects:
        yield open_rejects


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "metadata"
    place.mkdir()
    return place


def write_csv(path: Path, header: str, *rows: Mapping[str, object]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header.split(","), restval="")
        writer.writeheader()
        writer.writerows(rows)


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_MS = 1_772_366_400_000
PARAMS = EventParams(future_tolerance_s=300, text_limit=200, batch_limit=1_000, partition_rows=1_000)
TITLES = range(1, 100)


@pytest.fixture
def store(store_url: str) -> Iterator[EventStore]:
    with EventStore(store_url, PARAMS, TITLES) as store:
        yield store


def an_event(event_id: str = "a", **changes: object) -> dict[str, object]:
    event = {"event_id": event_id, "user_id": 7, "title_id": 5, "kind": "watch_finished", "source": "page"}
    return event | {"happened_at": "2026-03-01T11:00:00Z"} | changes


def ids(events: Sequence[Event]) -> list[str]:
    return [event.event_id for event in events]


def reasons(receipt: Receipt) -> list[str]:
    return [refusal.reason for refusal in receipt.refused]
