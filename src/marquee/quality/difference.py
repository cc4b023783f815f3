"""The difference that a release makes: how much of the lists stays, which titles are shown more or less, who sees most
of it. Told before anybody is served; both tables are LISTS of the same viewers.
"""

import polars as pl

_TOLD = 15  # titles and viewers that are named


def overlaps(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """user_id and the share of the longer list that both have, who changes most first."""
    pair = ["user_id", "title_id"]
    both = before.select(pair).join(after.select(pair), on=pair).group_by("user_id").agg(both=pl.len())
    lengths = [frame.group_by("user_id").agg(pl.len().alias(name)) for name, frame in (("b", before), ("a", after))]
    of = lengths[0].join(lengths[1], on="user_id", how="full", coalesce=True).join(both, on="user_id", how="left")
    longer = pl.max_horizontal(pl.col("a").fill_null(0), pl.col("b").fill_null(0))
    return of.select("user_id", overlap=pl.col("both").fill_null(0) / longer).sort("overlap", "user_id")


def exposure(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """title_id, in how many lists it was and will be, who gains most first."""
    counts = [frame.group_by("title_id").agg(pl.len().alias(name)) for name, frame in (("was", before), ("is", after))]
    told = counts[0].join(counts[1], on="title_id", how="full", coalesce=True).fill_null(0).cast(pl.Int64)
    return told.with_columns(gain=pl.col("is") - pl.col("was")).sort("gain", "title_id", descending=[True, False])


def page(before: pl.DataFrame, after: pl.DataFrame, titles: pl.DataFrame) -> str:
    """As Markdown; `titles` names them."""
    changed, shown = overlaps(before, after), exposure(before, after)
    named = shown.join(titles.select(pl.col("title_id").cast(pl.Int64), "name"), on="title_id", how="left")
    overlap = changed["overlap"].to_numpy()
    mean, same = float(overlap.mean()), float((overlap == 1).mean())
    gone, new = (shown.filter(pl.col(name) == 0).height for name in ("is", "was"))
    return "\n".join(
        [
            "# What the release changes",
            "",
            f"Of {changed.height:,} lists, {mean:.1%} of the titles stay on average; {same:.1%} of the lists keep all. "
            f"{new:,} titles are shown that were not, {gone:,} are not shown any more.",
            "",
            *_titles("Shown more", named.filter(pl.col("gain") > 0).head(_TOLD)),
            *_titles("Shown less", named.filter(pl.col("gain") < 0).reverse().head(_TOLD)),
            "## Who sees most of it",
            "",
            ", ".join(f"{user} ({left:.0%} stays)" for user, left in changed.head(_TOLD).iter_rows()),
            "",
        ]
    )


def _titles(head: str, rows: pl.DataFrame) -> list[str]:
    lines = [f"| {_plain(row['name'])} | {row['was']:,} | {row['is']:,} |" for row in rows.iter_rows(named=True)]
    return [f"## {head}", "", "| title | lists before | lists after |", "| --- | ---: | ---: |", *lines, ""]


def _plain(name: str) -> str:
    """With no bar that ends a cell of the table."""
    return name.replace("|", "\\|")
