"""Compiling: the machine code of training and answering, made before anybody waits for it.

Whatever is needed is needed by the smallest of worlds too: one is invented, learnt from and asked about. numba keeps
the code where NUMBA_CACHE_DIR says, for processors like this one.
"""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from marquee.data.demo_world import write_demo_world
from marquee.data.events import EventStore
from marquee.model.folder import save_model
from marquee.model.interactions import interactions
from marquee.model.recommender import fit
from marquee.params import Params
from marquee.serve.served import open_served
from marquee.serve.worker import warm
from marquee.stages import tables

_SMALL = {"viewers": 300, "titles": 120, "ratings": 6_000}


def compile_all(params: Params) -> None:
    now = datetime.now(UTC)
    with TemporaryDirectory(prefix="marquee-compile-") as temporary:
        folder, world = Path(temporary), Path(temporary) / "world"
        write_demo_world(world, params.demo_world.model_copy(update=_SMALL))
        _fitted(_of(world, params), folder, now)
        with EventStore(f"sqlite:///{folder}/events.db", params.events, None) as store:
            warm(store, open_served(folder / "model", "small", now))


def _of(world: Path, params: Params) -> Params:
    source = params.source.model_copy(update={"format": "netflix_prize", "path": str(world)})
    catalogue = params.catalogue.model_copy(update={"metadata": str(world)})
    return params.model_copy(update={"source": source, "catalogue": catalogue, "engine": "here"})


def _fitted(params: Params, folder: Path, now: datetime) -> None:
    tables.titles(params, folder)
    tables.ratings(params, folder, now)
    rated = pl.scan_parquet(folder / "tables" / "ratings.parquet")
    rows = interactions(rated, None, params.signals, params.star).collect()
    save_model(folder / "model", fit(rows, tables.read_titles(folder), params).contents({}))
