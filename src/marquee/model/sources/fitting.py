"""Every source: fitted on the same past, saved as arrays and restored. A new source is a line in each list of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import cast

from marquee.model.histories import Deeds, Floats, Histories, Ints
from marquee.model.sources import Arrays, Fitted, Source
from marquee.model.sources.adding import opinions_of
from marquee.model.sources.als import Als, fit_als
from marquee.model.sources.autoencoder import Autoencoder, above_mean, autoencoder_of, fading
from marquee.model.sources.content import Content, fit_content
from marquee.model.sources.following import Following, fit_following, fit_sequence
from marquee.model.sources.following import Sequence as Order
from marquee.model.sources.neighbours import (
    TitleNeighbours,
    ViewerNeighbours,
    fit_viewer_neighbours,
    title_neighbours_of,
)
from marquee.model.sources.pairs import pairs_of
from marquee.model.sources.popular import Popular, Trending, fit_popular, fit_trending
from marquee.model.titles import Titles
from marquee.params import SourcesParams


@dataclass(frozen=True, eq=False)
class Recent:
    """What follows, asked about the recent part of a history only."""

    name: str
    source: Following
    recent: int  # titles

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - order counts here, not dates
        return opinions_of(self.source.chances, histories, self.values(histories))

    def values(self, deeds: Deeds) -> Floats:
        """How much each row counts."""
        return self.source.values(deeds) * (deeds.from_end < self.recent)


@dataclass(frozen=True, eq=False)
class Weighed:
    """The autoencoder asked with other values in the history."""

    name: str
    source: Autoencoder
    values: Callable[[Deeds], Floats]

    def scores(self, histories: Histories, as_of: Ints) -> Floats:  # noqa: ARG002 - a taste has no moment
        return self.source.guesses(histories, self.values(histories))


_RESTORED: Mapping[str, Callable[[Arrays], Fitted]] = MappingProxyType(
    {
        "als": Als.restored,
        "autoencoder": Autoencoder.restored,
        "following": partial(Following.restored, "following"),
        "following_long": partial(Following.restored, "following_long"),
        "sequence": Order.restored,
        "title_neighbours": TitleNeighbours.restored,
        "viewer_neighbours": ViewerNeighbours.restored,
        "content": Content.restored,
        "popular": Popular.restored,
        "trending": Trending.restored,
    }
)


def fit_sources(histories: Histories, titles: Titles, params: SourcesParams, seed: int) -> Mapping[str, Fitted]:
    """The sources that know something of their own, by name; what takes longest begins first."""
    n = len(titles)
    fits: Sequence[Callable[[], Iterable[Fitted]]] = [
        lambda: _of_pairs(histories, n, params),
        lambda: [fit_als(histories, n, params.als, seed)],
        lambda: [fit_sequence(histories, n, params.sequence)],
        lambda: [fit_following("following", histories, n, params.following)],
        lambda: [fit_following("following_long", histories, n, params.following_long)],
        lambda: [fit_viewer_neighbours(histories, n, params.viewer_neighbours, seed)],
        lambda: [fit_content(titles, params.content)],
        lambda: [fit_popular(histories, n, params.popular), fit_trending(histories, n, params.trending)],
    ]
    with ThreadPoolExecutor(2) as pool:
        made = {source.name: source for some in pool.map(lambda fit: fit(), fits) for source in some}
    return {name: made[name] for name in _RESTORED}


def _of_pairs(histories: Histories, titles: int, params: SourcesParams) -> tuple[Fitted, Fitted]:
    pairs = pairs_of(histories, titles, params.autoencoder)
    neighbours = title_neighbours_of(pairs, params.title_neighbours)
    return neighbours, autoencoder_of(pairs, params.autoencoder)


def restored_sources(parts: Mapping[str, Arrays]) -> Mapping[str, Fitted]:
    return {name: restored(parts[name]) for name, restored in _RESTORED.items()}


def all_sources(fitted: Mapping[str, Fitted]) -> tuple[Source, ...]:
    """The fitted ones, and those that ask one of them in another way."""
    autoencoder = cast("Autoencoder", fitted["autoencoder"])
    return (
        *fitted.values(),
        Recent("following_last", cast("Following", fitted["following"]), 1),
        Weighed("autoencoder_recent", autoencoder, fading),
        Weighed("autoencoder_liked", autoencoder, above_mean),
    )
