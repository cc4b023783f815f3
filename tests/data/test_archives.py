"""Files are found wherever they lie, and what is damaged says so."""

import gzip
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from marquee.data.archives import content, members
from marquee.errors import SourceError

Pack = Callable[[Path, Mapping[str, bytes], str], Path]

WANTED = re.compile(r"(^|/)wanted_\d\.txt$")
# Random enough that no compression makes it small: a cut then falls into it.
NOISE = b"".join(str(hash((n, 7)) & 0xFFFFFFFF).encode() for n in range(40_000))
FILES = {"top/wanted_1.txt": b"one", "top/other.txt": b"other", "top/wanted_2.txt": NOISE}


def read(path: Path) -> list[tuple[str, bytes]]:
    return [(member.name, member.read()) for member in members(path, WANTED)]


def test_the_same_files_are_found_in_every_form(tmp_path: Path, pack: Pack, form: str) -> None:
    found = read(pack(tmp_path, FILES, form))
    assert [text for _, text in found] == [b"one", NOISE]
    assert [name.endswith(f"top/wanted_{n}.txt") for n, (name, _) in enumerate(found, 1)] == [True, True]


def test_a_name_says_the_whole_way_to_a_file(tmp_path: Path, pack: Pack) -> None:
    names = [name for name, _ in read(pack(tmp_path, FILES, "tar in tar.gz"))]
    assert names[0] == "source.tar.gz/download/inner.tar/top/wanted_1.txt"
    assert next(name for name, _ in read(pack(tmp_path, FILES, "folder"))) == "top/wanted_1.txt"


def test_a_file_that_nobody_reads_is_passed_over(tmp_path: Path, pack: Pack, form: str) -> None:
    path = pack(tmp_path, FILES, form)
    assert len([member.name for member in members(path, WANTED)]) == 2
    assert content(path, re.compile("other")) is not None
    assert content(path, re.compile("nothing")) is None


def test_what_was_unpacked_is_not_read_again_from_its_archive(tmp_path: Path, pack: Pack) -> None:
    folder = pack(tmp_path, FILES, "folder")
    pack(folder, FILES, "zip")
    assert [name for name, _ in read(folder)] == ["top/wanted_1.txt", "top/wanted_2.txt"]


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip", "tar in tar.gz", "tar.gz in zip"])
@pytest.mark.parametrize("kept", [0.03, 0.5, 0.9])
def test_an_archive_that_is_cut_short_fails_with_its_name(tmp_path: Path, pack: Pack, form: str, kept: float) -> None:
    whole = pack(tmp_path, FILES, form)
    size = whole.stat().st_size
    whole.write_bytes(whole.read_bytes()[: int(size * kept)])
    with pytest.raises(SourceError, match=rf"{whole.name}.*: cut short, damaged.*download it again"):
        read(whole)


@pytest.mark.parametrize("blocks", range(1, 4))
def test_a_tar_that_ends_between_two_members_is_cut_short(
    tmp_path: Path, tar: Callable[..., bytes], blocks: int
) -> None:
    path = tmp_path / "source.tar"
    whole = tar({"wanted_1.txt": b"one", "wanted_2.txt": b"two"})
    path.write_bytes(whole[: 512 * blocks])
    with pytest.raises(SourceError, match=r"source\.tar"):
        read(path)


def test_a_damaged_header_in_the_middle_is_not_the_end(tmp_path: Path, tar: Callable[..., bytes]) -> None:
    path = tmp_path / "source.tar"
    whole = bytearray(tar({"wanted_1.txt": b"one", "wanted_2.txt": b"two"}))
    whole[1024 + 100] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(SourceError, match=r"source\.tar.*bad checksum"):
        read(path)


def test_a_wrong_checksum_fails_though_everything_could_be_read(tmp_path: Path, tar: Callable[..., bytes]) -> None:
    path = tmp_path / "source.tar.gz"
    for length in (0, 1 << 20, 5 << 20):  # it stands behind the end of the tar, however much padding there is
        zipped = bytearray(gzip.compress(tar({"wanted_1.txt": b"one"}).ljust(length, b"\0")))
        zipped[-8] ^= 0xFF
        path.write_bytes(zipped)
        with pytest.raises(SourceError, match=r"source\.tar\.gz: .*CRC"):
            read(path)


def test_a_member_of_a_zip_with_a_wrong_checksum_fails_with_its_name(tmp_path: Path, pack: Pack) -> None:
    path = pack(tmp_path, FILES, "zip")
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(SourceError, match=r"source\.zip/top/wanted_2\.txt: cut short, damaged"):
        read(path)


@pytest.mark.parametrize("name", ["page.zip", "page.tar", "page.tar.gz"])
def test_a_web_page_saved_as_an_archive_is_not_what_its_name_says(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<html>Sign in to download</html>" * 100)
    with pytest.raises(SourceError, match=f"{name}: cut short, damaged, or not what its name says"):
        read(tmp_path / name)


def test_a_path_that_leads_nowhere_says_where_to_set_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere: no such file or folder; set source\.path"):
        read(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_bytes(b"")
    with pytest.raises(SourceError, match=r"notes\.txt: neither a folder nor an archive"):
        read(tmp_path / "notes.txt")
