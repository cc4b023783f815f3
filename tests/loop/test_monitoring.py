"""What the monitor does, by its rules: nothing most of the time, a roll-back before a retraining, neither too often."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marquee import registry
from marquee.loop.monitoring import Act, Decision, Found, Last, decide, find, last_acts, look
from marquee.model.folder import Contents, save_model
from marquee.params import LoopParams
from marquee.quality.drift import Column, Drift
from marquee.quality.live import Gap
from marquee.quality.timeline import add, looks
from marquee.serve.worker import shipped_params
from marquee.tables import EVENTS, WHEN

PARAMS = LoopParams(
    collect_cron="* * * * *",
    retrain_cron="0 3 * * *",
    monitor_cron="0 * * * *",
    collect_for_s=50.0,
    follow_s=30.0,
    keep_shown_months=13,
    days=7.0,
    within_h=48.0,
    shown=500,
    worse=0.2,
    lost=0.1,
    drifted=2,
    retrain_rest_h=6.0,
    roll_back_rest_h=24.0,
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
NEVER = Last(None, None)
CALM = Found("2", "1", Drift((), "", None), pl.DataFrame(), Gap(of=0.10, gap=0.0, low=-0.01, high=0.01))
WORSE = replace(CALM, gap=Gap(of=0.10, gap=-0.05, low=-0.07, high=-0.03))


def moved(*names: str) -> Drift:
    return Drift(tuple(Column(name, "wasserstein", 900, 900, 0.9, 0.25, 0.0, drifted=True) for name in names), "", None)


def test_where_all_is_calm_nothing_is_done() -> None:
    assert decide(CALM, NEVER, NOW, PARAMS).act is Act.NOTHING
    assert decide(replace(CALM, drift=None, gap=None, previous=None), NEVER, NOW, PARAMS).act is Act.NOTHING


def test_what_was_shown_too_lately_to_be_taken_says_nothing_of_a_version(tmp_path: Path) -> None:
    """Both are taken alike, a day and a half after they were shown; the champion's last day has not come to that."""
    url, rows = f"sqlite:///{tmp_path}/mlflow.db", []
    save_model(tmp_path / "model", Contents({}, {"params.yaml": "seed: 1\n"}, {}, {}))
    for version in ("1", "2"):
        registry.register(url, tmp_path / "model")
        registry.promote(url, version, "Ada", "", NOW)
    for version, hours in (("1", range(80, 120)), ("2", (*range(50, 80), *range(24)))):
        for hour in hours:
            for viewer in range(50):
                about = {"user_id": viewer, "title_id": 1_000 * int(version) + hour}
                detail = json.dumps({"model": version, "rank": 1})
                shown_at = NOW - timedelta(hours=hour)
                rows.append({**about, "kind": "shown", "happened_at": shown_at, "detail": detail})
                if viewer % 5 == hour % 5 and hour > 36:
                    taken_at = shown_at + timedelta(hours=36)
                    rows.append({**about, "kind": "watch_finished", "happened_at": taken_at, "detail": None})
    events = EVENTS.complete(pl.DataFrame(rows).with_columns(pl.col("happened_at").cast(WHEN)))
    params = shipped_params().model_copy(update={"loop": PARAMS})
    found = find(events.lazy(), url, params, NOW)
    assert found is not None
    assert found.gap is not None
    assert abs(found.gap.gap) < 0.01
    assert decide(found, NEVER, NOW, PARAMS).act is Act.NOTHING


def test_a_retraining_that_came_to_nothing_rests_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/mlflow.db"
    assert last_acts(url, tmp_path) == NEVER
    add(look(CALM, Decision(Act.RETRAIN, "moved"), None, True, NOW), tmp_path)
    add(look(CALM, Decision(Act.RETRAIN, "moved"), None, False, NOW + timedelta(hours=1)), tmp_path)
    add(look(CALM, Decision(Act.NOTHING, "calm"), None, True, NOW + timedelta(hours=2)), tmp_path)
    assert last_acts(url, tmp_path) == Last(NOW, None)


def test_a_champion_that_is_taken_less_beyond_noise_and_margin_goes_at_once() -> None:
    told = decide(replace(WORSE, drift=moved("a", "b")), NEVER, NOW, PARAMS)
    assert told.act is Act.ROLL_BACK
    assert told.why == "version 2 is taken less than 1: -5.00% to 10.00% (-7.00% to -3.00%)"


@pytest.mark.parametrize(
    "gap",
    [
        Gap(of=0.10, gap=-0.05, low=-0.11, high=0.01),  # may be noise
        Gap(of=0.10, gap=-0.01, low=-0.015, high=-0.005),  # beyond noise, but a tenth only
        Gap(of=0.10, gap=0.05, low=0.03, high=0.07),
    ],
)
def test_a_small_or_doubtful_loss_is_borne(gap: Gap) -> None:
    assert decide(replace(CALM, gap=gap), NEVER, NOW, PARAMS).act is Act.NOTHING


def test_a_world_that_moved_is_learnt_anew() -> None:
    told = decide(replace(CALM, drift=moved("events: kind", "ratings: rating")), NEVER, NOW, PARAMS)
    assert told == replace(told, act=Act.RETRAIN, why="2 columns drifted: events: kind, ratings: rating")
    only = decide(replace(CALM, drift=moved("events: kind")), NEVER, NOW, PARAMS)
    assert (only.act, only.why) == (Act.NOTHING, "only events: kind drifted")


@pytest.mark.parametrize(
    ("found", "act", "rest_h"),
    [(WORSE, Act.ROLL_BACK, 24), (replace(CALM, drift=moved("a", "b")), Act.RETRAIN, 6)],
)
def test_nothing_is_done_twice_within_its_rest(found: Found, act: Act, rest_h: float) -> None:
    early, late = (NOW - timedelta(hours=rest_h) + timedelta(minutes=minutes) for minutes in (1, -1))
    resting = decide(found, Last(early, early), NOW, PARAMS)
    assert resting.act is Act.NOTHING
    assert resting.why.startswith(f"{act} would follow")
    assert decide(found, Last(late, late), NOW, PARAMS).act is act


def test_what_was_found_and_decided_is_noted_for_whoever_looks_back(tmp_path: Path) -> None:
    found = replace(WORSE, drift=moved("a", "b"))
    add(look(found, decide(found, NEVER, NOW, PARAMS), tmp_path / "drift.html", may_act=True, at=NOW), tmp_path)
    add(
        look(replace(CALM, drift=None, gap=None), decide(CALM, NEVER, NOW, PARAMS), None, may_act=False, at=NOW),
        tmp_path,
    )
    calm, worse = looks(tmp_path, 9)
    assert (worse.act, worse.champion, worse.acted, worse.page) == ("roll back", "2", True, f"{tmp_path}/drift.html")
    assert [column.name for column in worse.columns if column.drifted] == ["a", "b"]
    assert worse.taken == "-5.00% to 10.00% (-7.00% to -3.00%)"
    assert (calm.act, calm.columns, calm.taken, calm.acted, calm.page) == ("nothing", (), None, False, None)
