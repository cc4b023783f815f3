"""How sure it is that two forms of names mean one title: each piece of evidence takes its share off a confidence of 1.

New evidence is one expression and its name in EVIDENCE, the cheap and telling ones first; columns of the found form
end in `_found`. The shares were set on tests/data/matching_sample.csv and hold for the thresholds in params.yaml.
"""

from collections.abc import Callable

import polars as pl

from marquee.data.matching.names import ASIDE, FULL, PART, PIECE


def judged(pairs: pl.LazyFrame, least: float) -> pl.LazyFrame:
    """The pairs with their confidence; those that fall under the least are left out as soon as they do."""
    pairs = pairs.with_columns(confidence=pl.lit(1.0))
    for share in EVIDENCE:
        pairs = pairs.with_columns(pl.col("confidence") * share()).filter(pl.col("confidence") >= least)
    return pairs


def _share(*cases: tuple[pl.Expr, float | pl.Expr]) -> pl.Expr:
    """The share of the first case that holds; all of it where none does."""
    return pl.coalesce(*(pl.when(holds).then(share) for holds, share in cases), pl.lit(1.0))


def spelling() -> pl.Expr:
    """One slip of the pen is likely in a long name; in a short one, and with a second, it is sooner another word."""
    length = pl.max_horizontal(pl.col("core").str.len_chars(), pl.col("core_found").str.len_chars())
    one_in_a_long_name = (pl.col("edits") == 1) & (length >= 10)
    return 1 - pl.col("edits").cast(pl.Float64) * pl.when(one_in_a_long_name).then(1.3).otherwise(1.7) / length


def years() -> pl.Expr:
    """A year may be off by one; seasons come year after year, and some sources tell the year of the latest."""
    apart = (pl.col("year") - pl.col("year_found")).abs()
    both_series = _is_series("") & _is_series("_found")
    seasonal = both_series & (_has_seasons("") | _has_seasons("_found")) & (apart <= 15)
    season = pl.col("instalment").str.extract(r"^s(\d{1,2})$").cast(pl.Int16)
    of_season = (pl.col("year") - pl.col("year_found") - season + 1).abs() <= 1
    began_before = season.is_not_null() & (pl.col("year_found") <= pl.col("year"))
    short_name = pl.col("core").str.len_chars() < 4
    return _share(
        (apart.is_null() & short_name, 0.88),
        (apart.is_null(), 0.94),
        (seasonal & of_season, 1.0),
        (seasonal & began_before, 0.96 - 0.002 * apart),
        (apart == 0, 1.0),
        (apart == 1, 0.97),
        (seasonal, 0.95 - 0.002 * apart),
        ((apart == 2) | (both_series & (apart <= 10)), 0.87),
        (apart == 3, 0.8),
        (apart > 3, 0.5),
    )


def _is_series(side: str) -> pl.Expr:
    """Known to be one, or of unknown kind and in volumes."""
    return pl.col(f"kind{side}").eq_missing("series") | (pl.col(f"kind{side}").is_null() & _has_seasons(side))


def _has_seasons(side: str) -> pl.Expr:
    return pl.col(f"instalment{side}").str.contains("^[sv]")


def numbers() -> pl.Expr:
    """Sequels, seasons and volumes: numbers that differ are different titles; a number that is not said may be."""
    same_sequel = pl.col("sequel") == pl.col("sequel_found")
    same_instalment = pl.col("instalment") == pl.col("instalment_found")
    unsaid = same_sequel & ((pl.col("instalment") == "") != (pl.col("instalment_found") == ""))
    of_the_movie = pl.max_horizontal("instalment", "instalment_found") == "m"
    series = pl.col("kind").eq_missing("series") | pl.col("kind_found").eq_missing("series")
    wanted_or_first = (pl.col("instalment") != "") | pl.col("instalment_found").is_in(["s", "s1", "v1"])
    one, other = _all_numbers(""), _all_numbers("_found")
    only_first_said = (pl.min_horizontal(one, other) == "") & (pl.max_horizontal(one, other) == "1")
    return _share(
        (same_sequel & same_instalment, 1.0),
        (unsaid & of_the_movie, 0.92),
        (unsaid & series & wanted_or_first, 0.98),
        ((one == other) & (one != ""), 0.98),
        (only_first_said, 0.94),
        (unsaid, 0.85),
        (pl.lit(value=True), 0.0),
    )


def _all_numbers(side: str) -> pl.Expr:
    told = pl.col(f"instalment{side}").str.replace_all(r"[a-z]", "")
    return (pl.col(f"sequel{side}") + " " + told).str.strip_chars()


def kinds() -> pl.Expr:
    """A title of unknown kind is sooner a movie, unless it comes in volumes."""
    perhaps_a_movie = pl.col("kind").is_null() & ~_has_seasons("") & (pl.col("kind_found") == "series")
    return _share((pl.col("kind") != pl.col("kind_found"), 0.8), (perhaps_a_movie, 0.92))


def wording() -> pl.Expr:
    """Editions hardly matter; articles and ways to count little in a long name, more in a short one."""
    return _share(
        ((pl.col("whole") == pl.col("whole_found")) | (pl.col("edits") > 0), 1.0),
        (pl.col("plain") == pl.col("plain_found"), 0.99),
        (pl.col("core").str.len_chars() < 8, 0.92),
        (pl.lit(value=True), 0.98),
    )


def wholeness() -> pl.Expr:
    """Part of a name is a name only in its own year; a piece of it, if it has no number, a person must look at."""
    weaker, stronger = pl.max_horizontal("form", "form_found"), pl.min_horizontal("form", "form_found")
    same_year = ((pl.col("year") - pl.col("year_found")).abs() <= 1).fill_null(value=False)
    return _share(
        ((stronger >= ASIDE) | ((weaker >= PART) & ~same_year), 0.0),
        ((weaker == PIECE) & (pl.col("sequel") == ""), 0.87),
        (weaker >= PART, 0.93),
        (weaker > FULL, 0.98),
    )


EVIDENCE: tuple[Callable[[], pl.Expr], ...] = (wholeness, years, kinds, numbers, wording, spelling)
