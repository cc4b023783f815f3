"""Titles: what the model knows of each title, in row order. A title's row number is `title` everywhere in model/."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import scipy.sparse as sp

from marquee.model.histories import Floats, Ints
from marquee.tables import TITLES


@dataclass(frozen=True, eq=False)
class Titles:
    frame: pl.DataFrame  # the table of titles, one row a title, sorted by title_id

    def __len__(self) -> int:
        return self.frame.height

    @cached_property
    def ids(self) -> Ints:
        return self.frame["title_id"].to_numpy().astype(np.int64)

    @cached_property
    def years(self) -> Floats:
        """NaN where not known."""
        return self.frame["year"].cast(pl.Float32).fill_null(np.nan).to_numpy()

    @cached_property
    def region_names(self) -> tuple[str, ...]:
        """Those to which any title is held."""
        return tuple(self.frame["regions"].explode().drop_nulls().unique().sort())

    @cached_property
    def genre_names(self) -> tuple[str, ...]:
        return tuple(self.frame["genres"].explode().drop_nulls().unique().sort())

    @cached_property
    def genres(self) -> sp.csr_array:
        """Titles x genres, 1 where a title is of a genre."""
        number = {name: column for column, name in enumerate(self.genre_names)}
        lists = self.frame["genres"].to_list()
        starts = np.concatenate([[0], np.cumsum([len(genres) for genres in lists])])
        columns = np.array([number[name] for genres in lists for name in genres], np.int32)
        ones = np.ones(len(columns), np.float32)
        return sp.csr_array((ones, columns, starts), shape=(len(self), len(number)))

    @cached_property
    def genre_matrix(self) -> Floats:
        """The same as rows of numbers: genres are few."""
        rows: Floats = self.genres.toarray()
        return rows

    @cached_property
    def genre_shares(self) -> Floats:
        """How much of all that titles are is of each genre, with one added."""
        shares: Floats = (self.genre_matrix.sum(axis=0) + 1) / (self.genre_matrix.sum() + 1)
        return shares


def titles_of(known: pl.DataFrame | None, rated: Ints) -> Titles:
    """The titles of a table, and those that were only ever rated, of which nothing else is known."""
    bare = pl.DataFrame({"title_id": np.unique(rated).astype(np.int64)})
    if known is None:
        return Titles(_named(bare))
    frame = known.with_columns(pl.col("title_id").cast(pl.Int64))
    unknown = bare.join(frame, on="title_id", how="anti")
    return Titles(pl.concat([frame, _named(unknown)]).sort("title_id"))


def _named(bare: pl.DataFrame) -> pl.DataFrame:
    return TITLES.complete(bare.with_columns(name=pl.format("title {}", "title_id")))
