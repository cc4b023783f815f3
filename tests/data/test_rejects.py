"""Rejects: everything set aside can be read back, counted, and is bounded by a share."""

import csv
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marquee.data.rejects import COLUMNS, Rejects
from marquee.errors import TooManyRejects

NO_SURROGATES = st.text(st.characters(exclude_categories=["Cs"]))


@given(text=NO_SURROGATES)
def test_any_text_is_set_aside_and_read_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("rejects") / "r.csv"
    with Rejects(path) as rejects:
        rejects.add("a.csv", 7, "does not parse", text)
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [list(COLUMNS), ["a.csv", "7", "does not parse", text]]


def test_one_by_one_and_many_at_once_are_counted_alike(tmp_path: Path) -> None:
    with Rejects(tmp_path / "r.csv") as rejects:
        rejects.add("a", 1, "odd", "x")
        rejects.add_frame(
            pl.DataFrame({"file": ["a", "a"], "line": [2, 3], "reason": ["odd", "late"], "text": ["", ""]})
        )
    assert rejects.counts == {"odd": 2, "late": 1}
    assert pl.read_csv(tmp_path / "r.csv")["line"].to_list() == [1, 2, 3]


def test_a_share_past_the_limit_names_file_counts_and_param(tmp_path: Path) -> None:
    with Rejects(tmp_path / "r.csv") as rejects:
        rejects.add("a", 1, "odd", "x")
        rejects.check_share("ratings", 10, 0.1)
        with pytest.raises(
            TooManyRejects, match=r"ratings: 1 of 9 lines set aside in .*r\.csv \(1 odd\).*allows 10.00%"
        ):
            rejects.check_share("ratings", 9, 0.1)


def test_a_stage_begins_anew_and_a_collector_goes_on_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    for _ in range(2):
        with Rejects(path) as stage:
            stage.add("a", 1, "odd", "x")
    assert pl.read_csv(path).height == 1
    collector = Rejects(path, append=True)
    collector.add("a", 2, "odd", "x")
    assert pl.read_csv(path).height == 2  # before it is closed
    collector.close()
