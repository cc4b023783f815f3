"""What a source says of its titles becomes the TITLES table, with the checks that all sources share."""

import polars as pl

from marquee.data.rejects import DOES_NOT_PARSE, DUPLICATE, Rejects
from marquee.errors import SourceError
from marquee.tables import ID_LIMIT, KINDS_OF_TITLE, TITLES, smallest_id_type


def titles_table(told: pl.DataFrame, file: str, rejects: Rejects) -> pl.DataFrame:
    """TITLES from title_id, name and year as text, any other column as it should be, and line and text in the file."""
    if told.is_empty():
        raise SourceError(f"{file}: holds no title; copy or download it again, or write one line for each title")
    typed = told.with_columns(
        pl.lit(file).alias("file"),
        pl.col("title_id").str.strip_chars().cast(pl.UInt64, strict=False),
        pl.col("name").str.strip_chars().replace("", None),
        _year(pl.col("year")).cast(pl.Int16, strict=False),
    )
    sound = typed.select(
        pl.col("title_id").is_between(1, ID_LIMIT).fill_null(value=False)
        & pl.col("name").is_not_null()
        & (pl.col("year").is_not_null() | told.select(_year(pl.col("year")).is_null()).to_series())
        & _kind_is_known(typed)
    ).to_series()
    rejects.add_frame(typed.filter(~sound).with_columns(reason=pl.lit(DOES_NOT_PARSE)))
    first = typed.filter(sound)["title_id"].is_first_distinct()
    rejects.add_frame(typed.filter(sound).filter(~first).with_columns(reason=pl.lit(DUPLICATE)))
    kept = typed.filter(sound).filter(first)
    kind = smallest_id_type(kept.select(pl.col("title_id").max().fill_null(0)).item())
    lists = pl.col(pl.List(pl.String)).fill_null([])
    return TITLES.check(TITLES.complete(kept.with_columns(pl.col("title_id").cast(kind), lists)))


def _year(year: pl.Expr) -> pl.Expr:
    # Spreadsheets and pandas write a column of years with a gap in it as 1995.0.
    return year.str.strip_chars().str.strip_suffix(".0").replace("", None)


def _kind_is_known(titles: pl.DataFrame) -> pl.Expr:
    if "kind" not in titles.columns:
        return pl.lit(value=True)
    return pl.col("kind").is_null() | pl.col("kind").is_in(KINDS_OF_TITLE)
