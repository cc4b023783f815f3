"""Evaluate: one table that says how good lists are, each source beside the hybrid, overall and by segment.

One row a cut, segment, list and metric: `value` is the mean over the segment's viewers, `gap` how far the hybrid is
above it, `low` and `high` the paired bootstrap's 95 % interval of that gap. To add a segment: a line in `_segments`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import scipy.sparse as sp

from marquee.errors import TableError
from marquee.model.histories import Ints, Mask
from marquee.model.split import Cut
from marquee.model.titles import Titles
from marquee.params import EvaluateParams
from marquee.quality import metrics
from marquee.quality.bootstrap import intervals, mean_of_known
from marquee.quality.metrics import Asked, Doubles, Shown

HYBRID = "hybrid"
ALL = "all viewers"
COVERAGE = "coverage@10"  # of a segment as a whole, not of a viewer: it has no interval
TABLE = {
    "cut": pl.String(),
    "segment": pl.String(),
    "viewers": pl.Int64(),
    "list": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
    "gap": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
}

Scores = Mapping[str, Doubles]  # of each metric, one number a viewer


def evaluate(cut: Cut, lists: Mapping[str, pl.DataFrame], titles: Titles, params: EvaluateParams) -> pl.DataFrame:
    """The table of one cut.

    `lists` has the HYBRID's and each source's, made from `cut.histories` for every viewer of `cut.test`, also for those
    without a history; `titles` are all there are. The segment ALL is, as for any judge, everybody with a past.
    """
    if HYBRID not in lists:
        raise TableError(f"{cut.name}: there are lists of {', '.join(lists)}, none of {HYBRID} to hold them against")
    past = _Past.of(cut, titles, params)
    measured = {name: _Measured.of(name, lists[name], past) for name in sorted(lists, key=lambda name: name != HYBRID)}
    rows = [_of_segment(segment, measured, len(titles), params) for segment in _segments(past, params)]
    return pl.concat(rows).with_columns(cut=pl.lit(cut.name)).select(*TABLE).cast(pl.Schema(TABLE))


@dataclass(frozen=True, eq=False)
class _Past:
    """What lists are held against."""

    asked: Asked
    counts: Ints  # how much each viewer had done
    unknown: Mask  # viewers that the model was not trained on
    refused: Ints  # keys of what is not to be shown again, rising
    taste: Doubles  # viewers x genres
    rarely_rated: Mask  # titles
    surprise: Doubles  # titles
    popular: Doubles  # titles
    genres: sp.csr_array

    @classmethod
    def of(cls, cut: Cut, titles: Titles, params: EvaluateParams) -> "_Past":
        asked = Asked.of(cut.test, titles.ids)
        user, title, known = metrics.pairs_of(cut.histories, asked, "histories")
        label, hides = (cut.histories[name].to_numpy()[known] for name in ("label", "hides"))
        liked = sp.csr_array((label > 0, (user, title)), shape=(len(asked.user_ids), len(titles)), dtype=np.float64)
        trained = np.unique(cut.train["user_id"].to_numpy().astype(np.int64))
        rated = np.bincount(metrics.row_numbers(cut.train["title_id"], titles.ids, "train"), minlength=len(titles))
        return cls(
            asked=asked,
            counts=np.bincount(user, minlength=len(asked.user_ids)),
            unknown=~np.isin(asked.user_ids, trained),
            refused=np.sort(asked.keys(user, title)[hides]),
            taste=metrics.genre_mix(liked, titles.genres),
            rarely_rated=rated < params.new_title,
            surprise=metrics.surprise(rated, len(trained)),
            popular=metrics.most_rated(rated, params.popular),
            genres=titles.genres,
        )


@dataclass(frozen=True, eq=False)
class _Measured:
    """One source's or the hybrid's lists."""

    top: Shown
    wanting: Mapping[str, Scores]  # by what is wanted: any title, new ones, old ones

    @classmethod
    def of(cls, name: str, frame: pl.DataFrame, past: _Past) -> "_Measured":
        lists = metrics.shown(frame, past.asked)
        _refuse_the_seen(name, lists, past)
        top = lists.top(10)
        shape = {
            "diversity@10": metrics.diversity(top, past.genres),
            "novelty@10": metrics.mean_shown(top, past.surprise),
            "popular@10": metrics.mean_shown(top, past.popular),
            "miscalibration@10": metrics.miscalibration(
                metrics.genre_mix(top.matrix(past.genres.shape[0]), past.genres), past.taste
            ),
            "unanswered": (lists.counts == 0).astype(np.float64),
        }
        wanted = metrics.wanted(lists, past.asked)
        return cls(top, {what: metrics.accuracy(wanted, asked) | shape for what, asked in _wanting(past).items()})


def _wanting(past: _Past) -> Mapping[str, Asked]:
    return {"any": past.asked, "new": past.asked.only(past.rarely_rated), "old": past.asked.only(~past.rarely_rated)}


def _refuse_the_seen(name: str, lists: Shown, past: _Past) -> None:
    _, seen = metrics.found_in(past.asked.keys(lists.user, lists.title), past.refused)
    if seen.any():
        user_id = past.asked.user_ids[lists.user[seen][0]]
        title_id = past.asked.title_ids[lists.title[seen][0]]
        raise TableError(
            f"lists of {name}: viewer {user_id} is shown title {title_id}, which was seen or refused before"
        )


@dataclass(frozen=True, eq=False)
class _Segment:
    name: str
    viewers: Mask
    wanting: str


def _segments(past: _Past, params: EvaluateParams) -> Iterator[_Segment]:
    """Those that hold anybody; strangers only where not everybody is one."""
    known = past.counts > 0
    light, heavy = past.counts < params.light, past.counts >= params.heavy
    new, old = (_wanting(past)[what].counts > 0 for what in ("new", "old"))
    every = [
        _Segment(ALL, known, "any"),
        _Segment("light viewers", known & light, "any"),
        _Segment("medium viewers", known & ~light & ~heavy, "any"),
        _Segment("heavy viewers", heavy, "any"),
        _Segment("old titles", known & old, "old"),
        _Segment("new titles", known & new, "new"),
        _Segment("strangers", past.unknown, "any"),
    ]
    yield from (s for s in every if s.viewers.any() and not (s.name == "strangers" and s.viewers.all()))


def _of_segment(segment: _Segment, lists: Mapping[str, _Measured], titles: int, params: EvaluateParams) -> pl.DataFrame:
    """The hybrid's rows first, then each source's."""
    scores = np.stack([_columns(one.wanting[segment.wanting], segment.viewers) for one in lists.values()])
    covered = np.array([metrics.coverage(one.top.of(segment.viewers), titles) for one in lists.values()])
    gaps = scores[:1] - scores[1:]
    low, high = intervals(np.concatenate(list(gaps), axis=1), params.draws, params.seed)
    names = [*lists[HYBRID].wanting[segment.wanting], COVERAGE]
    rows = {
        "segment": segment.name,
        "viewers": int(segment.viewers.sum()),
        "list": np.repeat(list(lists), len(names)),
        "metric": names * len(lists),
        "value": np.column_stack([mean_of_known(scores, axis=1), covered]).ravel(),
        "gap": _beside_hybrid(mean_of_known(gaps, axis=1)),
        "low": _beside_hybrid(low.reshape(len(gaps), -1)),
        "high": _beside_hybrid(high.reshape(len(gaps), -1)),
    }
    return pl.DataFrame(rows).with_columns(pl.col("value", "gap", "low", "high").fill_nan(None))


def _columns(scores: Scores, viewers: Mask) -> Doubles:
    return np.stack([of_viewers[viewers] for of_viewers in scores.values()], axis=1)


def _beside_hybrid(of_sources: Doubles) -> Doubles:
    """Not known for the hybrid itself, which comes first, nor for coverage, which comes last."""
    return np.pad(of_sources, ((1, 0), (0, 1)), constant_values=np.nan).ravel()
