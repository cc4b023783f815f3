"""The recommender: how it is trained, how it answers, saved and loaded as one folder.

fit        interactions -> retrieve (sources, lessons) -> ranker -> stars         training, and nothing else
recommend  history -> sources -> gather -> features -> ranker -> arrange -> list
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import polars as pl
import yaml
from pydantic import ValidationError

from marquee.errors import ModelError
from marquee.model.arrange import Kept, Lists, Rule, Scored, Shop, arrange, compact, for_region, history_rule, keep
from marquee.model.attributes import NOBODY, regions_of, with_attributes
from marquee.model.candidates import Candidates
from marquee.model.copies import copies_last
from marquee.model.explain import Explainer, Pool
from marquee.model.folder import Contents
from marquee.model.histories import ATTRIBUTES, Floats, Histories, Ints, histories_of, no_histories
from marquee.model.ranker import Ranker, fit_ranker
from marquee.model.retrieval import Retriever, batches, restored_retriever, retrieve
from marquee.model.search import Index, fit_index
from marquee.model.sources import Source
from marquee.model.sources.content import Content
from marquee.model.split import some_viewers
from marquee.model.stars import Stars, fit_stars
from marquee.model.titles import Titles, titles_of
from marquee.params import Params, Recipe

TOGETHER = 64  # viewers that one thread takes at once
_COLUMNS = 64  # in which titles are compared for diversity


@dataclass(frozen=True, eq=False)
class Proposed:
    pool: Pool
    kept: Kept


@dataclass(frozen=True, eq=False)
class Lister:
    """All that lists are made of."""

    params: Recipe
    histories: Histories  # what the viewers of training had done
    retriever: Retriever
    ranker: Ranker

    @property
    def titles(self) -> Titles:
        return self.retriever.titles

    @property
    def sources(self) -> Sequence[Source]:
        return self.retriever.sources

    @property
    def feature_names(self) -> Sequence[str]:
        return self.retriever.feature_names

    @property
    def watched(self) -> Floats:
        return np.power(np.float32(10), self.retriever.profiles.share)

    def recommend(self, histories: Histories, as_of: Ints, k: int, rules: Sequence[Rule] = ()) -> Lists:
        """A list of k titles for each history, of what the rules (masks of titles) allow; a history may be empty."""
        asked, shop = list(batches(histories, TOGETHER)), self.usual_shop

        def listed(users: Ints) -> Lists:
            kept = self.propose(histories.of(users), as_of[users], rules).kept
            lists = arrange(kept, k, shop, self.params.arrange)
            return replace(lists, user=users[lists.user])

        if len(asked) == 1:
            return listed(asked[0])
        with ThreadPoolExecutor(2) as pool:
            return _joined(list(pool.map(listed, asked)))

    def propose(self, histories: Histories, as_of: Ints, rules: Sequence[Rule]) -> Proposed:
        """The candidates of each history, described and scored, and those of them that the rules allow."""
        allowed = np.logical_and.reduce([np.ones(len(self.titles), bool), *(rule.allows for rule in rules)])
        found = self.retriever.candidates(histories, as_of, allowed)
        features = self.describe(found, histories, as_of)
        pool = Pool(found, features, self.score(features))
        scored = Scored(found.starts, found.title.astype(np.int32), pool.score)
        content = cast("Content", self.retriever.fitted["content"])
        in_order = copies_last(scored, histories, content, self.params.arrange.near_copy)
        every = [history_rule(histories, len(self.titles)), *rules]
        return Proposed(pool, keep(in_order, len(self.titles), every))

    @cached_property
    def shop(self) -> Shop:
        """What arranging has to know where lists may be asked to be spread."""
        content = cast("Content", self.retriever.fitted["content"])
        return Shop(self.watched, compact(content.vectors, _COLUMNS, self.params.seed))

    @cached_property
    def usual_shop(self) -> Shop:
        """As much of it as the recipe's own dial of diversity asks for."""
        if self.params.arrange.diversity > 0:
            return self.shop
        return Shop(self.watched, np.zeros((len(self.titles), 0), np.float32))

    def describe(self, candidates: Candidates, histories: Histories, as_of: Ints) -> Floats:
        return self.retriever.describe(candidates, histories, as_of)[1]

    def score(self, rows: Floats) -> Floats:
        return self.ranker.scores(rows)

    def contributions(self, rows: Floats) -> Floats:
        return self.ranker.contributions(rows)


