"""Interactions: ratings and events become one row a viewer and title, by the table of signals in params.yaml.

What a viewer did several times counts as done last; a title that they have seen as of when they last saw or judged it,
whatever they looked at since. Of statements that contradict one another the latest stands, the
earlier are as if never made: a rating is another rating's, a thumb down a thumb up's, finishing an abandonment's. What
is left adds up to the strongest word for the title plus the strongest against it. Another kind of event is one line in
the signals, and one in SUBJECTS if something can contradict it.
"""

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from marquee.params import SignalParams, SignalsParams, StarParams
from marquee.tables import EVENTS

MIDDLE = 3.0  # the star that says neither more nor less than having rated

# Kinds of one subject contradict one another when one speaks for the title and the other against it.
SUBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "liked": "opinion",
        "disliked": "opinion",
        "not_interested": "opinion",
        "watch_finished": "outcome",
        "rewatched": "outcome",
        "abandoned": "outcome",
    }
)
_PAIR = ("user_id", "title_id")


def interactions(
    ratings: pl.LazyFrame | None, events: pl.LazyFrame | None, signals: SignalsParams, star: StarParams
) -> pl.LazyFrame:
    """The table of interactions; the same for training and for what one viewer did until now."""
    if ratings is not None and events is None:
        return _of_ratings(ratings, signals.rated, star)
    told = _NOTHING if events is None else events
    if ratings is None:
        return _of_statements(_statements(told), signals, star)
    # Ratings are one a pair and in order: only viewers of whom there are events too need to be put together.
    wide = ratings.cast({"user_id": EVENTS.columns["user_id"], "title_id": EVENTS.columns["title_id"]})
    both = wide.join(told, on="user_id", how="semi")
    only = wide.join(told, on="user_id", how="anti", maintain_order="left")
    mixed = pl.concat([_statements(_rated(both)), _statements(told)])
    return _of_ratings(only, signals.rated, star).merge_sorted(_of_statements(mixed, signals, star), key="user_id")


def before_events(
    ratings: pl.LazyFrame, events: pl.LazyFrame | None, signals: SignalsParams, star: StarParams
) -> pl.LazyFrame:
    """Of every viewer with events, the rows of their ratings alone; of one without ratings, a row that says nothing."""
    viewers = (_NOTHING if events is None else events).select("user_id").unique()
    wide = ratings.cast({"user_id": EVENTS.columns["user_id"], "title_id": EVENTS.columns["title_id"]})
    rated = _of_ratings(wide, signals.rated, star)
    both = viewers.join(rated, on="user_id", how="left", maintain_order="left_right")
    return both.sort("user_id", "at", maintain_order=True)


_NOTHING = pl.LazyFrame(schema=dict(EVENTS.columns))


def _of_ratings(ratings: pl.LazyFrame, rated: SignalParams, star: StarParams) -> pl.LazyFrame:
    return ratings.select(
        *_PAIR,
        strength=_graded(pl.col("rating"), rated.strength, star.strength),
        rating="rating",
        label=_graded(pl.col("rating"), rated.label, star.label).clip(0),
        hides=pl.lit(rated.hides),
        at="rated_at",
        known_at="rated_at",
    )


def _graded(rating: pl.Expr, middle: float, step: float) -> pl.Expr:
    return (middle + step * (rating - MIDDLE)).cast(pl.Float32)


def _rated(ratings: pl.LazyFrame) -> pl.LazyFrame:
    """Ratings as events."""
    return ratings.select(*_PAIR, kind=pl.lit("rated"), value="rating", happened_at="rated_at", recorded_at="rated_at")


def _statements(events: pl.LazyFrame) -> pl.LazyFrame:
    return events.select(*_PAIR, "kind", pl.col("value").cast(pl.Float32), "happened_at", "recorded_at")


def _of_statements(statements: pl.LazyFrame, signals: SignalsParams, star: StarParams) -> pl.LazyFrame:
    sign = pl.col("strength").sign()
    latest = pl.struct(sign=sign, rating="rating").last().over(*_PAIR, "subject")
    stands = (sign == latest.struct["sign"]) & pl.col("rating").eq_missing(latest.struct["rating"])
    in_time = _weighed(statements, signals, star).sort("happened_at", maintain_order=True).with_row_index("place")
    combined = (
        in_time.filter(stands)
        .group_by(_PAIR)
        .agg(
            strength=pl.col("strength").max().clip(0) + pl.col("strength").min().clip(None, 0),
            rating=pl.col("rating").max(),
            label=pl.col("label").max(),
            hides=pl.col("hides").any(),
            at=_latest("happened_at"),
            known_at=pl.col("recorded_at").max(),
            place=_latest("place"),
        )
    )
    # What happened at the same moment stays in the order in which it was told.
    return combined.sort("user_id", "place").drop("place")


def _latest(column: str) -> pl.Expr:
    """Of what hides the title, if anything does: looking at a page again is no new word about what was seen."""
    return pl.coalesce(pl.col(column).filter("hides").max(), pl.col(column).max())


def _weighed(statements: pl.LazyFrame, signals: SignalsParams, star: StarParams) -> pl.LazyFrame:
    """Each statement with what its kind says; those whose kind says nothing are left out."""
    rating = pl.when(pl.col("kind") == "rated").then("value")
    stars = (rating - MIDDLE).fill_null(0)
    told = statements.join(_meanings(signals), on="kind", maintain_order="left")
    return told.filter(pl.col("title_id").is_not_null()).with_columns(
        rating=rating,
        strength=pl.col("strength") + stars * star.strength,
        label=(pl.col("label") + stars * star.label).clip(0),
    )


def _meanings(signals: SignalsParams) -> pl.LazyFrame:
    """The table of signals, without those that leave no trace."""
    said = [(kind, signal) for kind, signal in signals if signal.strength or signal.hides]
    return pl.LazyFrame(
        {
            "kind": [kind for kind, _ in said],
            "subject": [SUBJECTS.get(kind, kind) for kind, _ in said],
            "strength": pl.Series([signal.strength for _, signal in said], dtype=pl.Float32),
            "label": pl.Series([signal.label for _, signal in said], dtype=pl.Float32),
            "hides": [signal.hides for _, signal in said],
        }
    )
