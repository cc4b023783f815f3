"""Telling: what a flow found, as Markdown for its artifacts."""

from collections.abc import Mapping

import polars as pl

from marquee.quality.drift import Drift
from marquee.quality.evaluate import ALL, HYBRID
from marquee.quality.gate import CHAMPION, Verdict
from marquee.quality.report import DECIDES


def verdict_in_words(verdict: Verdict) -> str:
    """Every rule, those that object first."""
    count = len(verdict.reasons)
    head = "**Promoted.**" if verdict.promoted else f"**Refused**, for {count} reason{'s' if count > 1 else ''}."
    rows = [*verdict.reasons, *(rule for rule in verdict.rules if rule.passed)]
    lines = [f"| {'✓' if rule.passed else '✗'} | {rule.name} | {rule.told} |" for rule in rows]
    return "\n".join([head, "", "|   | rule | numbers |", "| --- | --- | --- |", *lines])


def beside_the_champion(table: pl.DataFrame) -> list[dict[str, str]]:
    """The hybrid's metrics for everybody, beside the champion's where there is one, then NDCG@10 by segment."""
    decides = table.filter(pl.col("cut") == DECIDES)
    return [
        {
            "segment": segment,
            "metric": metric,
            "challenger": _number(values[HYBRID]["value"]),
            "champion": _number(values.get(CHAMPION, {}).get("value")),
            "gap": _gap(values.get(CHAMPION, {})),
        }
        for (segment, metric), values in _pairs(decides).items()
        if values[HYBRID]["value"] is not None and (segment == ALL or metric == "ndcg@10")
    ]


def metrics_of(table: pl.DataFrame) -> dict[str, float]:
    """For a registry: everything about the hybrid on the cut that decides, and NDCG@10 of all others, by segment."""
    decides = table.filter((pl.col("cut") == DECIDES) & pl.col("value").is_not_null())
    own = (pl.col("list") == HYBRID) | ((pl.col("metric") == "ndcg@10") & (pl.col("segment") == ALL))
    return {
        "/".join((row["metric"].replace("@", "_at_"), row["segment"].replace(" ", "_"), row["list"])): row["value"]
        for row in decides.filter(own).iter_rows(named=True)
    }


def live_table(live: pl.DataFrame) -> list[dict[str, str]]:
    """What was taken of what was shown, by version."""
    shares = [name for name, kind in live.schema.items() if kind.is_float()]
    rows = live.with_columns(pl.col("first", "last").dt.strftime("%Y-%m-%d %H:%M"))
    return [
        {name: f"{value:.2%}" if name in shares else f"{value}" for name, value in row.items()}
        for row in rows.iter_rows(named=True)
    ]


def drift_in_words(drift: Drift) -> str:
    """Every column, the drifted first."""
    ordered = sorted(drift.columns, key=lambda column: not column.drifted)
    lines = [
        f"| {'✗' if column.drifted else '✓'} | {column.name} | {_number(column.distance)} of {column.limit} "
        f"| {column.missing:+.1%} | {column.then:,} / {column.now:,} |"
        for column in ordered
    ]
    head = f"**{len(drift.drifted)} of {len(drift.columns)} columns drifted.**"
    return "\n".join([head, "", "|   | column | distance | missing | then / now |", f"|{' --- |' * 5}", *lines])


def _pairs(decides: pl.DataFrame) -> dict[tuple[str, str], dict[str, dict[str, float | None]]]:
    found: dict[tuple[str, str], dict[str, dict[str, float | None]]] = {}
    for row in decides.filter(pl.col("list").is_in([HYBRID, CHAMPION])).iter_rows(named=True):
        found.setdefault((row["segment"], row["metric"]), {})[row["list"]] = row
    return found


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _gap(row: Mapping[str, float | None]) -> str:
    gap, low, high = (row.get(name) for name in ("gap", "low", "high"))
    if gap is None:
        return "–"
    return f"{gap:+.4f}" if low is None or high is None else f"{gap:+.4f} ({low:+.4f} to {high:+.4f})"
