"""Report: the table of evaluate.py, told. As Markdown for a person, nested for `dvc metrics`, whole as a csv.

The first glance is one sentence on the cut that decides, then NDCG@10 of every source beside the hybrid, then wherever
the hybrid is not above a source beyond noise. What lies within noise is never called better.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from marquee.params import EvaluateParams
from marquee.quality.evaluate import ALL, HYBRID

MAIN = "ndcg@10"
DECIDES = "live"
WHOLE = "evaluation.csv"  # beside the Markdown
_NAMED = 3  # sources named in one line of what is not beaten
_LEGEND = (
    "recall@k is of as many titles as fit into k places. popular: the share of places that the most rated titles take. "
    "novelty: bits of self-information of a title shown. diversity: 1 - cosine of two titles' genres. "
    "miscalibration: divergence of the genres shown from those of the viewer's past, 0 is the best. "
    "unanswered: viewers without a list."
)


def metrics_of(table: pl.DataFrame) -> dict[str, Any]:
    """By cut: all of the hybrid's metrics, and NDCG@10 of each source and segment, with how sure the lead is."""
    rounded = table.with_columns(pl.col("value", "gap", "low", "high").round(6))
    return {cut: _metrics_of_cut(rounded.filter(pl.col("cut") == cut)) for cut in _in_order(table["cut"])}


def _metrics_of_cut(table: pl.DataFrame) -> dict[str, Any]:
    everybody = table.filter(pl.col("segment") == ALL)
    hybrid = everybody.filter(pl.col("list") == HYBRID)
    sources = everybody.filter((pl.col("list") != HYBRID) & (pl.col("metric") == MAIN))
    segments = table.filter((pl.col("list") == HYBRID) & (pl.col("metric") == MAIN))
    best = sources.sort("value", descending=True).head(1)
    return {
        "viewers": hybrid["viewers"][0],
        HYBRID: dict(hybrid.drop_nulls("value").select("metric", "value").iter_rows()),
        f"{MAIN} of sources": dict(sources.select("list", "value").iter_rows()),
        f"{MAIN} of segments": dict(segments.select("segment", "value").iter_rows()),
        f"{MAIN} above the best source": best.select("gap", "low", "high").row(0, named=True) if best.height else {},
    }


def whole(table: pl.DataFrame) -> pl.DataFrame:
    """One row a cut, segment and list: every metric, and how far the hybrid is above it in NDCG@10."""
    one = ["cut", "segment", "list"]
    metrics = table.pivot("metric", index=[*one, "viewers"], values="value")
    above = {f"{MAIN}_{name}": name for name in ("gap", "low", "high")}
    main = table.filter(pl.col("metric") == MAIN).select(*one, **above)
    return metrics.join(main, on=one, how="left", maintain_order="left")


