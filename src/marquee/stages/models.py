"""The stages that make and measure models: the same recipe on each cut of the past, and on everything.

A model's parts lie in one folder a cut, in the format of model folders: sources in retrieved/, boosters in ranked/,
stars in stars/. `recommender` puts those of everything together.
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl

from marquee.errors import SourceError
from marquee.model.asked import histories_for, lists, lists_of_sources, rows_of_pairs
from marquee.model.attributes import NOBODY, regions_of
from marquee.model.folder import Contents, load_model, save_model, sha256_of
from marquee.model.histories import Histories, Mask, histories_of
from marquee.model.live import histories_before
from marquee.model.ranker import Ranker, Rows, fit_rankers
from marquee.model.recommender import Lister, Recommender
from marquee.model.retrieval import Retrieved, restored_retriever
from marquee.model.retrieval import retrieve as retrieve_from
from marquee.model.search import fit_index
from marquee.model.split import FOLDS, SAME_PAST, TESTED, Cut, cut, some_of, some_viewers
from marquee.model.stars import Stars, fit_stars, measured
from marquee.model.titles import Titles, titles_of
from marquee.params import Params
from marquee.params.quality import CutName
from marquee.quality import plots, report
from marquee.quality.evaluate import HYBRID
from marquee.quality.evaluate import evaluate as evaluate_cut
from marquee.quality.report import DECIDES
from marquee.stages.measured import save_measured
from marquee.stages.saving import Cost, save_csv, save_frame, save_metrics, save_text
from marquee.stages.tables import probe

EVERYTHING = "everything"
K = 100  # the longest list that a metric looks at
_PARTS = ("train", "histories", "test")
# Rows up to which two pasts are learnt from side by side: two of 17,770 titles with their squares need 15 GB,
_TWO_LEARNT = 2_000_000
_TWO_ASKED = 15_000_000  # two that are only asked, or that stars are learnt from, 7


def split(params: Params, into: Path) -> Mapping[str, object]:
    """What counts as the past of viewers that are learnt from, by each protocol; one that asks nobody is left out."""
    cost, table, asked = Cost(), _drawn(into / "tables" / "interactions.parquet", params), params.evaluate
    counts: dict[str, Mapping[str, int]] = {}
    for name in asked.cuts:
        parts = some_of(cut(table, name, asked.seed), asked.viewers, asked.seed)
        if not parts.is_asked:
            continue
        for part in _PARTS:
            save_frame(getattr(parts, part), into / "cuts" / name / f"{part}.parquet")
        counts[name] = {part: getattr(parts, part).height for part in _PARTS}
    return save_metrics(counts, cost, into / "metrics" / "split.json")


def retrieve(params: Params, into: Path) -> Mapping[str, object]:
    """Sources fitted on each past, and the rows that its ranker learns from."""
    cost, titles = Cost(), _titles(into)

    def counted(name: str) -> Mapping[str, int]:
        found = _retrieved(name, params, into, titles)
        save_model(into / "retrieved" / name, _contents_of(found))
        wanted = int(np.count_nonzero(found.rows.labels > 0))
        return {"rows": len(found.rows.labels), "wanted": wanted, "requests": len(found.rows.counts)}

    names = (*_pasts(into), EVERYTHING)
    with ThreadPoolExecutor(_at_once(params, into, _TWO_LEARNT)) as pool:
        counts = dict(zip(names, pool.map(counted, names), strict=True))
    return save_metrics(counts, cost, into / "metrics" / "retrieve.json")


def _at_once(params: Params, into: Path, rows: int) -> int:
    """Two pasts side by side, where as many rows as are learnt from leave memory for both."""
    counts = _scan(into / "tables" / "interactions.parquet").select(pl.len(), pl.col("user_id").n_unique())
    all_rows, viewers = counts.collect().row(0)
    learnt = all_rows * min(params.viewers / max(viewers, 1), 1)
    return 2 if params.engine == "here" and learnt <= rows else 1


def _retrieved(name: str, params: Params, into: Path, titles: Titles) -> Retrieved:
    if params.engine == "here":
        return retrieve_from(_past(name, params, into, titles), titles, params, params.seed)
    from marquee.spark.teaching import retrieve as retrieve_on_cluster  # noqa: PLC0415 - a dependency group of its own

    return retrieve_on_cluster(_table_of(name, into), titles, params, into)


def rank(params: Params, into: Path) -> Mapping[str, object]:
    """A ranker for each past."""
    cost, counts = Cost(), {}
    names = (*_pasts(into), EVERYTHING)
    taught = [_rows(into / "retrieved" / name) for name in names]
    for name, ranker in zip(names, fit_rankers(taught, params.ranker, params.seed), strict=True):
        texts = {f"ranker_{number}.txt": text for number, text in enumerate(ranker.texts)}
        save_model(into / "ranked" / name, Contents({}, texts, {}, {}))
        counts[name] = {"features": len(ranker.names), "boosters": len(ranker.texts)}
    return save_metrics(counts, cost, into / "metrics" / "rank.json")


def stars(params: Params, into: Path) -> Mapping[str, object]:
    """The stars of everything, and how far stars are from what was given: later, in random folds, on the probe."""
    cost, titles = Cost(), _titles(into)
    everything, n = _told_stars(params, into, titles), len(titles)
    asked = _asked_of_stars(everything, titles, params, into)

    def measured_on(rows: Sequence[Mask]) -> tuple[Mapping[str, object], pl.DataFrame]:
        told = list(measured.answers(everything, rows, n, params.stars, params.seed))
        points = plots.star_calibration(*measured.said(told, measured.BLEND))
        segments = measured.by_segment(told, params.evaluate)
        return _as_metrics(measured.errors(told)) | {f"{measured.BLEND} of segments": _as_metrics(segments)}, points

    with ThreadPoolExecutor(_at_once(params, into, _TWO_ASKED)) as pool:
        fitting = pool.submit(fit_stars, everything, n, params.stars, params.seed)
        found = dict(zip(asked, pool.map(measured_on, asked.values()), strict=True))
        fitted = fitting.result()
    save_model(into / "stars", Contents({"stars": fitted.arrays()}, {"stars.txt": fitted.text}, {}, {}))
    points = [of_rows.with_columns(asked=pl.lit(name)) for name, (_, of_rows) in found.items()]
    save_csv(pl.concat(points), into / "plots" / "stars.csv")
    errors = {name: of_rows for name, (of_rows, _) in found.items()}
    return save_metrics(errors, cost, into / "metrics" / "stars.json")


def _as_metrics(errors: Mapping[str, measured.Error]) -> dict[str, object]:
    return {name: asdict(error) for name, error in errors.items()}


def _told_stars(params: Params, into: Path, titles: Titles) -> Histories:
    if params.engine == "here":
        return _past(EVERYTHING, params, into, titles)
    from marquee.spark.teaching import some_histories  # noqa: PLC0415 - a dependency group of its own

    return some_histories(_table_of(EVERYTHING, into), titles, params, into)


def _asked_of_stars(everything: Histories, titles: Titles, params: Params, into: Path) -> Mapping[str, Sequence[Mask]]:
    """Sets of rows; the stars of each are told by a model that saw the others."""
    asked = {
        "by_time": measured.late_rows(everything, TESTED),
        "random_folds": measured.fold_rows(everything, FOLDS, params.seed)[: params.evaluate.folds],
    }
    pairs = probe(params, into)
    if pairs is not None:
        asked["probe"] = [rows_of_pairs(everything, titles, pairs)]
    return {name: rows for name, rows in asked.items() if np.any(rows)}


def evaluate(params: Params, into: Path) -> Mapping[str, object]:
    """Lists of the hybrid and of every source on each cut: the table, the report and the plots."""
    cost, titles, cuts = Cost(), _titles(into), _cuts(into)
    if not cuts:
        raise SourceError(
            f"{into / 'cuts'}: nobody's answers can be held against what they had done before; bring more ratings, or "
            "more cuts with evaluate.cuts in params.yaml"
        )
    with ThreadPoolExecutor(_at_once(params, into, _TWO_ASKED)) as pool:
        told = list(pool.map(lambda name: _evaluated(name, params, into, titles), cuts))
    table, recalls, genres = (pl.concat(parts) for parts in zip(*told, strict=True))
    save_text(report.markdown(table, params.evaluate), into / "reports" / "evaluation.md")
    save_csv(report.whole(table), into / "reports" / report.WHOLE)
    save_csv(recalls, into / "plots" / "recall.csv")
    save_csv(genres, into / "plots" / "genres.csv")
    save_csv(plots.segment_bars(table), into / "plots" / "segments.csv")
    return save_metrics(report.metrics_of(table), cost, into / "metrics" / "evaluate.json")


def _evaluated(
    name: str, params: Params, into: Path, titles: Titles
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The table of one cut, and of its plots what was gathered and the genres."""
    past, lister = cut_of(name, into), _lister(name, params, into, titles)
    told = _lists(past, lister, titles)
    if name == DECIDES:
        save_measured(lister, told, into)
    alone = {source: frame for source, frame in told.items() if source != HYBRID}
    recall = plots.gather_recall(past, alone, titles).with_columns(cut=pl.lit(name))
    genres = plots.genre_shares(past, told[HYBRID], titles).with_columns(cut=pl.lit(name))
    return evaluate_cut(past, told, titles, params.evaluate), recall, genres


