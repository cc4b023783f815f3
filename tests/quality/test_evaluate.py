"""The table of evaluation on a world where every segment can be named by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shutil import rmtree
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest

from marquee.errors import SourceError, TableError
from marquee.model.split import Cut
from marquee.model.titles import Titles
from marquee.params import EvaluateParams, read_params
from marquee.params.quality import CutName
from marquee.quality import plots
from marquee.quality.evaluate import ALL, TABLE, evaluate
from marquee.quality.report import WHOLE, markdown, metrics_of, whole
from marquee.stages import models
from marquee.stages.saving import save_frame
from marquee.tables import INTERACTIONS, LISTS, TITLES, WHEN

PARAMS = EvaluateParams(
    seed=0, cuts=("live",), viewers=1_000, folds=1, draws=200, light=4, heavy=8, new_title=2, popular=0.1, small=2
)
Pairs = Mapping[int, Sequence[int]]

# Titles 1 to 10 are crime, 11 to 20 comedy. Viewer 1 is light, 2 medium, 3 heavy, 4 has no past; 5 and 6 rated every
# title but the two new ones, 19 and 20.
PAST: Pairs = {1: [1, 2], 2: [1, 2, 3, 11], 3: range(1, 9), 5: range(1, 19), 6: range(1, 19)}
WANTED: Pairs = {1: [9], 2: [4, 20], 3: [9, 12], 4: [1]}
GOOD: Pairs = {1: [9, 10], 2: [4, 20], 3: [9, 12], 4: [1, 2]}
POOR: Pairs = {1: [18, 9], 2: [17, 4], 3: [17, 18], 4: [3, 1]}


def interactions(pairs: Pairs) -> pl.DataFrame:
    rows = [(user, title) for user, titles in pairs.items() for title in titles]
    at = pl.lit(datetime(2005, 1, 1, tzinfo=UTC)).cast(WHEN)
    bare = pl.DataFrame(rows, {"user_id": pl.UInt32, "title_id": pl.UInt32}, orient="row")
    told = bare.with_columns(strength=1.0, rating=4.0, label=1.0, hides=True, at=at, known_at=at)
    floats = {"strength": pl.Float32, "label": pl.Float32, "rating": pl.Float32}
    return INTERACTIONS.check(INTERACTIONS.complete(told).cast(floats))  # type: ignore[arg-type]


def lists_of(lists: Pairs) -> pl.DataFrame:
    rows = [(user, title, rank, 0.0) for user, titles in lists.items() for rank, title in enumerate(titles, 1)]
    kinds = (pl.UInt32, pl.UInt32, pl.UInt32, pl.Float32)
    return LISTS.check(pl.DataFrame(rows, dict(zip(LISTS.columns, kinds, strict=True)), orient="row"))


def titles(genres: bool = True) -> Titles:
    bare = pl.DataFrame({"title_id": pl.Series(range(1, 21), dtype=pl.UInt16)}).with_columns(name=pl.lit("a title"))
    told = [["crime"] if title <= 10 else ["comedy"] for title in range(1, 21)]
    return Titles(TITLES.complete(bare.with_columns(genres=pl.Series(told)) if genres else bare))


def a_cut(name: str = "live") -> Cut:
    past = interactions(PAST)
    return Cut(name, past, past, interactions(WANTED))


def table(hybrid: Pairs = GOOD, source: Pairs = POOR, cut: str = "live") -> pl.DataFrame:
    return evaluate(a_cut(cut), {"als": lists_of(source), "hybrid": lists_of(hybrid)}, titles(), PARAMS)


def row(found: pl.DataFrame, segment: str, metric: str, of: str = "als") -> dict[str, Any]:
    chosen = found.filter((pl.col("segment") == segment) & (pl.col("metric") == metric) & (pl.col("list") == of))
    return chosen.row(0, named=True)


def test_the_table_has_one_row_a_segment_list_and_metric() -> None:
    found = table()
    assert found.schema == TABLE
    assert found.select("cut", "segment", "list", "metric").is_duplicated().sum() == 0
    assert found.height == found["segment"].n_unique() * 2 * found["metric"].n_unique()
    assert found["list"][0] == "hybrid"


@pytest.mark.parametrize(
    ("segment", "viewers", "hybrid", "als"),
    [
        (ALL, 3, 1.0, 1 / 3),
        ("light viewers", 1, 1.0, 0.5),
        ("medium viewers", 1, 1.0, 0.5),
        ("heavy viewers", 1, 1.0, 0.0),
        ("strangers", 1, 1.0, 0.5),
        ("old titles", 3, (1 + 1 + 1) / 3, 1 / 3),
        ("new titles", 1, 0.5, 0.0),
    ],
)
def test_each_segment_holds_its_viewers_and_their_mean(segment: str, viewers: int, hybrid: float, als: float) -> None:
    found = table()
    of_als, of_hybrid = row(found, segment, "mrr"), row(found, segment, "mrr", "hybrid")
    assert (of_als["viewers"], of_hybrid["viewers"]) == (viewers, viewers)
    assert (of_hybrid["value"], of_als["value"]) == (pytest.approx(hybrid), pytest.approx(als))
    assert of_als["gap"] == pytest.approx(hybrid - als)
    assert of_als["low"] <= of_als["gap"] + 1e-12
    assert of_als["high"] >= of_als["gap"] - 1e-12


def test_the_hybrid_has_no_gap_to_itself_and_coverage_no_interval() -> None:
    found = table()
    assert (
        found.filter(pl.col("list") == "hybrid")
        .select(pl.all_horizontal(pl.col("gap", "low", "high").is_null()))
        .to_series()
        .all()
    )
    covered = row(found, ALL, "coverage@10")
    assert covered["value"] == 4 / 20  # 4, 9, 17 and 18
    assert covered["low"] is None


def test_a_viewer_the_model_never_saw_is_a_stranger_though_they_hand_over_a_past() -> None:
    cut = a_cut()
    new = Cut("live", cut.train.filter(pl.col("user_id") != 3), cut.histories, cut.test)
    found = evaluate(new, {"hybrid": lists_of(GOOD), "als": lists_of(POOR)}, titles(), PARAMS)
    assert row(found, "strangers", "mrr")["viewers"] == 2
    assert row(found, ALL, "mrr")["viewers"] == 3


def test_where_everybody_is_a_stranger_they_are_no_segment() -> None:
    past = interactions(PAST)
    cut = Cut("strangers", past.filter(pl.col("user_id") > 4), past, interactions(WANTED))
    found = evaluate(cut, {"hybrid": lists_of(GOOD), "als": lists_of(POOR)}, titles(), PARAMS)
    assert "strangers" not in set(found["segment"])


def test_what_lists_are_like_is_told_beside_what_they_find() -> None:
    found = table()
    assert row(found, "light viewers", "miscalibration@10", "hybrid")["value"] == pytest.approx(0)  # crime for crime
    assert row(found, "heavy viewers", "miscalibration@10", "als")["value"] == pytest.approx(np.log(100))
    assert row(found, "medium viewers", "diversity@10", "hybrid")["value"] == 1
    assert row(found, "medium viewers", "popular@10", "hybrid")["value"] == 0
    assert row(found, ALL, "unanswered", "hybrid")["value"] == 0


def test_lists_that_are_missing_are_counted() -> None:
    assert row(table(hybrid={1: [9]}), ALL, "unanswered", "hybrid")["value"] == pytest.approx(2 / 3)


def test_a_list_that_shows_what_was_seen_is_refused() -> None:
    with pytest.raises(TableError, match="lists of als: viewer 2 is shown title 3, which was seen or refused before"):
        table(source={2: [4, 3]})


def test_a_title_that_nothing_hides_may_be_shown_again() -> None:
    cut = a_cut()
    begun = Cut("live", cut.train, cut.histories.with_columns(hides=False), cut.test)
    found = evaluate(begun, {"hybrid": lists_of(GOOD), "als": lists_of({2: [4, 3]})}, titles(), PARAMS)
    assert row(found, "medium viewers", "mrr")["value"] == 1


def test_a_segment_that_nobody_is_in_is_not_told() -> None:
    cut = a_cut()
    one = Cut("live", cut.train, cut.histories, cut.test.filter(pl.col("user_id") == 1))
    found = evaluate(one, {"hybrid": lists_of(GOOD), "als": lists_of(POOR)}, titles(), PARAMS)
    assert found["segment"].unique(maintain_order=True).to_list() == [ALL, "light viewers", "old titles"]


def test_without_a_hybrid_there_is_nothing_to_hold_sources_against() -> None:
    with pytest.raises(TableError, match="live: there are lists of als, none of hybrid"):
        evaluate(a_cut(), {"als": lists_of(POOR)}, titles(), PARAMS)


def test_without_genres_the_rest_is_measured() -> None:
    found = evaluate(a_cut(), {"hybrid": lists_of(GOOD), "als": lists_of(POOR)}, titles(genres=False), PARAMS)
    assert row(found, ALL, "diversity@10")["value"] is None
    assert row(found, ALL, "ndcg@10")["value"] is not None
    assert "diversity@10" not in metrics_of(found)["live"]["hybrid"]
    assert "diversity@10" not in markdown(found, PARAMS)


def test_a_cut_that_asks_nobody_with_a_past_is_left_out_and_without_any_cut_it_is_said(tmp_path: Path) -> None:
    days = pl.lit(datetime(2005, 1, 1, tzinfo=UTC)).cast(WHEN) + pl.duration(days=pl.int_range(pl.len()))
    past = interactions({user: range(1, 9) for user in range(1, 11)}).with_columns(at=days, known_at=days)
    recipe = read_params(Path(__file__).parents[2] / "params.yaml")
    save_frame(titles().frame, tmp_path / "tables" / "titles.parquet")
    single = past.unique("user_id", keep="first", maintain_order=True)
    for rows, expected in ((past, {"last_one", "last_fifth", "live", "strangers"}), (single, set())):
        save_frame(rows, tmp_path / "tables" / "interactions.parquet")
        cuts = models.split(recipe, tmp_path).keys() & set(get_args(CutName))
        assert cuts == expected
        rmtree(tmp_path / "cuts", ignore_errors=True)
    with pytest.raises(SourceError, match=r"cuts: nobody's answers can be held against .* bring more ratings"):
        models.evaluate(recipe, tmp_path)


def test_the_same_lists_make_the_same_table() -> None:
    assert table().equals(table())


def test_metrics_are_the_hybrids_and_how_far_it_is_above_the_best_source() -> None:
    lists = {"hybrid": lists_of(GOOD), "as_good": lists_of(GOOD), "als": lists_of(POOR)}
    best = metrics_of(evaluate(a_cut(), lists, titles(), PARAMS))["live"]["ndcg@10 above the best source"]
    assert best == {"gap": 0, "low": 0, "high": 0}
    told = metrics_of(pl.concat([table(), table(cut="last_one")]))
    assert list(told) == ["live", "last_one"]
    assert told["live"]["viewers"] == 3
    assert told["live"]["hybrid"]["mrr"] == 1
    assert set(told["live"]["ndcg@10 of sources"]) == {"als"}
    assert told["live"]["ndcg@10 of segments"]["new titles"] == round(1 / np.log2(3), 6)
    assert told["live"]["ndcg@10 above the best source"]["gap"] > 0


def test_the_whole_has_a_row_for_every_list_in_every_cut_and_segment() -> None:
    found = pl.concat([table(), table(cut="last_one")])
    told, one = whole(found), ["cut", "segment", "list"]
    metrics = found["metric"].unique(maintain_order=True)
    assert told.columns == [*one, "viewers", *metrics, "ndcg@10_gap", "ndcg@10_low", "ndcg@10_high"]
    assert told.select(one).rows() == found.select(one).unique(maintain_order=True).rows()
    assert told.height == 2 * 7 * 2


def test_the_whole_says_what_the_table_says() -> None:
    found = table()
    (of_als,) = whole(found).filter(segment="heavy viewers", list="als").to_dicts()
    for metric in found["metric"].unique():
        assert of_als[metric] == row(found, "heavy viewers", metric)["value"]
    main = row(found, "heavy viewers", "ndcg@10")
    assert [of_als[f"ndcg@10_{name}"] for name in ("gap", "low", "high")] == [main["gap"], main["low"], main["high"]]
    (of_hybrid,) = whole(found).filter(segment="heavy viewers", list="hybrid").to_dicts()
    assert of_hybrid["ndcg@10_gap"] is None


def test_the_report_says_where_the_rest_is() -> None:
    assert f"({WHOLE})" in markdown(table(), PARAMS)


def test_the_report_says_at_first_glance_that_the_hybrid_is_above() -> None:
    report = markdown(table(), PARAMS)
    assert report.splitlines()[2].startswith("On *live*, the cut that decides")
    assert "**above** the best single source, als" in report
    assert "▲ -" not in report


def test_the_report_names_every_source_that_is_above_the_hybrid() -> None:
    report = markdown(table(hybrid=POOR, source=GOOD), PARAMS)
    assert "**below** the best single source, als" in report
    assert "- **live, all viewers** (3 viewers): als ▲ -" in report


def test_a_difference_within_noise_is_called_neither_better_nor_worse() -> None:
    mixed = {1: [9], 2: [17, 4], 3: [17, 18]}
    other = {1: [18, 9], 2: [4], 3: [17, 18]}
    report = markdown(table(hybrid=mixed, source=other), PARAMS)
    assert "**level, within noise, with** the best single source, als" in report
    assert "- **live, all viewers** (3 viewers): als ≈" in report


def test_a_segment_of_few_viewers_gets_no_verdict() -> None:
    report = markdown(table(hybrid=POOR, source=GOOD), PARAMS)
    assert "**live, light viewers**" not in report
    assert "5 cuts and segments of up to 2 viewers are too small for a verdict" in report


def test_gather_finds_what_any_source_finds_at_a_depth() -> None:
    candidates = {"als": lists_of({1: [18, 9], 2: [4]}), "popular": lists_of({3: [9, 10]})}
    recall = plots.gather_recall(a_cut(), candidates, titles())
    assert recall.rows() == [
        ("als", 1, 1 / 6),
        ("als", 2, 2 / 6),
        ("popular", 1, 1 / 6),
        ("popular", 2, 1 / 6),
        ("gather", 1, 2 / 6),
        ("gather", 2, 3 / 6),
    ]


def test_a_title_that_two_sources_propose_is_gathered_once() -> None:
    candidates = {"popular": lists_of({1: [9, 18]}), "als": lists_of({1: [18, 9]})}
    recall = plots.gather_recall(a_cut(), candidates, titles())
    assert recall.filter(pl.col("source") == "gather")["recall"].to_list() == [1 / 6, 1 / 6]


def test_genre_shares_of_past_shown_and_wanted_stand_side_by_side() -> None:
    shares = plots.genre_shares(a_cut(), lists_of({1: [18, 9]}), titles())
    of = {(genre, of): share for genre, of, share in shares.rows()}
    assert of["comedy", "shown"] == of["crime", "shown"] == 0.5
    assert of["comedy", "wanted"] == (0 + 0.5 + 0.5 + 0) / 4
    assert of["comedy", "past"] == pytest.approx((0 + 0.25 + 0) / 3)


def test_shares_are_of_what_was_liked_and_of_the_first_ten_shown() -> None:
    cut = a_cut()
    disliked = pl.col("label") * (pl.col("title_id") > 10)
    mixed = Cut("live", cut.train, cut.histories.with_columns(disliked), cut.test)
    shares = plots.genre_shares(mixed, lists_of({1: [*range(11, 21), 9]}), titles())
    of = {(genre, of): share for genre, of, share in shares.rows()}
    assert (of["comedy", "past"], of["comedy", "shown"]) == (1, 1)


def test_lists_are_calibrated_to_what_was_liked_alone() -> None:
    cut = a_cut()
    disliked = pl.col("label") * (pl.col("title_id") > 10)
    mixed = Cut("live", cut.train, cut.histories.with_columns(disliked), cut.test)
    found = evaluate(mixed, {"hybrid": lists_of({2: [12, 13]}), "als": lists_of(POOR)}, titles(), PARAMS)
    assert row(found, "medium viewers", "miscalibration@10", "hybrid")["value"] == pytest.approx(0)


def test_stars_are_calibrated_where_the_mean_given_is_the_mean_predicted() -> None:
    points = plots.star_calibration(np.array([4.0, 4.1, 1.0], np.float32), np.array([3, 5, 2], np.float32))
    assert points.rows() == [(1.0, 2.0, 1), (pytest.approx(4.05), 4.0, 2)]


def test_segment_bars_are_the_tables_ndcg() -> None:
    bars = plots.segment_bars(table())
    assert bars.columns == ["cut", "segment", "list", "ndcg"]
    assert bars.height == 7 * 2
