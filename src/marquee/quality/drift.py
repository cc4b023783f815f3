"""Drift: what the last days are like, beside what a model was trained on.

    then, now = (views(seen, fame) for seen in (trained_on, last_days))
    drift(then, now, params, seed)         one line a column, and Evidently's report as a page that needs no network

Numbers are held against each other by the Wasserstein distance in standard deviations of then, kinds by the
Jensen-Shannon distance of their shares. Both are distances: with many rows a test of significance finds every hair. A
column more is a line in a view; whatever else is to be watched is a view of its own.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from marquee.params import DriftParams

Views = Mapping[str, pl.DataFrame]

_PARTS_OF_DAY = ("night", "morning", "afternoon", "evening")  # six hours each, UTC
_NUMBERS, _KINDS = "wasserstein", "jensenshannon"


@dataclass(frozen=True, eq=False)
class Seen:
    """A stretch of time; a table may be empty. Like is held against like: weeks of training against the last days."""

    events: pl.DataFrame  # EVENTS
    ratings: pl.DataFrame  # RATINGS
    rows: pl.DataFrame  # of requests: features by name, and the ranker's score
    labels: pl.DataFrame  # of what was shown: by kind of outcome, whether it came
    known: pl.Series  # ids of viewers who had done anything before; others are strangers


@dataclass(frozen=True)
class Column:
    name: str
    method: str
    then: int  # known values
    now: int
    distance: float | None  # none where too few values are known
    limit: float
    missing: float  # by how much the share of values that are not known has changed
    drifted: bool


@dataclass(frozen=True)
class Drift:
    columns: tuple[Column, ...]
    page: str  # HTML
    run: Any  # Evidently's, for its workspace

    @property
    def drifted(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.drifted)

    @property
    def summary(self) -> dict[str, Any]:
        """As numbers for metrics, the drifted first."""
        ordered = sorted(self.columns, key=lambda column: not column.drifted)
        told = {column.name: {key: of for key, of in asdict(column).items() if key != "name"} for column in ordered}
        return {"drifted": len(self.drifted), "columns": told}


def some_of(table: pl.LazyFrame, rows: int) -> pl.DataFrame:
    """Every nth row, at most so many: a table of any size in bounded memory."""
    total = int(table.select(pl.len()).collect().item())
    return table.gather_every(max(-(-total // rows), 1)).collect(engine="streaming")


def views(seen: Seen, fame: pl.DataFrame) -> Views:
    """What is compared; `fame` says of each title (title_id) how much of all that was watched it was then (share), and
    where it lies among the others by further columns, one a direction of an embedding.
    """
    is_shown = pl.col("kind") == "shown"
    deeds = seen.events.filter(~is_shown)
    return {
        "events": _done(deeds, "kind", "happened_at", seen.known, fame),
        "ratings": _done(seen.ratings, "rating", "rated_at", seen.known, fame),
        "shown": _shown(seen.events.filter(is_shown), fame),
        "rows": seen.rows,
        "embedding": _places(deeds, fame),
        "labels": seen.labels,
    }


def _done(table: pl.DataFrame, what: str, when: str, known: pl.Series, fame: pl.DataFrame) -> pl.DataFrame:
    is_known = pl.col("user_id").cast(pl.Int64).is_in(known.cast(pl.Int64).implode())
    part_of_day = pl.col(when).dt.hour() // 6
    return table.select(
        what,
        part_of_day.replace_strict(dict(enumerate(_PARTS_OF_DAY)), return_dtype=pl.String).alias("part_of_day"),
        viewer=pl.when(is_known).then(pl.lit("known")).otherwise(pl.lit("stranger")),
        title_share=_fame_of(table, fame),
    )


def _shown(shown: pl.DataFrame, fame: pl.DataFrame) -> pl.DataFrame:
    """Where titles stood, how they scored, how much everybody watches them."""
    told = {name: _number(pl.col("detail").str.json_path_match(f"$.{name}")) for name in ("rank", "score")}
    return shown.select(**told, title_share=_fame_of(shown, fame))


def _number(text: pl.Expr) -> pl.Expr:
    """Who sends events writes details as they like: what is no finite number is not known."""
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _fame_of(table: pl.DataFrame, fame: pl.DataFrame) -> pl.Series:
    """As a logarithm; not known of a title that nobody had watched."""
    title_id = pl.col("title_id").cast(pl.Int64)
    asked, known = table.select(title_id), fame.select(title_id, pl.col("share").log10())
    return asked.join(known, on="title_id", how="left", maintain_order="left")["share"]


def _places(deeds: pl.DataFrame, fame: pl.DataFrame) -> pl.DataFrame:
    """Of every title that was watched, as the model places it."""
    known = fame.drop("share").with_columns(pl.col("title_id").cast(pl.Int64))
    asked = deeds.select(pl.col("title_id").cast(pl.Int64)).drop_nulls()
    return asked.join(known, on="title_id", how="left", maintain_order="left").drop("title_id")


def drift(then: Views, now: Views, params: DriftParams, seed: int) -> Drift:
    """Of every column that both sides have."""
    before, after = (_side(views, params.rows, seed) for views in (then, now))
    names = [name for name in before if name in after]
    told = [name for name in names if min(_known(before[name]), _known(after[name])) >= params.least]
    run = _compared(_frame(before, told), _frame(after, told), params)
    distances = {of["config"]["column"]: float(of["value"]) for of in run.dict()["metrics"] if "column" in of["config"]}
    columns = tuple(_column(before[name], after[name], distances.get(name), params) for name in names)
    return Drift(columns, run.get_html_str(as_iframe=False), run)


def _frame(columns: Mapping[str, pl.Series], names: Sequence[str]) -> pl.DataFrame:
    """As long as the longest."""
    return pl.concat([columns[name].to_frame() for name in names] or [pl.DataFrame()], how="horizontal_extend")


def _side(views: Views, rows: int, seed: int) -> dict[str, pl.Series]:
    """The columns of every view, with NaN as not known."""
    return {
        name: values.alias(name)
        for view, frame in views.items()
        for column in frame.sample(min(rows, frame.height), seed=seed).iter_columns()
        for name, values in [(f"{view}: {column.name}", _plain(column))]
    }


def _plain(values: pl.Series) -> pl.Series:
    return values.cast(pl.Float64).fill_nan(None) if values.dtype.is_numeric() else values.cast(pl.String)


def _column(then: pl.Series, now: pl.Series, distance: float | None, params: DriftParams) -> Column:
    method, limit = (_NUMBERS, params.numbers) if then.dtype.is_numeric() else (_KINDS, params.kinds)
    enough = min(len(then), len(now)) >= params.least
    missing = now.null_count() / len(now) - then.null_count() / len(then) if enough else 0.0
    drifted = abs(missing) >= params.missing or (distance is not None and distance >= limit)
    return Column(then.name, method, _known(then), _known(now), distance, limit, missing, drifted)


def _known(values: pl.Series) -> int:
    return len(values) - values.null_count()


def _compared(then: pl.DataFrame, now: pl.DataFrame, params: DriftParams) -> Any:
    """Evidently's run: the distance of each column, and how many are too far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it looks where numpy used to keep things
        from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415 - takes seconds: only who compares waits
        from evidently.metrics import DriftedColumnsCount, ValueDrift  # noqa: PLC0415

    numbers = [name for name, kind in then.schema.items() if kind.is_numeric()]
    kinds = [name for name in then.columns if name not in numbers]
    shape = DataDefinition(numerical_columns=numbers, categorical_columns=kinds)
    limits = {"num_threshold": params.numbers, "cat_threshold": params.kinds}
    metrics = [
        *(DriftedColumnsCount(num_method=_NUMBERS, cat_method=_KINDS, **limits) for _ in then.columns[:1]),
        *(ValueDrift(column=name, method=_NUMBERS, threshold=params.numbers) for name in numbers),
        *(ValueDrift(column=name, method=_KINDS, threshold=params.kinds) for name in kinds),
    ]
    sides = [Dataset.from_pandas(side.to_pandas(), data_definition=shape) for side in (now, then)]
    return Report(metrics, include_tests=True).run(*sides)
