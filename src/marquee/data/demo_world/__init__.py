"""The demo world: a small Netflix Prize, invented and seeded, whose true tastes are known.

`write_demo_world` writes a folder in the Prize's own format, beside it a metadata catalogue that spells some names its
own way, live events from 2006 on, and truth/ (see truth.py), which only tests read. Viewers choose by taste, appeal
and what they have just seen; their tastes drift; so popularity, content, what others watched and the order of watching
all tell a part. What is watched is decided in choosing.py, how well it is liked in viewing.py.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from marquee.data.demo_world.catalogue import invent
from marquee.data.demo_world.live import LiveWorld, live_viewers, write_live_events
from marquee.data.demo_world.metadata import write_metadata
from marquee.data.demo_world.tastes import Ints, TitleTraits, title_traits
from marquee.data.demo_world.truth import FOLDER, true_affinity, true_titles, write_answers, write_matches, write_tastes
from marquee.data.demo_world.viewers import Viewers, draw_viewers
from marquee.data.demo_world.viewing import watch_everything
from marquee.data.demo_world.watches import LIKINGS, Watches, stars_by_liking
from marquee.data.demo_world.writing import RatingsWriter, write_titles
from marquee.errors import SourceError
from marquee.params import DemoWorldParams
from marquee.progress import progress

__all__ = ["DemoWorld", "at_netflix_scale", "true_affinity", "true_titles", "write_demo_world"]

NETFLIX_SCALE = {"viewers": 480_189, "titles": 17_770, "ratings": 100_480_507}


@dataclass(frozen=True)
class DemoWorld:
    """What was written where."""

    folder: Path
    viewers: int
    titles: int
    ratings: int
    probe: int
    withheld: int
    bots: int
    live_events: int


@dataclass(frozen=True)
class _Watched:
    all: Watches  # sorted
    live: Watches  # of those who are seen live
    stars: Ints  # of each coded liking


def at_netflix_scale(params: DemoWorldParams) -> DemoWorldParams:
    """The same seed, with as many viewers, titles and ratings as the Prize."""
    return params.model_copy(update=NETFLIX_SCALE)


def write_demo_world(folder: Path, params: DemoWorldParams) -> DemoWorld:
    """Writes a world into an empty folder, or over an earlier one."""
    *draws, watching = np.random.SeedSequence(params.seed).spawn(6)
    for_titles, for_viewers, for_traits, for_metadata, for_live = map(np.random.default_rng, draws)
    catalogue = invent(params.titles, for_titles)
    viewers = draw_viewers(params, catalogue.words, for_viewers)
    _make_room(folder)
    traits = title_traits(catalogue, viewers.ratings[viewers.ratings > 0], for_traits)
    live = live_viewers(viewers, for_live)
    watched = _watched(viewers, traits, live, watching)

    write_titles(folder / "movie_titles.csv", catalogue.titles)
    writer = RatingsWriter(watched.all, watched.stars, viewers.user_ids)
    writer.write_training(folder, params.titles)
    probe, withheld = writer.write_probe(folder / "probe.txt"), writer.write_qualifying(folder / "qualifying.txt")
    write_answers(folder / FOLDER / "qualifying.csv", withheld, watched.stars, viewers.user_ids)
    show_ids = write_metadata(folder / "netflix_titles.csv", catalogue, for_metadata)
    write_matches(folder / FOLDER / "matches.csv", show_ids)
    write_tastes(folder / FOLDER, viewers, traits)
    world = LiveWorld(catalogue.words, catalogue.titles, traits, viewers, watched.stars)
    events = write_live_events(folder / "live_events.jsonl", world, live, watched.live, for_live)
    ratings, bots = len(watched.all) - len(withheld), int(viewers.bots.sum())
    return DemoWorld(folder, params.viewers, params.titles, ratings, probe, len(withheld), bots, events)


def _make_room(folder: Path) -> None:
    """Removes the ratings of an earlier world; those of anything else are never touched."""
    if folder.exists() and any(folder.iterdir()) and not (folder / FOLDER).is_dir():
        raise SourceError(f"{folder}: holds files that are no demo world; name an empty folder for it")
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for path in folder.glob("combined_data_*.txt"):
        path.unlink()


def _watched(viewers: Viewers, traits: TitleTraits, live: Ints, seeds: np.random.SeedSequence) -> _Watched:
    packed = np.empty(int((viewers.ratings + viewers.withheld).sum()), dtype=np.uint64)
    is_live = np.isin(np.arange(len(viewers.ratings)), live)
    counts, of_live, end = np.zeros(LIKINGS, dtype=np.int64), [], 0
    with progress("watching", len(packed)) as advance:
        for watches in watch_everything(viewers, traits, seeds):
            packed[end : end + len(watches)] = watches.packed
            counts += np.bincount(watches.liking, minlength=LIKINGS)
            of_live.append(watches[is_live[watches.viewer]].packed)
            end += len(watches)
            advance(len(watches))
    packed.sort()
    return _Watched(Watches(packed), Watches(np.concatenate(of_live)), stars_by_liking(counts))
