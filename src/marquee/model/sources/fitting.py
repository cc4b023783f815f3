"""Every source: fitted on the same past, saved as arrays and restored. A new source is one line in each function."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import numpy as np

from marquee.model.histories import Floats, Histories, Ints
from marquee.model.sources import Arrays, Fitted, Source
from marquee.model.sources.als import Als, fit_als
from marquee.model.sources.autoencoder import Autoencoder, above_mean, fading, fit_autoencoder
from marquee.model.sources.content import Content, fit_content
from marquee.model.sources.following import Following, Sequence, fit_following, fit_sequence
from marquee.model.sources.neighbours import (
    TitleNeighbours,
    ViewerNeighbours,
    fit_title_neighbours,
    fit_viewer_neighbours,
)
from marquee.model.sources.popular import Popular, Trending, fit_popular, fit_trending
from marquee.model.titles import Titles
from marquee.params import SourcesParams


@dataclass(frozen=True, eq=False)
class Recent:
    """A source asked about the recent part of a history only."""

    name: str
    source: Source
    recent: int  # titles

    def scores(self, histories: Histories, as_of: Ints) -> Floats:
        return self.source.scores(histories.last(self.recent), as_of)


@dataclass(frozen=True, eq=False)
class Weighed:
    """The autoencoder asked with other values in the history."""

    name: str
    source: Autoencoder
    values: Callable[[Histories], Floats]

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - a taste has no moment
        return self.source.guesses(histories, self.values(histories))


@dataclass(frozen=True, eq=False)
class WhenLastHere:
    """A source asked as of each viewer's own last moment."""

    name: str
    source: Source

    def scores(self, histories: Histories, as_of: Ints) -> Floats:
        last = np.where(histories.counts > 0, histories.last_at, as_of)
        return self.source.scores(histories, np.minimum(last, as_of))


def fit_sources(histories: Histories, titles: Titles, params: SourcesParams, seed: int) -> Mapping[str, Fitted]:
    """The sources that know something of their own, by name."""
    n = len(titles)
    fits: Mapping[str, Callable[[], Fitted]] = {
        "als": lambda: fit_als(histories, n, params.als, seed),
        "autoencoder": lambda: fit_autoencoder(histories, n, params.autoencoder),
        "following": lambda: fit_following("following", histories, n, params.following),
        "following_long": lambda: fit_following("following_long", histories, n, params.following_long),
        "sequence": lambda: fit_sequence(histories, n, params.sequence),
        "title_neighbours": lambda: fit_title_neighbours(histories, n, params.title_neighbours),
        "viewer_neighbours": lambda: fit_viewer_neighbours(histories, n, params.viewer_neighbours, seed),
        "content": lambda: fit_content(titles, params.content),
        "popular": lambda: fit_popular(histories, n, params.popular),
        "trending": lambda: fit_trending(histories, n, params.trending),
    }
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(fits, pool.map(lambda fit: fit(), fits.values()), strict=True))


def restored_sources(parts: Mapping[str, Arrays]) -> Mapping[str, Fitted]:
    return {
        "als": Als.restored(parts["als"]),
        "autoencoder": Autoencoder.restored(parts["autoencoder"]),
        "following": Following.restored("following", parts["following"]),
        "following_long": Following.restored("following_long", parts["following_long"]),
        "sequence": Sequence.restored(parts["sequence"]),
        "title_neighbours": TitleNeighbours.restored(parts["title_neighbours"]),
        "viewer_neighbours": ViewerNeighbours.restored(parts["viewer_neighbours"]),
        "content": Content.restored(parts["content"]),
        "popular": Popular.restored(parts["popular"]),
        "trending": Trending.restored(parts["trending"]),
    }


def all_sources(fitted: Mapping[str, Fitted], params: SourcesParams) -> tuple[Source, ...]:
    """The fitted ones, and those that ask one of them in another way."""
    autoencoder = cast("Autoencoder", fitted["autoencoder"])
    return (
        *fitted.values(),
        Recent("als_recent", fitted["als"], params.recent),
        Recent("following_last", fitted["following"], 1),
        Weighed("autoencoder_recent", autoencoder, fading),
        Weighed("autoencoder_liked", autoencoder, above_mean),
        WhenLastHere("trending_then", fitted["trending"]),
    )
