"""Retrieval: every source fitted, the best of all gathered, and lessons turned into the rows a ranker learns from."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from marquee.model.candidates import Candidates, gather
from marquee.model.features import Known, describe, names_of
from marquee.model.histories import Floats, Histories, Ints, Mask
from marquee.model.lessons import Asked, Lesson, lessons
from marquee.model.profiles import TitleProfiles, profile_titles
from marquee.model.ranker import Rows
from marquee.model.sources import Arrays, Fitted, Source
from marquee.model.sources.fitting import all_sources, fit_sources, restored_sources
from marquee.model.stars.fitting import fit_tastes
from marquee.model.stars.tastes import Tastes
from marquee.model.titles import Titles
from marquee.params import Params, SourcesParams

BATCH = 128  # viewers whose candidates are in memory at once


@dataclass(frozen=True, eq=False)
class Retriever:
    """Sources, tastes and title profiles of one past; `profiles.until` says until when they know."""

    fitted: Mapping[str, Fitted]
    tastes: Tastes  # of the stars to expect
    profiles: TitleProfiles
    titles: Titles
    params: SourcesParams

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        return all_sources(self.fitted)

    def candidates(self, histories: Histories, as_of: Ints, allowed: Mask | None = None) -> Candidates:
        return gather(self.sources, histories, as_of, self.params.depth, allowed)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of `describe`."""
        return names_of(tuple(source.name for source in self.sources))

    def describe(self, candidates: Candidates, histories: Histories, as_of: Ints) -> tuple[tuple[str, ...], Floats]:
        """The names of the features, and one row a candidate."""
        expected = self.tastes.stars(self.tastes.viewers(histories), candidates.user, candidates.title)
        return describe(candidates, histories, as_of, Known(self.titles, self.profiles, expected))

    def parts(self) -> Mapping[str, Arrays]:
        """All but the titles, to be saved; `restored_retriever` makes the same one of it."""
        fitted = {name: source.arrays() for name, source in self.fitted.items()}
        return {**fitted, "tastes": self.tastes.arrays(), "profiles": self.profiles.arrays()}


def restored_retriever(parts: Mapping[str, Arrays], titles: Titles, params: SourcesParams) -> Retriever:
    tastes, profiles = Tastes.restored(parts["tastes"]), TitleProfiles.restored(parts["profiles"])
    return Retriever(restored_sources(parts), tastes, profiles, titles, params)


@dataclass(frozen=True, eq=False)
class Retrieved:
    retriever: Retriever
    rows: Rows


def retrieve(histories: Histories, titles: Titles, params: Params, seed: int) -> Retrieved:
    """Sources that know everything, and rows from sources that knew only the past of each lesson."""
    given = list(lessons(histories, params.lessons, seed))
    within = affordable(params, given)
    taught = [
        part
        for lesson in given
        for part in rows_of(lesson, fit_retriever(lesson.past, titles, params, seed), within, seed)
    ]
    retriever = fit_retriever(histories, titles, params, seed)
    return Retrieved(retriever, together(retriever.feature_names, taught))


def affordable(params: Params, given: Sequence[Lesson]) -> Params:
    """The params with fewer negatives of each request, where there are many requests."""
    requests = sum(len(asked.histories) for lesson in given for asked in lesson.asked)
    negatives = min(params.lessons.negatives, max(params.lessons.rows // max(requests, 1), 1))
    return params.model_copy(update={"lessons": params.lessons.model_copy(update={"negatives": negatives})})


def fit_retriever(past: Histories, titles: Titles, params: Params, seed: int) -> Retriever:
    with ThreadPoolExecutor(1) as beside:
        tastes = beside.submit(fit_tastes, past, len(titles), params.stars.tastes, seed)
        fitted = fit_sources(past, titles, params.sources, seed)
        return Retriever(fitted, tastes.result(), profile_titles(past, len(titles)), titles, params.sources)


def batches(histories: Histories, size: int = BATCH) -> Iterator[Ints]:
    """Row numbers of viewers, a few at a time."""
    return (np.arange(at, min(at + size, len(histories))) for at in range(0, len(histories), size))


def rows_of(lesson: Lesson, retriever: Retriever, params: Params, seed: int) -> Iterator[Rows]:
    """What a lesson teaches, part by part; its retriever must know no more than its past."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(
            lambda of: labelled(retriever, of[0], of[1], params.lessons.negatives), requests_of(lesson, seed)
        )


def requests_of(lesson: Lesson, seed: int) -> Iterator[tuple[Asked, np.random.SeedSequence]]:
    """A few viewers at a time, and what is drawn for them."""
    for number, asked in enumerate(lesson.asked):
        streams = np.random.SeedSequence([seed, number]).spawn(-(-len(asked.histories) // BATCH))
        for users, stream in zip(batches(asked.histories), streams, strict=True):
            yield Asked(asked.histories.of(users), asked.wanted.of(users), asked.as_of[users]), stream


def labelled(retriever: Retriever, asked: Asked, stream: np.random.SeedSequence, negatives: int) -> Rows:
    """The candidates of some requests with what came of them; of those that were not wanted, a random part.

    Positives that no source proposed are lost here: recall of `gather` bounds the ranker.
    """
    found = retriever.candidates(asked.histories, asked.as_of)
    names, features = retriever.describe(found, asked.histories, asked.as_of)
    labels = _labels(found, asked.wanted, len(retriever.titles))
    chance = negatives / np.maximum(found.counts, 1)
    kept = (labels > 0) | (np.random.default_rng(stream).random(len(labels)) < chance[found.user])
    answered = np.bincount(found.user, labels > 0, len(found.counts)) > 0
    kept &= answered[found.user]
    counts = np.bincount(found.user[kept], minlength=len(found.counts))
    return Rows(names, features[kept], labels[kept], counts[counts > 0])


def _labels(found: Candidates, wanted: Histories, titles: int) -> Ints:
    """The grade of each candidate: 0 unless it was wanted."""
    asked, answers = found.user * titles + found.title, wanted.user * titles + wanted.title
    order = np.argsort(answers)
    place = np.minimum(np.searchsorted(answers[order], asked), len(answers) - 1)
    hit = answers[order][place] == asked
    return np.where(hit, np.rint(wanted.label[order][place]), 0).astype(np.int64)


def together(names: tuple[str, ...], parts: list[Rows]) -> Rows:
    nothing = Rows(names, np.empty((0, len(names)), np.float32), np.empty(0, np.int64), np.empty(0, np.int64))
    every = [nothing, *parts]
    return Rows(
        names,
        np.concatenate([part.features for part in every]),
        np.concatenate([part.labels for part in every]),
        np.concatenate([part.counts for part in every]),
    )