def recommender(params: Params, into: Path) -> Mapping[str, object]:
    """The model folder, of the parts that were fitted on everything."""
    cost, titles = Cost(), _titles(into)
    whole = _recommender(params, into, titles)
    tables = ("titles", "interactions")
    trained_on = {name: _hash_of(into / "tables" / f"{name}.parquet") for name in tables}
    fingerprint = save_model(into / "model", whole.contents({"trained_on": trained_on}))
    told = {"fingerprint": fingerprint, "viewers": len(whole.histories), "titles": len(titles)}
    return save_metrics(told, cost, into / "metrics" / "recommender.json")


def _hash_of(table: Path) -> str:
    """Of a table in parts, of the hashes of its parts."""
    if table.is_file():
        return sha256_of(table)
    return hashlib.sha256("".join(map(sha256_of, sorted(table.iterdir()))).encode()).hexdigest()


def _lists(past: Cut, lister: Lister, titles: Titles) -> Mapping[str, pl.DataFrame]:
    """What everybody who is tested on would have been shown, from what they had done when they asked."""
    known = histories_of(past.histories, titles.ids)
    asked, _ = histories_for(known, past.test["user_id"].unique().sort().cast(pl.Int64).to_numpy())
    return {HYBRID: lists(lister, asked, K), **lists_of_sources(lister, asked, K)}


