"""The difference of a release on lists that can be counted by hand."""

import polars as pl

from marquee.quality.difference import exposure, overlaps, page


def lists(told: dict[int, list[int]]) -> pl.DataFrame:
    pairs = [(user, title) for user, titles in told.items() for title in titles]
    return pl.DataFrame(pairs, {"user_id": pl.Int64, "title_id": pl.Int64}, orient="row")


BEFORE = lists({1: [10, 11], 2: [10, 12], 3: [10, 11]})
AFTER = lists({1: [11, 10], 2: [13, 14], 3: [10, 13], 4: [10]})


def test_who_changes_most_comes_first_and_order_alone_is_no_change() -> None:
    assert overlaps(BEFORE, AFTER).rows() == [(2, 0.0), (4, 0.0), (3, 0.5), (1, 1.0)]


def test_titles_gain_and_lose_exposure() -> None:
    told = {title: (was, now) for title, was, now, _ in exposure(BEFORE, AFTER).iter_rows()}
    assert told == {10: (3, 3), 11: (2, 1), 12: (1, 0), 13: (0, 2), 14: (0, 1)}
    assert exposure(BEFORE, AFTER)["title_id"].to_list()[0] == 13


def test_the_page_tells_it_by_name() -> None:
    titles = pl.DataFrame({"title_id": range(10, 15), "name": ["A", "B", "C", "D", "E"]})
    told = page(BEFORE, AFTER, titles)
    assert "Of 4 lists, 37.5% of the titles stay on average; 25.0% of the lists keep all." in told
    assert "2 titles are shown that were not, 1 are not shown any more." in told
    more, less = told.split("## Shown less")
    assert "| D | 0 | 2 |" in more
    assert "| C | 1 | 0 |" in less
    assert "2 (0% stays), 4 (0% stays), 3 (50% stays)" in told
