"""Where the time of an answer goes: the same steps in this process, one after another, on the model that is served.

The steps, a list and a whole answer are of three viewers: what one of them has read would be near the processor still.
Beside the milliseconds stand those of a processor: on a box that others use too, only these stay what they are.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from benchmarks.recommending import Answer, Parts, Timed
from benchmarks.serving.world import World
from marquee.data.events import EventStore
from marquee.model.histories import Histories
from marquee.model.listing import Listed, Wish, as_of, listed
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.answers.cards import stars_of
from marquee.serve.answers.viewers import Viewers
from marquee.serve.served import Served, open_served
from marquee.serve.shown import Shown
from marquee.serve.worker import shipped_params

K = 10
_OF_LIST = ("sources and gathering", "features", "ranker")


class Twice(Timed):
    """Also by the processor's clock, of all threads of this process."""

    def __init__(self) -> None:
        super().__init__()
        self.processor: Parts = {}

    def __call__(self, name: str, work: Callable[[], Answer]) -> Answer:
        began = time.process_time()
        answer = super().__call__(name, work)
        self.processor.setdefault(name, []).append(time.process_time() - began)
        return answer


def parts(world: World, database_url: str, user_ids: Sequence[int]) -> Twice:
    """Of each viewer. What is shown is not written: that has a thread of its own."""
    served = open_served(world.model, "benchmark", datetime.now(UTC))
    with EventStore(database_url, shipped_params().events, None) as store:
        answers, viewers = Answers(lambda: served, store, Shown(store)), Viewers(store)
        for user_id in user_ids[:3]:  # what is made once and kept
            _one(Twice(), served, viewers, answers, [user_id] * 3)
        timed, apart = Twice(), len(user_ids) // 3
        for three in zip(*(np.roll(user_ids, n * apart).tolist() for n in range(3)), strict=True):
            _one(timed, served, viewers, answers, three)
    return timed


def _one(timed: Timed, served: Served, viewers: Viewers, answers: Answers, three: Sequence[int]) -> None:
    of_steps, of_list, of_whole = three
    history = timed("history", lambda: viewers.now(served, of_steps)).history
    lister, at = served.recommender, np.array([_moment(served, history)])
    every = np.ones(len(served.titles), bool)
    found = timed("sources and gathering", lambda: lister.retriever.candidates(history, at, every))
    rows = timed("features", lambda: lister.describe(found, history, at))
    timed("ranker", lambda: lister.score(rows))
    made = _listed(served, history)
    timed("stars", lambda: stars_of(served, history, made.title, int(at[0])))
    timed("reasons", lambda: served.explainer.reasons(history, made.title, made.pool, at))
    other = viewers.now(served, of_list).history
    timed("list", lambda: _listed(served, other))
    asked = s.RecommendRequest(user_id=of_whole, k=K, explain=True)
    reply = timed("whole", lambda: answers.recommend(asked, datetime.now(UTC)))
    timed("written as JSON", lambda: reply.__pydantic_serializer__.to_json(reply))


def _listed(served: Served, history: Histories) -> Listed:
    lister = served.recommender
    wish = Wish(K, _moment(served, history), (), lister.params.arrange.diversity, seed=1)
    return listed(lister, history, wish, served.shop)


def _moment(served: Served, history: Histories) -> int:
    return as_of(history, served.until, int(1e3 * datetime.now(UTC).timestamp()))


def table(timed: Twice, http_ms: float, http_processor_ms: float) -> list[tuple[str, float, float]]:
    """Each part with its milliseconds at the median, and those of the processor; the rest is what HTTP costs."""
    wall, processor = _split(timed.parts, http_ms), _split(timed.processor, http_processor_ms)
    return [(name, wall[name], processor[name]) for name in wall]


def _split(seconds: Parts, http_ms: float) -> dict[str, float]:
    ms = {name: 1e3 * float(np.median(every)) for name, every in seconds.items()}
    ms["rules, diversity, exploring"] = ms["list"] - sum(ms[name] for name in _OF_LIST)
    whole = ms["whole"] + ms["written as JSON"]
    ms["the reply"] = whole - ms["history"] - ms["list"] - ms["stars"] - ms["reasons"]
    told = ("history", *_OF_LIST, "rules, diversity, exploring", "stars", "reasons", "the reply")
    return {**{name: ms[name] for name in told}, "HTTP, BentoML, FastAPI, other threads": http_ms - whole}
