"""Checks of data: what went missing is found, what only moved is not."""

from pathlib import Path

import numpy as np
import polars as pl

from marquee.loop.checks import checks


def reference(folder: Path, viewers: int, titles: int, known: float, **told: object) -> Path:
    folder.mkdir(parents=True)
    values = np.full(100, told.get("mean", 0.0), np.float32)
    values[int(known * 100) :] = np.nan
    pl.DataFrame({"user_id": range(viewers)}).write_parquet(folder / "trained.parquet")
    pl.DataFrame({"title_id": range(titles), "share": 0.1}).write_parquet(folder / "fame.parquet")
    pl.DataFrame({str(told.get("column", "title_mean")): values}).write_parquet(folder / "rows.parquet")
    return folder


def wrong(tmp_path: Path, viewers: int, titles: int, known: float, **told: object) -> set[str]:
    champion = reference(tmp_path / "champion", 100, 50, 0.9, **told)
    own = reference(tmp_path / "own", viewers, titles, known, **told)
    return {name for name, said in checks(own, champion, lost=0.1, missing=0.1).items() if said}


def test_more_viewers_and_titles_and_other_values_are_no_fault(tmp_path: Path) -> None:
    assert wrong(tmp_path, 200, 60, known=1.0, mean=5.0) == set()


def test_a_few_may_be_gone(tmp_path: Path) -> None:
    assert wrong(tmp_path, 90, 45, known=0.85) == set()


def test_many_viewers_gone_are_a_fault(tmp_path: Path) -> None:
    assert wrong(tmp_path, 80, 50, known=0.9) == {"viewers are kept"}


def test_many_titles_gone_are_a_fault(tmp_path: Path) -> None:
    assert wrong(tmp_path, 100, 40, known=0.9) == {"titles are kept"}


def test_a_feature_that_falls_silent_is_a_fault(tmp_path: Path) -> None:
    assert wrong(tmp_path, 100, 50, known=0.3) == {"features are known"}


def test_a_source_may_say_less_but_not_next_to_nothing(tmp_path: Path) -> None:
    assert wrong(tmp_path, 100, 50, known=0.7, column="trending_score") == set()
    assert wrong(tmp_path / "later", 100, 50, known=0.3, column="trending_score") == {"features are known"}
