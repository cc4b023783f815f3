"""truth/: the tastes behind the demo world, so that tests can compare a recommendation with what a viewer really likes.

The product never reads this folder. It holds

    viewers.npz       user_ids, start and end tastes, joined, left (days from 1999-11-11), bots, ratings, biases
    titles.npz        title_ids, vectors, appeal, quality, arrival, work, part
    qualifying.csv    user_id, title_id, date, rating: the answers to qualifying.txt
    matches.csv       title_id, show_id: the row of netflix_titles.csv that is this title; no line where there is none
"""

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from marquee.data.demo_world.catalogue import DAYS, FIRST_DAY
from marquee.data.demo_world.tastes import Floats, Ints, TitleTraits
from marquee.data.demo_world.viewers import Viewers
from marquee.data.demo_world.watches import Watches
from marquee.errors import SourceError

FOLDER = "truth"


def write_tastes(folder: Path, viewers: Viewers, traits: TitleTraits) -> None:
    _save(folder / "viewers.npz", {name: getattr(viewers, name) for name in viewers.__dataclass_fields__})
    title_ids = np.arange(1, len(traits.appeal) + 1)
    _save(
        folder / "titles.npz", {"title_ids": title_ids} | {n: getattr(traits, n) for n in traits.__dataclass_fields__}
    )


def write_answers(path: Path, withheld: Watches, stars: Ints, user_ids: Ints) -> None:
    answers = {
        "user_id": user_ids[withheld.viewer],
        "title_id": withheld.title + 1,
        "date": pl.Series(withheld.day.astype(np.int32)) + (FIRST_DAY - date(1970, 1, 1)).days,
        "rating": stars[withheld.liking],
    }
    pl.DataFrame(answers).with_columns(pl.col("date").cast(pl.Date)).write_csv(path)


def write_matches(path: Path, show_ids: Mapping[int, str]) -> None:
    matches = {"title_id": list(show_ids.keys()), "show_id": list(show_ids.values())}
    pl.DataFrame(matches, schema={"title_id": pl.Int64, "show_id": pl.String}).sort("title_id").write_csv(path)


def true_affinity(folder: Path, user_ids: Collection[int], as_of: date) -> Floats:
    """How drawn these viewers are to each title on a day, as log-odds beside an equally famous title.

    A row a viewer, a column a title in the order of `true_titles(folder)["title_ids"]`. Added to the titles' `appeal`
    it says what they would choose next; alone, what suits them.
    """
    viewers = _load(folder / FOLDER / "viewers.npz")
    wanted = np.array(list(user_ids), dtype=np.int64)
    rows = np.clip(np.searchsorted(viewers["user_ids"], wanted), 0, len(viewers["user_ids"]) - 1)
    if strangers := wanted[viewers["user_ids"][rows] != wanted].tolist():
        raise SourceError(f"{folder}: no viewer {strangers[0]} in this world; ask for those of truth/viewers.npz")
    joined, day = viewers["joined"][rows], (as_of - FIRST_DAY).days
    drifted = np.clip((day - joined) / np.maximum(DAYS - joined, 1), 0, 1)[:, None]
    tastes = viewers["start"][rows] * (1 - drifted) + viewers["end"][rows] * drifted
    return np.asarray(tastes.astype(np.float32) @ true_titles(folder)["vectors"].T)


def true_titles(folder: Path) -> dict[str, np.ndarray]:
    """What each title is: truth/titles.npz."""
    return _load(folder / FOLDER / "titles.npz")


def _save(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    np.savez(path, allow_pickle=False, **dict(arrays))


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file; write a world with `marquee demo-world`") from None
