"""What the tests of several readers share: the same files in every physical form."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

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
