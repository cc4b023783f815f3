"""What `marquee tune` does: tries until the time is over, and shows what a person would write into params.yaml."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import optuna
import yaml
from rich.table import Table

from marquee.cli.show import DATA
from marquee.data import handed
from marquee.model.histories import histories_of
from marquee.model.interactions import interactions
from marquee.model.titles import titles_of
from marquee.params import Params
from marquee.quality.tune import Homework, Trial, homework, trials

_SHOWN = 8


def tables_of_project() -> tuple[Path, Path]:
    return DATA / "tables" / "ratings.parquet", DATA / "tables" / "titles.parquet"


def tune(params: Params, ratings: Path, titles: Path | None, minutes: float) -> Sequence[Trial]:
    """The params of now first, then what was tried, the best first."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    work = _homework(params, ratings, titles)
    until = time.monotonic() + 60 * minutes
    now, *others = _before(until, trials(work, params.ranker, params.seed))
    return [now, *sorted(others, key=lambda trial: -trial.score)]


def _homework(params: Params, ratings: Path, titles: Path | None) -> Homework:
    table = interactions(handed.ratings(ratings, datetime.now(UTC)).lazy(), None, params.signals, params.star).collect()
    known = titles_of(handed.titles(titles) if titles else None, table["title_id"].unique().to_numpy())
    return homework(histories_of(table, known.ids), known, params)


def _before(until: float, found: Iterator[Trial]) -> Iterator[Trial]:
    """The first one, and those that begin in time."""
    yield next(found)
    while time.monotonic() < until:
        yield next(found)


def told(found: Sequence[Trial]) -> Table:
    """A column a trial, a row a number."""
    shown = found[:_SHOWN]
    table = Table("", "now", *(f"{place}" for place in range(1, len(shown))), box=None, header_style="dim")
    table.add_row("NDCG@10", *(f"{trial.score:.4f}" for trial in shown))
    for lesson in shown[0].ndcg:
        table.add_row(f"  {lesson}", *(f"{trial.ndcg[lesson]:.4f}" for trial in shown))
    for name in type(shown[0].params).model_fields:
        table.add_row(name, *(_words(getattr(trial.params, name)) for trial in shown))
    return table


def lines(trial: Trial) -> str:
    """For params.yaml, with no more digits than anybody can tell apart."""
    told = trial.params.model_dump(mode="json")
    short = {name: float(f"{value:.3g}") if isinstance(value, float) else value for name, value in told.items()}
    text: str = yaml.safe_dump({"ranker": short}, sort_keys=False, default_flow_style=None)
    return text


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return "\n".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
