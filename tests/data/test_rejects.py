"""What is set aside is written down, counted, and refused past its share."""

from pathlib import Path

import polars as pl
import pytest

from marquee.data.rejects import Rejects
from marquee.errors import TooManyRejects


def faults(*reasons: str) -> pl.DataFrame:
    rows = [("b.txt", line, reason, 'a "text", and more') for line, reason in enumerate(reasons, 1)]
    return pl.DataFrame(rows, ["file", "line", "reason", "text"], orient="row")


def test_one_by_one_and_as_a_frame_they_stand_in_one_file_and_are_counted_by_reason(tmp_path: Path) -> None:
    with Rejects(tmp_path / "new folder" / "rejects.csv") as rejects:
        rejects.add("a.txt", None, "duplicate", "two\nlines")
        rejects.add_frame(faults("does not parse", "duplicate"))
        rejects.add_frame(faults())
    assert pl.read_csv(rejects.path).rows() == [
        ("a.txt", None, "duplicate", "two\nlines"),
        ("b.txt", 1, "does not parse", 'a "text", and more'),
        ("b.txt", 2, "duplicate", 'a "text", and more'),
    ]
    assert (rejects.counts, rejects.total) == ({"duplicate": 2, "does not parse": 1}, 3)


def test_a_new_run_begins_anew_and_a_collector_goes_on(tmp_path: Path) -> None:
    for append, height in ((False, 1), (True, 2), (False, 1)):
        with Rejects(tmp_path / "rejects.csv", append=append) as rejects:
            rejects.add("a.txt", 1, "duplicate", "x")
        assert pl.read_csv(rejects.path).height == height


def test_up_to_its_share_lines_may_be_set_aside_and_past_it_the_stage_fails(tmp_path: Path) -> None:
    with Rejects(tmp_path / "rejects.csv") as rejects:
        rejects.add_frame(faults("duplicate", "duplicate", "does not parse"))
        rejects.check_share("ratings", 30, 0.1)
        with pytest.raises(
            TooManyRejects, match=r"ratings: 3 of 29 lines set aside .*\(2 duplicate, 1 does not parse\)"
        ):
            rejects.check_share("ratings", 29, 0.1)