def markdown(table: pl.DataFrame, params: EvaluateParams) -> str:
    """The report; a segment of few viewers gets no verdict."""
    main = table.filter(pl.col("metric") == MAIN)
    parts = [
        "# How good the lists are",
        _first_glance(main),
        "## NDCG@10: the hybrid beside each of its sources",
        _sources(main),
        "≈ the hybrid is not above this source beyond noise. ▲ the source is above the hybrid beyond noise. "
        "Everything else the hybrid beats: the 95 % interval of the gap, by paired bootstrap over viewers, is above 0.",
        "## Where the hybrid is not above a source beyond noise",
        _not_beaten(main, params.small),
        "## NDCG@10 by segment: the hybrid, and the best source there",
        _segments(main),
        "## Everything about the hybrid",
        _hybrid(table),
        f"The same of every source and segment, with the gap to the hybrid in NDCG@10: [{WHOLE}]({WHOLE}).",
        _LEGEND,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _first_glance(main: pl.DataFrame) -> str:
    """One sentence on the cut that decides: how far the hybrid is from the best single source, and how sure that is."""
    decides = main.filter((pl.col("cut") == DECIDES) & (pl.col("segment") == ALL))
    sources = decides.filter(pl.col("list") != HYBRID).sort("value", descending=True)
    if sources.is_empty():
        return ""
    best = sources.row(0, named=True)
    hybrid = best["value"] + best["gap"]
    percent = f" ({best['gap'] / best['value']:+.0%})" if best["value"] else ""
    where = {"": "above", "≈": "level, within noise, with", "▲": "below"}[_mark(best)]
    return (
        f"On *{DECIDES}*, the cut that decides (old model, fresh histories), NDCG@10 of the hybrid is **{hybrid:.4f}** "
        f"for {best['viewers']:,} viewers: **{where}** the best single source, {best['list']}, at {best['value']:.4f}. "
        f"The gap is {best['gap']:+.4f}{percent}, 95 % interval {best['low']:+.4f} to {best['high']:+.4f}."
    )


def _sources(main: pl.DataFrame) -> str:
    """Lists by cuts, the hybrid first, then the sources from best to worst."""
    everybody = main.filter(pl.col("segment") == ALL)
    order = everybody.group_by("list", maintain_order=True).agg(pl.col("value").mean()).sort("value", descending=True)
    names = [HYBRID, *(name for name in order["list"] if name != HYBRID)]
    cells = {
        (row["list"], row["cut"]): f"**{row['value']:.4f}**" if row["list"] == HYBRID else _marked(row)
        for row in everybody.iter_rows(named=True)
    }
    return _grid(names, _heads(everybody), cells)


def _not_beaten(main: pl.DataFrame, small: int) -> str:
    """One line a cut and segment; those where a source is above come first."""
    large = main.filter(pl.col("viewers") > small)
    open_gaps = large.filter((pl.col("list") != HYBRID) & (pl.col("low").is_null() | (pl.col("low") <= 0)))
    left_out = main.filter(pl.col("viewers") <= small).select("cut", "segment").n_unique()
    lines = [
        _line(cut, segment, rows.sort("gap"))
        for (cut, segment), rows in open_gaps.group_by("cut", "segment", maintain_order=True)
    ]
    lines.sort(key=lambda line: "▲" not in line)
    if not lines:
        lines = [f"Nowhere, in {large.select('cut', 'segment').n_unique()} cuts and segments."]
    note = f"\n\n{left_out} cuts and segments of up to {small} viewers are too small for a verdict." if left_out else ""
    return "\n".join(lines) + note


def _line(cut: object, segment: object, rows: pl.DataFrame) -> str:
    named = [
        f"{row['list']} {_mark(row)} {row['gap']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f})"
        for row in rows.head(_NAMED).iter_rows(named=True)
    ]
    more = [f"and {rows.height - _NAMED} more"] if rows.height > _NAMED else []
    return f"- **{_words(cut)}, {segment}** ({rows['viewers'][0]:,} viewers): {', '.join(named + more)}"


def _segments(main: pl.DataFrame) -> str:
    cells = {}
    for (cut, segment), rows in main.group_by("cut", "segment", maintain_order=True):
        hybrid = rows.filter(pl.col("list") == HYBRID)["value"][0]
        sources = rows.filter(pl.col("list") != HYBRID).sort("value", descending=True)
        best = [f"{_marked(row)} {row['list']}" for row in sources.head(1).iter_rows(named=True)]
        cells[str(segment), str(cut)] = "<br>".join([f"**{hybrid:.4f}**", *best, f"{rows['viewers'][0]:,} viewers"])
    heads = {cut: _words(cut) for cut in _in_order(main["cut"])}
    return _grid(_in_order(main["segment"]), heads, cells)


def _hybrid(table: pl.DataFrame) -> str:
    hybrid = table.filter((pl.col("list") == HYBRID) & (pl.col("segment") == ALL) & pl.col("value").is_not_null())
    cells = {(row["metric"], row["cut"]): f"{row['value']:.4f}" for row in hybrid.iter_rows(named=True)}
    return _grid(_in_order(hybrid["metric"]), {cut: _words(cut) for cut in _in_order(hybrid["cut"])}, cells)


def _mark(row: Mapping[str, Any]) -> str:
    if row["high"] is not None and row["high"] < 0:
        return "▲"
    return "" if row["low"] is not None and row["low"] > 0 else "≈"


def _marked(row: Mapping[str, Any]) -> str:
    return f"{row['value']:.4f} {_mark(row)}".rstrip()


def _heads(everybody: pl.DataFrame) -> dict[str, str]:
    counts = everybody.group_by("cut", maintain_order=True).agg(pl.col("viewers").first())
    return {cut: f"{_words(cut)}<br>{viewers:,} viewers" for cut, viewers in counts.iter_rows()}


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def _in_order(names: pl.Series) -> list[str]:
    return names.unique(maintain_order=True).to_list()


def _grid(rows: Sequence[str], heads: Mapping[str, str], cells: Mapping[tuple[str, str], str]) -> str:
    """A Markdown table; a cell that is not there is a dash."""
    lines = [
        f"| {' | '.join(['', *heads.values()])} |",
        f"| --- |{' ---: |' * len(heads)}",
        *(f"| {' | '.join([row, *(cells.get((row, head), '–') for head in heads)])} |" for row in rows),
    ]
    return "\n".join(lines)
