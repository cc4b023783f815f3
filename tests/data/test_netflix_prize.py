"""The Netflix Prize is read the same in every form it was ever handed around in, and nothing is lost on the way."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marquee.data import lines, netflix_prize
from marquee.data.rejects import Rejects
from marquee.errors import SourceError
from marquee.tables import TITLES

Pack = Callable[[Path, Mapping[str, bytes], str], Path]
Row = tuple[object, ...]

COMBINED = {
    "combined_data_1.txt": b"1:\n7,3,2005-09-06\n8,5,2005-05-13\n2:\n7,4,2005-10-19\n",
    "combined_data_2.txt": b"17770:\n2649429,1,1999-11-11\n",
}
TRAINING_SET = {
    "training_set/mv_0000001.txt": b"1:\n7,3,2005-09-06\n8,5,2005-05-13\n",
    "training_set/mv_0000002.txt": b"2:\n7,4,2005-10-19\n",
    "training_set/mv_0000003.txt": b"17770:\n2649429,1,1999-11-11\n",
}
RATINGS = [
    (7, 1, 3.0, datetime(2005, 9, 6, tzinfo=UTC)),
    (8, 1, 5.0, datetime(2005, 5, 13, tzinfo=UTC)),
    (7, 2, 4.0, datetime(2005, 10, 19, tzinfo=UTC)),
    (2649429, 17770, 1.0, datetime(1999, 11, 11, tzinfo=UTC)),
]


def read(path: Path, rejects: Rejects) -> pl.DataFrame:
    with rejects:
        return pl.concat(netflix_prize.ratings(path, rejects))


def rows(ratings: pl.DataFrame) -> list[Row]:
    return ratings.select("user_id", "title_id", "rating", "rated_at").rows()


def set_aside(rejects: Rejects) -> list[Row]:
    return pl.read_csv(rejects.path, schema_overrides={"text": pl.String}).rows()


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    return folder


@pytest.mark.parametrize("files", [COMBINED, TRAINING_SET], ids=["combined", "training set"])
def test_every_form_holds_the_same_ratings(
    tmp_path: Path, pack: Pack, form: str, files: Mapping[str, bytes], rejects: Rejects
) -> None:
    assert rows(read(pack(tmp_path, files, form), rejects)) == RATINGS
    assert set_aside(rejects) == []


def test_a_rating_knows_its_file_and_line(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    found = read(pack(tmp_path, TRAINING_SET, "tar in tar.gz"), rejects)
    inner = "source.tar.gz/download/inner.tar/training_set/"
    assert found.select("file", "line").rows() == [
        (f"{inner}mv_0000001.txt", 2),
        (f"{inner}mv_0000001.txt", 3),
        (f"{inner}mv_0000002.txt", 2),
        (f"{inner}mv_0000003.txt", 2),
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"1:\r\n7,3,2005-09-06\r\n8,5,2005-05-13\r\n",
        b"1:\n7,3,2005-09-06\n8,5,2005-05-13",
        b"\n\n1:\n\n7,3,2005-09-06\n\r\n8,5,2005-05-13\n\n\n",
        b"\xef\xbb\xbf1:\n7,3,2005-09-06\n8,5,2005-05-13\n",
    ],
    ids=["CRLF", "no last newline", "blank lines", "byte order mark"],
)
def test_other_ways_to_end_and_begin_lines_are_no_faults(tmp_path: Path, text: bytes, rejects: Rejects) -> None:
    path = written(tmp_path / "nf", {"mv_0000001.txt": text})
    assert rows(read(path, rejects)) == RATINGS[:2]
    assert set_aside(rejects) == []


def test_lines_that_do_not_parse_are_set_aside_with_file_line_and_text(tmp_path: Path, rejects: Rejects) -> None:
    text = (
        b"1:\n7,3,2005-09-06\nx,3,2005-09-06\n9,3\n\n9,3,2005-02-30\n9,3.5,2005-09-06\n9,3,2005-09-06,9\n"
        b"8,5,2005-05-13\n-4,\n"
    )
    path = written(tmp_path / "nf", {"combined_data_1.txt": text})
    assert rows(read(path, rejects)) == RATINGS[:2]
    assert set_aside(rejects) == [
        ("combined_data_1.txt", line, "does not parse", text)
        for line, text in (
            (3, "x,3,2005-09-06"),
            (4, "9,3"),
            (6, "9,3,2005-02-30"),
            (7, "9,3.5,2005-09-06"),
            (8, "9,3,2005-09-06,9"),
            (10, "-4,"),
        )
    ]


def test_bytes_that_are_no_text_are_one_broken_line(tmp_path: Path, rejects: Rejects) -> None:
    path = written(tmp_path / "nf", {"mv_1.txt": b"1:\n7,3,2005-09-06\n\xff\xfe\x00,3,\xe9\n8,5,2005-05-13\n"})
    assert rows(read(path, rejects)) == RATINGS[:2]
    assert [(line, reason) for _, line, reason, _ in set_aside(rejects)] == [(3, "does not parse")]


def test_under_a_broken_header_no_rating_goes_to_the_title_before(tmp_path: Path, rejects: Rejects) -> None:
    text = b"1:\n7,3,2005-09-06\n2x:\n9,3,2005-09-06\n1:\n8,5,2005-05-13\n"
    path = written(tmp_path / "nf", {"combined_data_1.txt": text})
    assert rows(read(path, rejects)) == RATINGS[:2]
    assert set_aside(rejects) == [
        ("combined_data_1.txt", 3, "does not parse", "2x:"),
        ("combined_data_1.txt", 4, "no title above", "9,3,2005-09-06"),
    ]


def test_a_block_without_a_header_fails_with_file_and_line(tmp_path: Path, rejects: Rejects) -> None:
    path = written(tmp_path / "nf", {"mv_1.txt": b"1:\n7,3,2005-09-06\n", "mv_2.txt": b"\n9,3,2005-09-06\n"})
    with pytest.raises(SourceError, match=r"mv_2\.txt:2 stands under no title.*download it again"):
        read(path, rejects)


def test_an_empty_file_fails_with_its_name(tmp_path: Path, rejects: Rejects) -> None:
    path = written(tmp_path / "nf", {"mv_1.txt": b"1:\n7,3,2005-09-06\n", "mv_2.txt": b""})
    with pytest.raises(SourceError, match=r"mv_2\.txt: the file is empty"):
        read(path, rejects)


def test_a_file_without_lines_is_no_file_of_ratings(
    tmp_path: Path, rejects: Rejects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "PIECE", 10)
    monkeypatch.setattr(lines, "LONGEST_LINE", 100)
    path = written(tmp_path / "nf", {"mv_1.txt": b"1:\n7,3,2005-09-06\n" + b"\0" * 1000})
    with pytest.raises(SourceError, match=r"mv_1\.txt:3: a line of \d+ bytes and more"):
        read(path, rejects)


def test_a_folder_without_ratings_says_what_it_lacks(tmp_path: Path, rejects: Rejects) -> None:
    with pytest.raises(SourceError, match=r"holds no combined_data_1\.txt … and no training_set/mv_0000001\.txt …"):
        read(written(tmp_path / "nf", {"movie_titles.csv": b"1,2003,A"}), rejects)


def test_the_same_ratings_in_two_forms_are_refused(tmp_path: Path, rejects: Rejects) -> None:
    with pytest.raises(SourceError, match=r"mv_0000001\.txt: the same ratings lie in combined_data_1\.txt as well"):
        read(written(tmp_path / "nf", {**COMBINED, **TRAINING_SET}), rejects)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (("combined_data_1.txt", "combined_data_3.txt"), "combined_data_2.txt"),
        (("combined_data_2.txt",), "combined_data_1.txt"),
        (("mv_0000006.txt", "mv_0000001.txt", "mv_0000003.txt", "mv_0000002.txt"), "mv_0000004.txt"),
        (("training_set/mv_0000001.txt", "training_set/mv_0000003.txt"), "mv_0000002.txt"),
    ],
)
def test_a_hole_in_the_numbers_of_the_files_fails_with_the_name_of_the_missing_one(
    tmp_path: Path, pack: Pack, rejects: Rejects, names: Sequence[str], missing: str
) -> None:
    path = pack(tmp_path, dict.fromkeys(names, b"1:\n7,3,2005-09-06\n"), "tar")
    with pytest.raises(SourceError, match=f"{max(names)}: there is no {missing} before it; copy or download that one"):
        read(path, rejects)


def test_an_archive_may_store_the_files_in_any_order(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    stored = {name: COMBINED[name] for name in reversed(COMBINED)}
    assert rows(read(pack(tmp_path, stored, "tar"), rejects)) == [RATINGS[-1], *RATINGS[:-1]]


@pytest.mark.parametrize("size", [5, 1_000])
def test_a_file_that_ends_within_a_line_fails_with_the_line(
    tmp_path: Path, rejects: Rejects, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(lines, "PIECE", size)
    path = written(tmp_path / "nf", {**COMBINED, "combined_data_1.txt": b"1:\n7,3,2005-09-06\n8,5,20"})
    with pytest.raises(SourceError, match=r"combined_data_1\.txt:3: the file is cut short .* download it again"):
        read(path, rejects)


def test_a_short_file_that_ends_within_a_line_fails_with_the_line(tmp_path: Path, rejects: Rejects) -> None:
    path = written(tmp_path / "nf", {"probe.txt": b"1:\nx"})
    with pytest.raises(SourceError, match=r"probe\.txt:2: the file is cut short"):
        netflix_prize.probe(path, rejects)
    rejects.close()


GOOD = st.tuples(st.integers(1, 2_649_429), st.integers(1, 5), st.dates(date(1999, 11, 11), date(2005, 12, 31)))
BAD = st.sampled_from(["x,3,2005-01-01", "12,3", "12,3,2005-13-01", "12,3,2005:", "12,3,2005-01-01,x", "?", "1,2,3,4"])
BLOCKS = st.lists(st.tuples(st.integers(1, 17_770), st.lists(GOOD | BAD, max_size=12)), min_size=1, max_size=6)


@settings(max_examples=40)
@given(BLOCKS, st.integers(1, 4), st.integers(1, 200), st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_good_lines_are_kept_exactly_and_bad_ones_counted_whatever_the_form_and_the_size_of_a_piece(
    pack: Pack, blocks: Sequence[tuple[int, Sequence[tuple[int, int, date] | str]]], files: int, size: int, end: str
) -> None:
    texts = [
        f"{title}:{end}"
        + "".join((line if isinstance(line, str) else "{},{},{}".format(*line)) + end for line in block)
        for title, block in blocks
    ]
    packed = {f"combined_data_{n + 1}.txt": "".join(texts[n::files]).encode() for n in range(files) if texts[n::files]}
    ordered = [block for n in range(files) for block in blocks[n::files]]
    good = [
        (line[0], title, float(line[1]), line[2])
        for title, block in ordered
        for line in block
        if len(line) == 3 and not isinstance(line, str)
    ]
    bad = [line for _, block in ordered for line in block if isinstance(line, str)]
    for form in ("folder", "tar", "tar.gz", "zip", "tar in tar.gz"):
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(lines, "PIECE", size)
            rejects = Rejects(Path(folder) / "rejects.csv")
            found = read(pack(Path(folder), packed, form), rejects)
            assert found.select("user_id", "title_id", "rating", pl.col("rated_at").dt.date()).rows() == good
            assert [text for *_, text in set_aside(rejects)] == bad
            assert rejects.counts == ({"does not parse": len(bad)} if bad else {})


def test_titles_are_latin_1_and_split_at_the_first_two_commas_only(
    tmp_path: Path, pack: Pack, form: str, rejects: Rejects
) -> None:
    text = "1,2003,Dinosaur Planet\n72,1974,At Home Among Strangers, A Stranger Among His Own\n"
    text += "4388,NULL,Amélie \x85 Été\r\n"
    with rejects:
        titles = netflix_prize.titles(pack(tmp_path, {"movie_titles.csv": text.encode("latin-1")}, form), rejects)
    assert TITLES.check(titles).select("title_id", "year", "name").rows() == [
        (1, 2003, "Dinosaur Planet"),
        (72, 1974, "At Home Among Strangers, A Stranger Among His Own"),
        (4388, None, "Amélie \x85 Été"),
    ]
    assert titles.schema["title_id"] == pl.UInt16
    assert set_aside(rejects) == []


def test_the_original_calls_its_titles_txt(tmp_path: Path, pack: Pack, rejects: Rejects) -> None:
    files = {"download/movie_titles.txt": b"1,2003,Dinosaur Planet\n", "download/training_set.tar": b"not looked at"}
    with rejects:
        titles = netflix_prize.titles(pack(tmp_path, files, "tar.gz"), rejects)
    assert titles["name"].to_list() == ["Dinosaur Planet"]


def test_titles_without_id_or_name_and_those_told_twice_are_set_aside(tmp_path: Path, rejects: Rejects) -> None:
    text = b"1,2003,First\n,2003,No id\nx,2003,No number\n4,2003\n1,2004,Again\n5,20x3,No year\n6,2003, \n"
    with rejects:
        titles = netflix_prize.titles(written(tmp_path / "nf", {"movie_titles.csv": text}), rejects)
    assert titles["name"].to_list() == ["First"]
    assert set_aside(rejects) == [
        ("movie_titles.csv", 2, "does not parse", ",2003,No id"),
        ("movie_titles.csv", 3, "does not parse", "x,2003,No number"),
        ("movie_titles.csv", 4, "does not parse", "4,2003"),
        ("movie_titles.csv", 6, "does not parse", "5,20x3,No year"),
        ("movie_titles.csv", 7, "does not parse", "6,2003,"),
        ("movie_titles.csv", 5, "duplicate", "1,2004,Again"),
    ]


def test_no_titles_file_is_an_error_that_says_where_to_put_it(tmp_path: Path, rejects: Rejects) -> None:
    with pytest.raises(SourceError, match=r"holds no movie_titles\.csv and no movie_titles\.txt; put it beside"):
        netflix_prize.titles(written(tmp_path / "nf", COMBINED), rejects)
    rejects.close()


def test_an_empty_titles_file_is_an_error(tmp_path: Path, rejects: Rejects) -> None:
    with rejects, pytest.raises(SourceError, match=r"movie_titles\.csv: holds no title; copy or download it again"):
        netflix_prize.titles(written(tmp_path / "nf", {"movie_titles.csv": b"\n"}), rejects)


def test_a_title_whose_id_no_event_may_name_is_set_aside(tmp_path: Path, rejects: Rejects) -> None:
    ids = (0, 1, 2**63 - 1, 2**63)
    text = "".join(f"{title_id},2003,Name\n" for title_id in ids).encode()
    with rejects:
        titles = netflix_prize.titles(written(tmp_path / "nf", {"movie_titles.csv": text}), rejects)
    assert titles["title_id"].to_list() == [1, 2**63 - 1]
    assert [(line, reason) for _, line, reason, _ in set_aside(rejects)] == [
        (1, "does not parse"),
        (4, "does not parse"),
    ]


def test_probe_and_qualifying_are_pairs(tmp_path: Path, pack: Pack, form: str, rejects: Rejects) -> None:
    files = {
        "probe.txt": b"1:\n30878\n2647871\n10:\n7\n",
        "qualifying.txt": b"1:\n1046323,2005-12-19\n3:\n7,2005-12-09\n",
    }
    path = pack(tmp_path, files, form)
    with rejects:
        assert netflix_prize.probe(path, rejects).rows() == [(30878, 1), (2647871, 1), (7, 10)]
        qualifying = netflix_prize.qualifying(path, rejects)
    assert qualifying.rows() == [(1046323, 1, date(2005, 12, 19)), (7, 3, date(2005, 12, 9))]
    assert qualifying.columns == ["user_id", "title_id", "date"]
    assert set_aside(rejects) == []


def test_a_bad_line_of_the_probe_is_set_aside(tmp_path: Path, rejects: Rejects) -> None:
    path = written(tmp_path / "nf", {"probe.txt": b"1:\n30878\nx\n"})
    with rejects:
        assert netflix_prize.probe(path, rejects).rows() == [(30878, 1)]
    assert set_aside(rejects) == [("probe.txt", 3, "does not parse", "x")]
