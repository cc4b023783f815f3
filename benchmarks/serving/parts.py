"""Where the time of an answer goes: the same steps in this process, one after another, on the model that is served."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from benchmarks.recommending import Parts, Timed
from benchmarks.serving.world import World
from marquee.data.events import EventStore
from marquee.model.explain import Explainer
from marquee.model.histories import Histories
from marquee.model.listing import Wish, as_of, listed
from marquee.serve import schemas as s
from marquee.serve.answers import Answers
from marquee.serve.answers.cards import stars_of
from marquee.serve.answers.viewers import Viewers
from marquee.serve.served import Served, open_served
from marquee.serve.shown import Shown
from marquee.serve.worker import shipped_params

K = 10


def parts(world: World, database_url: str, user_ids: Sequence[int]) -> Parts:
    """Seconds of each part, of each viewer. What is shown is not written: that has a thread of its own."""
    served = open_served(world.model, "benchmark", datetime.now(UTC))
    with EventStore(database_url, shipped_params().events, None) as store:
        answers, viewers = Answers(lambda: served, store, Shown(store)), Viewers(store)
        for user_id in user_ids[:3]:  # what is made once and kept
            _one(Timed(), served, viewers, answers, user_id)
        timed = Timed()
        for user_id in user_ids:
            _one(timed, served, viewers, answers, user_id)
    return timed.parts


def _one(timed: Timed, served: Served, viewers: Viewers, answers: Answers, user_id: int) -> None:
    history = timed("history", lambda: viewers.now(served, user_id)).history
    moment = as_of(history, served.until, int(1e3 * datetime.now(UTC).timestamp()))
    lister, at = served.recommender, np.array([moment])
    every = np.ones(len(served.titles), bool)
    found = timed("sources and gathering", lambda: lister.retriever.candidates(history, at, every))
    rows = timed("features", lambda: lister.describe(found, history, at))
    timed("ranker", lambda: lister.score(rows))
    wish = Wish(K, moment, (), lister.params.arrange.diversity, seed=1)
    made = timed("list", lambda: listed(lister, history, wish, served.shop))
    timed("stars", lambda: stars_of(served, history, made.title, moment))
    timed("reasons", lambda: reasons(served.explainer, history, made.title, made.pool, at))
    asked = s.RecommendRequest(user_id=user_id, k=K, explain=True)
    reply = timed("whole", lambda: answers.recommend(asked, datetime.now(UTC)))
    timed("written as JSON", lambda: reply.__pydantic_serializer__.to_json(reply))


def reasons(explainer: Explainer, history: Histories, *told: np.ndarray) -> object:
    return explainer.reasons(history, *told)


def table(found: Parts, over_http_ms: float) -> list[tuple[str, float, float]]:
    """Rows of (part, milliseconds at the median, share of the whole over HTTP)."""
    ms = {name: 1e3 * np.array(seconds) for name, seconds in found.items()}
    of_list = ("sources and gathering", "features", "ranker")
    ms["rules, diversity, exploring"] = ms["list"] - sum(ms[name] for name in of_list)
    told = ("history", *of_list, "rules, diversity, exploring", "stars", "reasons")
    ms["the reply"] = ms["whole"] + ms["written as JSON"] - ms["history"] - ms["list"] - ms["stars"] - ms["reasons"]
    medians = {name: float(np.median(ms[name])) for name in (*told, "the reply")}
    within = float(np.median(ms["whole"] + ms["written as JSON"]))
    medians["HTTP, BentoML, FastAPI, other threads"] = over_http_ms - within
    return [(name, median, median / over_http_ms) for name, median in medians.items()]
