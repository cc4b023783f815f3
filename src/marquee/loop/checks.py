"""Checks of the data a challenger was made of, beside the champion's. What moved is what retraining is for, and is no
fault; what went missing is. A source may have something to say of fewer titles from week to week, as what is watched
lately does, and the gate judges what it is worth; nearly silent it may not fall.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl


def checks(own: Path, champion: Path, lost: float, missing: float) -> Mapping[str, str]:
    """What is wrong, or nothing, by check; both folders are references."""
    return {
        "viewers are kept": _lost(own, champion, "trained", "user_id", lost),
        "titles are kept": _lost(own, champion, "fame", "title_id", lost),
        "features are known": _missing(own, champion, missing),
    }


_SAID = ("_score", "_relative", "_rank")  # by a source
_SILENT = 0.5


def _lost(own: Path, champion: Path, table: str, column: str, limit: float) -> str:
    before, after = (pl.read_parquet(folder / f"{table}.parquet", columns=[column]) for folder in (champion, own))
    gone = before.join(after, on=column, how="anti").height
    if gone <= limit * before.height:
        return ""
    return f"{gone:,} of {before.height:,} that the champion knew are gone, {limit:.0%} may be"


def _missing(own: Path, champion: Path, limit: float) -> str:
    before, after = (_known_shares(folder) for folder in (champion, own))
    fallen = {name: (before[name], after.get(name, 0.0)) for name in before}
    limits = {name: _SILENT if name.endswith(_SAID) else limit for name in before}
    wrong = [f"{name} {was:.0%} -> {now:.0%}" for name, (was, now) in fallen.items() if was - now >= limits[name]]
    return f"of what is shown less is known: {', '.join(wrong)}" if wrong else ""


def _known_shares(folder: Path) -> dict[str, float]:
    rows = pl.read_parquet(folder / "rows.parquet")
    return rows.select(pl.all().is_not_nan().mean()).row(0, named=True) if rows.height else {}