@dataclass(frozen=True, eq=False)
class Recommender(Lister):
    """What is saved and served: it also tells stars and reasons, and knows where viewers live."""

    stars: Stars
    regions: Sequence[str]  # that viewers or titles told of; the number of each is its place
    index: Index
    before_events: Histories  # of all viewers with events in the training, what they had rated besides

    def recommend(self, histories: Histories, as_of: Ints, k: int, rules: Sequence[Rule] = ()) -> Lists:
        """The same of what may be shown where each viewer lives; of whom that is not known, what may be anywhere."""
        if not self.titles.region_names:
            return super().recommend(histories, as_of, k, rules)
        lives_in, parts = histories.attributes[:, ATTRIBUTES.index("region")], []
        for region in np.unique(lives_in):
            users = np.flatnonzero(np.isnan(lives_in) if np.isnan(region) else lives_in == region)
            name = None if np.isnan(region) else self.regions[int(region)]
            here = Rule("region", for_region(self.titles, name))
            lists = super().recommend(histories.of(users), as_of[users], k, [*rules, here])
            parts.append(replace(lists, user=users[lists.user]))
        return _in_order(_joined(parts))

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(self, self.params.signals, self.params.explain)

    def contents(self, facts: Mapping[str, Any]) -> Contents:
        """What a model folder holds of it; `restored` makes the same recommender of that."""
        stars, text = self.stars.arrays(), self.stars.text
        known = {"histories": self.histories.arrays(), "before_events": self.before_events.arrays()}
        own = {**known, "stars": stars, "search": self.index.arrays()}
        ranker = {f"ranker_{number}.txt": booster for number, booster in enumerate(self.ranker.texts)}
        texts = {"params.yaml": recipe_of(self.params), "stars.txt": text, **ranker}
        regions = pl.DataFrame({"region": pl.Series(self.regions, dtype=pl.String)})
        frames = {"titles": self.titles.frame, "regions": regions}
        return Contents({**self.retriever.parts(), **own}, texts, frames, facts)


def restored(contents: Contents) -> Recommender:
    """The recommender of a model folder."""
    params = params_of(contents)
    histories = Histories(**contents.arrays["histories"])
    retriever = restored_retriever(contents.arrays, Titles(contents.frames["titles"]), params.sources)
    boosters = tuple(contents.texts[name] for name in sorted(contents.texts) if name.startswith("ranker_"))
    ranker = Ranker(retriever.feature_names, boosters)
    stars = Stars.restored(contents.arrays["stars"], contents.texts["stars.txt"])
    if retriever.tastes.says_the_same(stars.parts.tastes):  # as they do: then one of them is asked, and once
        retriever = replace(retriever, tastes=stars.parts.tastes)
    index = Index(retriever.titles, params.search, **contents.arrays["search"])
    regions = tuple(contents.frames["regions"]["region"])
    before_events = Histories(**contents.arrays["before_events"])
    return Recommender(params, histories, retriever, ranker, stars, regions, index, before_events)


def recipe_of(params: Recipe) -> str:
    """What `params_of` reads; of all that is in params.yaml, the part that makes a model."""
    return yaml.safe_dump(params.model_dump(mode="json", include=set(Recipe.model_fields)), sort_keys=False)


def params_of(contents: Contents) -> Recipe:
    try:
        return Recipe.model_validate(yaml.safe_load(contents.texts["params.yaml"]))
    except ValidationError as error:
        keys = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise ModelError(f"the model's params.yaml is of another version of Marquee ({keys}); fit it anew") from error


def fit(
    interactions: pl.DataFrame, titles: pl.DataFrame | None, params: Params, viewers: pl.DataFrame | None = None
) -> Recommender:
    """The shipped recipe, and the measured one."""
    known = titles_of(titles, interactions["title_id"].unique().to_numpy())
    told = NOBODY if viewers is None else viewers
    regions = regions_of(told, known)
    histories = with_attributes(histories_of(interactions, known.ids), told, regions)
    learnt = drawn(histories, params)
    retrieved = retrieve(learnt, known, params, params.seed)
    ranker = fit_ranker(retrieved.rows, params.ranker, params.seed)
    stars = fit_stars(learnt, len(known), params.stars, params.seed)
    index = fit_index(known, retrieved.retriever.profiles.share, params.search)
    return Recommender(params, histories, retrieved.retriever, ranker, stars, regions, index, no_histories())


def drawn(histories: Histories, params: Recipe) -> Histories:
    """Of the viewers that a model learns from."""
    if len(histories) <= params.viewers:
        return histories
    some = some_viewers(pl.Series(histories.user_ids), params.viewers, params.seed).to_numpy()
    return histories.of(np.searchsorted(histories.user_ids, some))


def _joined(parts: Sequence[Lists]) -> Lists:
    return Lists(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Lists)))


def _in_order(lists: Lists) -> Lists:
    """By viewer; each viewer's stand together already."""
    order = np.argsort(lists.user, kind="stable")
    return Lists(*(getattr(lists, field.name)[order] for field in fields(Lists)))
