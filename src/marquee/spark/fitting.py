"""Sources, tastes and profiles of a past that is on the cluster: counted there, finished here by their own functions.

What is learnt from viewers one by one (tastes, viewers alike) learns from those that were drawn.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from marquee.model.histories import Histories
from marquee.model.profiles import profiles_of
from marquee.model.retrieval import Retriever
from marquee.model.sources import Fitted
from marquee.model.sources.autoencoder import autoencoder_of
from marquee.model.sources.content import fit_content
from marquee.model.sources.following import following_of, sequence_of
from marquee.model.sources.neighbours import fit_viewer_neighbours, title_neighbours_of
from marquee.model.sources.pairs import Pairs, supported_titles
from marquee.model.sources.popular import Trending, popular_of
from marquee.model.stars.fitting import fit_tastes
from marquee.model.titles import Titles
from marquee.params import Params, SourcesParams
from marquee.spark.als import fit_als
from marquee.spark.counting import Counts, Past, Sums, counts_of, sums_of


def fit_retriever(past: Past, drawn: Histories, titles: Titles, params: Params, scratch: Path) -> Retriever:
    """As `retrieval.fit_retriever`; `drawn` are viewers of that past."""
    seed, n = params.seed, len(titles)
    sums = sums_of(past)
    counts = counts_of(past, sums, params.sources, scratch / "counts")
    fitted: Mapping[str, Fitted] = {
        "als": fit_als(past, sums, params.sources.als, seed),
        **_counted(counts, sums, params.sources),
        "viewer_neighbours": fit_viewer_neighbours(drawn, n, params.sources.viewer_neighbours, seed),
        "content": fit_content(titles, params.sources.content),
        "popular": popular_of(sums.wanted[None], sums.viewers, params.sources.popular),
        "trending": Trending(counts.trending(), sums.last_wanted, params.sources.trending.days),
    }
    tastes = fit_tastes(drawn, n, params.stars.tastes, seed)
    return Retriever(fitted, tastes, profiles_of(sums.titles), titles, params.sources)


def _counted(counts: Counts, sums: Sums, params: SourcesParams) -> Mapping[str, Fitted]:
    """Those that are made of squares of titles."""
    n, rows = counts.titles, sums.titles.rows
    supported = supported_titles(rows, params.autoencoder.support, params.autoencoder.most)
    pairs = Pairs(np.ascontiguousarray(counts.square("together")[supported][:, supported].toarray()), supported, n)
    neighbours = title_neighbours_of(pairs, params.title_neighbours)
    followed = supported_titles(rows, params.sequence.support, params.sequence.most)
    after = counts.square("sequence")[followed][:, followed].toarray()
    chances = {name: counts.square(name) for name in ("following", "following_long")}
    return {
        "autoencoder": autoencoder_of(pairs, params.autoencoder),
        "following": following_of(
            "following", lambda some: chances["following"][some].toarray(), rows, params.following
        ),
        "following_long": following_of(
            "following_long", lambda some: chances["following_long"][some].toarray(), rows, params.following_long
        ),
        "sequence": sequence_of(np.ascontiguousarray(after), followed, rows, params.sequence),
        "title_neighbours": neighbours,
    }
