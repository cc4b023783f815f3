"""The reference: what the days were like when a model was trained, kept beside its version; the last days are held
against it. Like is held against like: lists as the service makes them, for viewers who came last before the training.
"""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl

from marquee.model.folder import load_model
from marquee.model.listing import Wish, listed
from marquee.model.profiles import DAY_MS
from marquee.model.recommender import Recommender, restored
from marquee.model.sources.als import Als
from marquee.params import Params
from marquee.quality.drift import Seen, some_of
from marquee.quality.live import labels, taken
from marquee.stages.saving import save_frame
from marquee.tables import EVENTS, WHEN

SHELF = "top_picks"  # the only lists that are the ranker's
_VIEWERS = 300  # whose lists are made
_SHOWN = 10
_DIRECTIONS = 4  # of the embedding of titles that are watched over
_NO_RATINGS = pl.DataFrame(
    schema={"user_id": pl.Int64(), "title_id": pl.Int64(), "rating": pl.Float64(), "rated_at": WHEN}
)


def save_reference(params: Params, into: Path, folder: Path) -> None:
    """Of the model and the snapshot that lie in `into`."""
    model, is_deed = restored(load_model(into / "model")), pl.col("kind") != "shown"
    recorded = _snapshot(into)
    last: Any = recorded.filter(is_deed).select(pl.col("happened_at").max()).collect().item()
    begun = None if last is None else last - timedelta(days=params.loop.days)
    window = recorded if begun is None else recorded.filter(pl.col("happened_at") > begun)
    shown, rows = _lists(model)
    events = pl.concat([some_of(window.filter(is_deed), params.drift.rows), shown]).sort("position")
    save_frame(events, folder / "events.parquet")
    save_frame(rows, folder / "rows.parquet")
    save_frame(labels(taken(light(window), timedelta(hours=params.loop.within_h))), folder / "labels.parquet")
    trained, first = pl.DataFrame({"user_id": model.histories.user_ids}), model.histories.first_at
    save_frame(trained, folder / "trained.parquet")
    save_frame(
        trained if begun is None else trained.filter(first <= begun.timestamp() * 1000), folder / "known.parquet"
    )
    save_frame(_fame_of(model), folder / "fame.parquet")


def light(events: pl.LazyFrame) -> pl.DataFrame:
    """What live quality looks at; features weigh most of what was shown."""
    detail = pl.col("detail").str
    told = pl.struct(model=detail.json_path_match("$.model"), rank=detail.json_path_match("$.rank"))
    columns = ["user_id", "title_id", "kind", "happened_at"]
    return events.select(*columns, detail=told.struct.json_encode()).collect(engine="streaming")


def then(folder: Path) -> Seen:
    events = pl.read_parquet(folder / "events.parquet")
    known = pl.read_parquet(folder / "known.parquet")["user_id"]
    rows, labelled = (pl.read_parquet(folder / f"{name}.parquet") for name in ("rows", "labels"))
    return Seen(events, ratings_in(events), rows, labelled, known)


def now(events: pl.LazyFrame, told: pl.DataFrame, version: str, folder: Path, rows: int) -> Seen:
    """Of the last days: what was done by anybody, what this version has shown among its top picks, and what came of all
    that was shown (`told`, see live.py).
    """
    is_shown, detail = pl.col("kind") == "shown", pl.col("detail")
    own = (detail.str.json_path_match("$.model") == version) & (detail.str.json_path_match("$.shelf") == SHELF)
    shown = some_of(events.filter(is_shown & own), rows)
    some = pl.concat([some_of(events.filter(~is_shown), rows), shown]).sort("position")
    names = pl.read_parquet_schema(folder / "rows.parquet")
    known = pl.read_parquet(folder / "trained.parquet")["user_id"]
    return Seen(some, ratings_in(some), _features(shown, list(names)), labels(told), known)


def fame(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "fame.parquet")


def ratings_in(events: pl.DataFrame) -> pl.DataFrame:
    """What was rated, as the events tell it: the source's own ratings know days, not hours."""
    rated = events.filter(pl.col("kind") == "rated").drop_nulls("value")
    told = rated.select("user_id", "title_id", rating="value", rated_at="happened_at")
    return pl.concat([_NO_RATINGS, told.cast(_NO_RATINGS.schema)])


def _fame_of(model: Recommender) -> pl.DataFrame:
    """title_id, share, and where a title lies along the directions in which learnt titles differ most."""
    als = cast("Als", model.retriever.fitted["als"])
    factors = als.title_factors.astype(np.float64)
    directions = np.linalg.svd(factors - factors.mean(axis=0), full_matrices=False)[2][:_DIRECTIONS]
    places = {f"direction {number}": factors @ of for number, of in enumerate(directions, 1)}
    share = np.power(10.0, model.retriever.profiles.share.astype(np.float64))
    return pl.DataFrame({"title_id": model.titles.ids, "share": share, **places})


def _snapshot(into: Path) -> pl.LazyFrame:
    partitions = sorted((into / "snapshot").glob("*.parquet"))
    return pl.scan_parquet(partitions) if partitions else pl.LazyFrame(schema=dict(EVENTS.columns))


def _lists(model: Recommender) -> tuple[pl.DataFrame, pl.DataFrame]:
    """As `shown` events, and their features with the score."""
    events, rows, diversity = [], [], model.params.arrange.diversity
    for number, (user, moment) in enumerate(_came_last(model)):
        wish = Wish(_SHOWN, moment, (), diversity, number)
        made = listed(model, model.histories.of(np.array([user])), wish, model.usual_shop)
        has_score = ~np.isnan(made.score)
        rows.append(np.column_stack([made.features, made.score])[has_score])
        for rank in np.flatnonzero(has_score):
            told = {"rank": int(rank) + 1, "score": float(made.score[rank])}
            events.append(
                {
                    "user_id": int(model.histories.user_ids[user]),
                    "title_id": int(model.titles.ids[made.title[rank]]),
                    "detail": json.dumps(told),
                }
            )
    at = pl.lit(model.retriever.profiles.until).cast(WHEN)
    own = {"kind": pl.lit("shown"), "source": pl.lit("reference"), "event_id": pl.lit("")}
    frame = pl.DataFrame(events, {"user_id": pl.Int64, "title_id": pl.Int64, "detail": pl.String})
    shown = frame.with_columns(**own, happened_at=at, recorded_at=at, position=pl.lit(0, pl.Int64))
    names = [*model.feature_names, "score"]
    table = np.concatenate([np.empty((0, len(names)), np.float32), *rows])
    return EVENTS.complete(shown), pl.DataFrame(table, names)


def _came_last(model: Recommender) -> Iterator[tuple[int, int]]:
    """Viewers and the moment at which they would have asked."""
    last = model.histories.last_at
    for user in np.argsort(-last, kind="stable")[:_VIEWERS]:
        yield int(user), min(int(last[user]) + DAY_MS, model.retriever.profiles.until)


def _features(shown: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Of what was shown by a ranker; anybody may have sent the event, so what makes no sense is left out."""
    packed, score = (shown["detail"].str.json_path_match(f"$.{name}") for name in ("features", "score"))
    told = (_row(text, of) for text, of in zip(packed, score, strict=True) if text is not None and of is not None)
    rows = [row for row in told if len(row) == len(names)]
    return pl.DataFrame(np.array(rows, np.float32).reshape(-1, len(names)), names)


def _row(packed: str, score: str) -> list[float]:
    try:
        return [*np.frombuffer(base64.b64decode(packed), "<f2").astype(float).tolist(), float(score)]
    except ValueError:
        return []
