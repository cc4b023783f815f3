"""Who asks a service of several replicas, and asks again until it is answered: as a page does, or a load balancer."""

import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from itertools import count
from threading import Event, Lock
from typing import Any

RATE, LANES, BATCH = 30, 8, 5  # requests a second in all; every other one brings so many events
_TRY_S, _AGAIN_S, _PATIENCE_S = 5.0, 0.2, 60.0  # one try; between two; after which a request has failed for good
_VIEWERS, _TITLES = 150, 80


@dataclass
class Told:
    """What the askers saw; lanes share it."""

    ms: dict[str, list[float]] = field(default_factory=lambda: {"/recommend": [], "/events": []})
    tries: list[str] = field(default_factory=list)  # that failed, by why
    lost: list[str] = field(default_factory=list)  # requests that failed for good
    acknowledged: list[str] = field(default_factory=list)  # ids of events
    lock: Lock = field(default_factory=Lock)


def ask(port_of: Callable[[], int], told: Told, path: str, body: dict[str, Any]) -> None:
    """Once, and again until it is answered."""
    began = time.perf_counter()
    while True:
        port = port_of()
        try:
            why = answered(port, path, body)
        except (OSError, HTTPException) as error:
            why = type(error).__name__
        waited = time.perf_counter() - began
        with told.lock:
            if why is None:
                told.ms[path].append(1e3 * waited)
                told.acknowledged += [event["event_id"] for event in body.get("events", ())]
                return
            told.tries.append(why)
            if waited > _PATIENCE_S or why.startswith("4"):
                told.lost.append(f"{path}: {why}")
                return
        time.sleep(_AGAIN_S)


def answered(port: int, path: str, body: dict[str, Any]) -> str | None:
    """None, or why not."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_TRY_S)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        reply = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        return f"{answer.status} {json.loads(reply)['error']['code']}"
    refused = json.loads(reply).get("refused")
    return f"4 refused: {refused}" if refused else None


def lane(port_of: Callable[[], int], told: Told, numbers: "count[int]", ended: Event) -> None:
    began, chance = time.monotonic(), random.Random(next(numbers))
    for number in count():
        if ended.wait(max(0.0, began + number * LANES / RATE - time.monotonic())):
            return
        user_id = chance.randrange(1, _VIEWERS)
        if number % 2:
            ask(port_of, told, "/recommend", {"user_id": user_id, "k": 10})
        else:
            ask(port_of, told, "/events", {"events": [an_event(user_id, chance) for _ in range(BATCH)]})


def an_event(user_id: int, chance: random.Random) -> dict[str, object]:
    told = {"event_id": uuid.UUID(int=chance.getrandbits(128)).hex, "user_id": user_id, "kind": "opened"}
    return {
        **told,
        "title_id": chance.randrange(1, _TITLES),
        "source": "page",
        "happened_at": datetime.now(UTC).isoformat(),
    }
