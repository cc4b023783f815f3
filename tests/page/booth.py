"""What an operator looks at: a registry as the loop leaves one, the monitor's notes, a report that tries to get out."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from marquee import registry
from marquee.loop.telling import metrics_of, verdict_in_words
from marquee.params import Params
from marquee.quality import timeline
from marquee.quality.difference import page
from marquee.quality.drift import Column
from marquee.quality.evaluate import TABLE
from marquee.quality.gate import Evidence, Verdict, judge
from marquee.quality.live import Gap
from marquee.quality.timeline import Look
from marquee.registry import Beside

BEGIN = datetime(2026, 3, 1, 3, tzinfo=UTC)
SEGMENTS = {"all viewers": 1.0, "light viewers": 1.2, "medium viewers": 0.95, "heavy viewers": 0.8, "new titles": 0.3}
LISTS = {"hybrid": 1.0, "popular": 0.4, "als": 0.7, "following": 0.85, "content": 0.3}
METRICS = {"ndcg@10": 1.0, "recall@10": 1.6, "coverage@10": 2.4, "novelty@10": 12.0, "miscalibration@10": 6.0}
COLUMNS = ("events: kind", "ratings: rating", "shown: score", "rows: match_stars", "rows: title_share")
ATTACK = b"""<!doctype html><title>report</title><h1>Drift report</h1><p id="told">nothing</p><script>
const tried = [];
try { parent.document.title = "taken"; tried.push("parent"); } catch { }
try { localStorage.x = 1; tried.push("storage"); } catch { }
try { document.cookie; tried.push("cookie"); } catch { }
fetch("/operator/me").then(() => tried.push("fetch"), () => {}).finally(() => {
  document.getElementById("told").textContent = `reached ${tried.length}: ${tried.join()}`;
});
</script>"""


def measured(quality: float, champion: float | None) -> pl.DataFrame:
    """As `evaluate` would tell it, of lists that good; sources are no better by the day."""
    lists = {name: share * (quality if name == "hybrid" else 0.3) for name, share in LISTS.items()}
    if champion is not None:
        lists["champion"] = champion
    rows = [
        {
            "cut": "live",
            "segment": segment,
            "viewers": 500,
            "list": name,
            "metric": metric,
            "value": 0.0 if metric == "unanswered" else value * part * scale,
            **_gap(lists["hybrid"] - value, name),
        }
        for segment, part in SEGMENTS.items()
        for name, value in lists.items()
        for metric, scale in {**METRICS, "unanswered": 0.0}.items()
    ]
    return pl.DataFrame(rows, TABLE)


def _gap(gap: float, name: str) -> dict[str, float | None]:
    of_hybrid = name == "hybrid"
    return {key: None if of_hybrid else gap + off for key, off in (("gap", 0), ("low", -0.01), ("high", 0.01))}


def verdict_on(table: pl.DataFrame, params: Params) -> Verdict:
    return judge(Evidence(table, BEGIN, BEGIN + timedelta(days=1), 20.0, 30.0, {"viewers are kept": ""}), params.gate)


def register(url: str, model: Path, folder: Path, table: pl.DataFrame, params: Params) -> str:
    """A version with all that retraining keeps beside one."""
    verdict = verdict_on(table, params)
    reports, stages = folder / "reports", folder / "stages"
    for made in (reports, stages):
        made.mkdir(parents=True, exist_ok=True)
    (reports / "verdict.json").write_text(json.dumps(asdict(verdict)["rules"]), "utf-8")
    (reports / "verdict.md").write_text(verdict_in_words(verdict), "utf-8")
    (reports / "difference.md").write_text(page(_lists(0), _lists(2), _titles()), "utf-8")
    (stages / "ratings.json").write_text(
        json.dumps({"ratings": 300_000, "set_aside": 12, "seconds": 3.2, "of": "d" * 64}), "utf-8"
    )
    said = "promoted" if verdict.promoted else "; ".join(rule.name for rule in verdict.reasons)
    tags = {"git revision": "0123456789abcdef", "dvc.lock": "f" * 64, "event position": "1200", "verdict": said}
    return registry.register(url, model, Beside(metrics_of(table), tags, {"reports": reports, "stages": stages}))


def _lists(off: int) -> pl.DataFrame:
    rows = [(user, (user * 3 + rank + (off if user % 2 else 0)) % 30 + 1) for user in range(40) for rank in range(10)]
    return pl.DataFrame(rows, ["user_id", "title_id"], orient="row")


def _titles() -> pl.DataFrame:
    return pl.DataFrame({"title_id": range(1, 40), "name": [f"<b>Title</b> | {n} ✨" for n in range(1, 40)]})


def register_all(url: str, models: Sequence[Path], folder: Path, params: Params) -> None:
    """The first is rolled back to, the second is champion, whoever comes then may be; the last is no better."""
    qualities = (0.30, 0.33, 0.36, 0.32)
    before: list[float | None] = [None, 0.30, 0.33, 0.33]
    for model, quality, champion in zip(models, qualities, before, strict=False):
        register(url, model, folder / f"beside-{quality}", measured(quality, champion), params)
    registry.promote(url, "1", "retrain", "the first", BEGIN)
    registry.promote(url, "2", "retrain", "2 columns drifted", BEGIN + timedelta(hours=6, minutes=20))


def note_looks(state: Path, looks: int) -> None:
    """Calm at first, then the world moves and is learnt anew; one look an hour."""
    state.mkdir(parents=True, exist_ok=True)
    (state / "drift.html").write_bytes(ATTACK)
    for number in range(looks):
        timeline.add(_look(number, str(state / "drift.html")), state)


def _look(number: int, page: str) -> Look:
    drifted = 2 if number % 9 == 6 else 1 if number % 4 == 2 else 0
    names = ", ".join(COLUMNS[:drifted])
    act, why = ("retrain", f"2 columns drifted: {names}") if drifted == 2 else ("nothing", names or "all is as it was")
    return Look(
        at=BEGIN + timedelta(hours=number),
        champion="2" if number > 6 else "1",
        columns=tuple(_column(name, place, place < drifted, number) for place, name in enumerate(COLUMNS)),
        taken=str(Gap(of=0.1, gap=0.01, low=-0.01, high=0.03)),
        act=act,
        acted=True,
        why=why,
        page=page,
    )


def _column(name: str, place: int, drifted: bool, number: int) -> Column:
    distance = 0.31 if drifted else 0.02 * (place + 1) + 0.005 * (number % 5)
    return Column(name, "wasserstein", 900, 800, None if place == 4 else distance, 0.25, 0.0, drifted)