def _lister(name: str, params: Params, into: Path, titles: Titles) -> Lister:
    past = _past_of(name, into)
    retrieved = load_model(into / "retrieved" / past).arrays
    retriever = restored_retriever(retrieved, titles, params.sources)
    texts = load_model(into / "ranked" / past).texts
    ranker = Ranker(retriever.feature_names, tuple(texts[name] for name in sorted(texts)))
    return Lister(params, _past(name, params, into, titles), retriever, ranker)


def _recommender(params: Params, into: Path, titles: Titles) -> Recommender:
    of, told = _lister(EVERYTHING, params, into, titles), load_model(into / "stars")
    known_stars = Stars.restored(told.arrays["stars"], told.texts["stars.txt"])
    index = fit_index(titles, of.retriever.profiles.share, params.search)
    before_events = histories_before(_read(into / "tables" / "before_events.parquet"), titles.ids)
    histories = histories_of(_read(_table_of(EVERYTHING, into)), titles.ids)
    regions = regions_of(NOBODY, titles)
    return Recommender(params, histories, of.retriever, of.ranker, known_stars, regions, index, before_events)


def _contents_of(found: Retrieved) -> Contents:
    rows = {
        "names": np.array(found.rows.names),
        "features": found.rows.features,
        "labels": found.rows.labels,
        "counts": found.rows.counts,
    }
    return Contents({**found.retriever.parts(), "rows": rows}, {}, {}, {})


def _rows(folder: Path) -> Rows:
    rows = load_model(folder).arrays["rows"]
    names = tuple(str(name) for name in rows["names"])
    return Rows(names, np.asarray(rows["features"]), np.asarray(rows["labels"]), np.asarray(rows["counts"]))


def _titles(into: Path) -> Titles:
    """All there are: in the table of titles or in anybody's interactions."""
    rated = _scan(into / "tables" / "interactions.parquet").select(pl.col("title_id").unique()).collect()
    return titles_of(_read(into / "tables" / "titles.parquet"), rated["title_id"].to_numpy())


def _past(name: str, params: Params, into: Path, titles: Titles) -> Histories:
    """What a model of that cut may know and learns from."""
    return histories_of(_drawn(_table_of(name, into), params), titles.ids)


def _drawn(table: Path, params: Params) -> pl.DataFrame:
    """Every row of the viewers that are learnt from; a cluster learns from all."""
    rows = _scan(table)
    if params.engine != "here":
        return rows.collect()
    some = some_viewers(rows.select(pl.col("user_id").unique()).collect()["user_id"], params.viewers, params.seed)
    return rows.filter(pl.col("user_id").is_in(some.implode())).collect()


def _table_of(name: str, into: Path) -> Path:
    return into / ("tables/interactions.parquet" if name == EVERYTHING else f"cuts/{name}/train.parquet")


def cut_of(name: str, into: Path) -> Cut:
    return Cut(name, *(_read(into / "cuts" / name / f"{part}.parquet") for part in _PARTS))


def _pasts(into: Path) -> list[str]:
    """The cuts whose pasts are learnt from."""
    return list(dict.fromkeys(_past_of(name, into) for name in _cuts(into)))


def _past_of(name: str, into: Path) -> str:
    """The cut that has the past of this one: what is learnt of it is learnt once."""
    same = SAME_PAST.get(name, name)
    return same if (into / "cuts" / same).is_dir() else name


def _cuts(into: Path) -> list[str]:
    """Those that `split` found anybody to ask for."""
    return [name for name in get_args(CutName) if (into / "cuts" / name).is_dir()]


def _read(table: Path) -> pl.DataFrame:
    return _scan(table).collect()


def _scan(table: Path) -> pl.LazyFrame:
    if not table.exists():
        raise SourceError(f"{table}: not there yet; run `make repro`, or the stage of dvc.yaml that makes it")
    return pl.scan_parquet(table)
