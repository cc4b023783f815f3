"""Judging: what is known of a challenger, put together for the gate, from what the stages left in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from marquee.errors import MarqueeError
from marquee.model import asked
from marquee.model.folder import load_model
from marquee.model.recommender import Recommender, restored
from marquee.params import Params
from marquee.quality.difference import page
from marquee.quality.evaluate import HYBRID, evaluate
from marquee.quality.gate import CHAMPION, Evidence, Verdict, judge
from marquee.quality.report import DECIDES
from marquee.stages.measured import lists_of_twin, measured_lists
from marquee.stages.models import cut_of

_ASKED = 200  # lists whose time is taken
_TRIES = 3  # of each the quickest counts: other work on the machine is no fault of the model
_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Judged:
    verdict: Verdict
    table: pl.DataFrame  # of evaluate.py, with the champion
    difference: str  # that its release makes, as Markdown; empty where there is no champion


def judged(params: Params, into: Path, champion: Path | None, checks: Mapping[str, str]) -> Judged:
    """The verdict on what lies in the folder; `champion` is the twin of the one that is served now, if there is one."""
    model = restored(load_model(into / "model"))
    cut, lists = cut_of(DECIDES, into), measured_lists(into)
    if champion is not None:
        try:
            lists[CHAMPION] = lists_of_twin(champion, cut, model.titles)
        except MarqueeError as error:  # one of an earlier version of Marquee, say
            checks = {**checks, **unmeasured(str(error))}
    table = evaluate(cut, lists, model.titles, params.evaluate)
    known_at: Any = cut.train["known_at"].max()
    tested_from: Any = cut.test["at"].min()
    size_mb = sum(path.stat().st_size for path in (into / "model").rglob("*")) / 1e6
    evidence = Evidence(table, known_at, tested_from, p99_ms(model), size_mb, checks)
    told = page(lists[CHAMPION], lists[HYBRID], model.titles.frame) if CHAMPION in lists else ""
    return Judged(judge(evidence, params.gate), table, told)


def unmeasured(why: str) -> Mapping[str, str]:
    """The check that fails where there is a champion, but none to be held against."""
    return {"the champion can be measured": f"{why}; judge for yourself, then promote"}


def p99_ms(model: Recommender) -> float:
    """Of one viewer's list at a time, spread over all viewers."""
    rows = np.unique(np.linspace(0, len(model.histories) - 1, _ASKED).astype(np.int64))
    return float(np.percentile([_ms(model, row) for row in rows], 99, method="higher"))


def _ms(model: Recommender, row: int) -> float:
    history = model.histories.of(np.array([row]))
    moment = asked.now(model.histories, history)
    times = []
    for _ in range(_TRIES):
        begun = perf_counter()
        model.recommend(history, moment, _SHOWN)
        times.append(perf_counter() - begun)
    return min(times) * 1000
