"""The files of a source wherever they lie: in a folder, a zip, a tar or a tar.gz, or in a tar inside one of those.

Nothing is unpacked to disk. Another kind of archive is one more branch in `_opened`.
"""

import gzip
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from marquee.errors import SourceError

_TAR = (".tar", ".tar.gz", ".tgz")
_ARCHIVES = (*_TAR, ".zip")
_BLOCK = 1 << 20

# What the standard library raises for a file that is cut short, damaged, encrypted, or not what its name says.
_BROKEN = (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class Member:
    """One file. Its stream is open until the next member is asked for."""

    name: str  # as seen from the source: "combined_data_1.txt", "archive.zip/ml-1m/ratings.dat"
    folder: Path
    stream: IO[bytes]

    @property
    def place(self) -> str:
        return str(self.folder / self.name)

    def read(self, size: int = -1) -> bytes:
        try:
            return self.stream.read(size)
        except _BROKEN as error:
            raise _damage(self.place, error) from error


def members(path: Path, wanted: re.Pattern[str]) -> Generator[Member]:
    """Every file below `path` whose name holds the pattern, in the order in which it is stored."""
    if path.is_dir():
        yield from _in_folder(path, wanted)
    elif not path.exists():
        raise SourceError(f"{path}: no such file or folder; set source.path in params.yaml to where the data lies")
    elif path.name.lower().endswith(_ARCHIVES):
        yield from _opened(path, path.parent, wanted)
    else:
        raise SourceError(f"{path}: neither a folder nor an archive; it must be one of {', '.join(_ARCHIVES)}")


def content(path: Path, wanted: re.Pattern[str]) -> tuple[str, bytes] | None:
    """Name and bytes of the first such file, or None; for files that fit in memory many times over."""
    with closing(members(path, wanted)) as found:
        return next(((member.name, member.read()) for member in found), None)


def _in_folder(folder: Path, wanted: re.Pattern[str]) -> Iterator[Member]:
    """The plain files; archives are opened only where none lies there, so that what was unpacked is not read twice."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    plain = [file for file in files if wanted.search(file.relative_to(folder).as_posix())]
    for file in plain:
        try:
            stream = file.open("rb")
        except OSError as error:
            raise _damage(str(file), error) from error
        with stream:
            yield Member(file.relative_to(folder).as_posix(), folder, stream)
    if not plain:
        for file in files:
            if file.name.lower().endswith(_ARCHIVES):
                yield from _opened(file, folder, wanted)


def _opened(archive: Path, folder: Path, wanted: re.Pattern[str]) -> Iterator[Member]:
    try:
        with archive.open("rb") as stream:
            whole = Member(archive.relative_to(folder).as_posix(), folder, stream)
            yield from (_in_zip if archive.name.lower().endswith(".zip") else _in_tar)(whole, wanted)
    except _BROKEN as error:
        raise _damage(str(archive), error) from error


def _in_zip(archive: Member, wanted: re.Pattern[str]) -> Iterator[Member]:
    with zipfile.ZipFile(archive.stream) as opened:
        for entry in opened.infolist():
            if wanted.search(entry.filename) or entry.filename.lower().endswith(_TAR):
                with opened.open(entry) as stream:
                    yield from _found(Member(f"{archive.name}/{entry.filename}", archive.folder, stream), wanted)


def _in_tar(archive: Member, wanted: re.Pattern[str]) -> Iterator[Member]:
    stream = _unzipped(archive.stream)
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK, tarinfo=_Header) as opened:
        for entry in opened:
            body = opened.extractfile(entry)
            if body is not None and (wanted.search(entry.name) or entry.name.lower().endswith(_TAR)):
                yield from _found(Member(f"{archive.name}/{entry.name}", archive.folder, body), wanted)
    # A gzip's checksum stands behind its last byte: only who reads so far learns of damage.
    while stream.read(_BLOCK):
        pass


def _found(member: Member, wanted: re.Pattern[str]) -> Iterator[Member]:
    if not member.name.lower().endswith(_TAR):
        yield member
        return
    try:
        yield from _in_tar(member, wanted)
    except _BROKEN as error:
        raise _damage(member.place, error) from error


def _unzipped(stream: Any) -> IO[bytes]:
    buffered = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
    zipped = buffered.peek(2)[:2] == b"\x1f\x8b"
    return gzip.GzipFile(fileobj=buffered) if zipped else buffered  # type: ignore[return-value]


class _Header(tarfile.TarInfo):
    """A header that must be sound: tarfile takes a cut or damaged one, past the first, for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the end as it should be
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


def _damage(place: str, error: BaseException) -> SourceError:
    cause = " ".join(str(error).split()) or type(error).__name__
    return SourceError(f"{place}: cut short, damaged, or not what its name says ({cause}); copy or download it again")
