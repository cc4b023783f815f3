"""Roll-out: whether the live service follows the champion, and whether it then answers as it should."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from marquee.errors import LoopError

_ANSWER_S = 10.0
_EVERY_S = 0.2
_REFUSED = "nobody without a key that may read"
_STRANGER = 2**62  # whoever that is, there is something to show


@dataclass(frozen=True)
class Clock:
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(frozen=True)
class Live:
    """The service, and how long one waits for what is expected of it."""

    url: str
    key: str | None
    patience_s: float
    clock: Clock


def follow(live: Live, version: str) -> float:
    """Seconds until the service serves that version; LoopError if that takes too long."""
    return _wait(live, version, _served)[1]


def check(live: Live, version: str) -> bool:
    """Whether it makes a list with that version, as soon as it is ready; LoopError if it makes none, or with another.

    False of a service that does not let us ask: that says nothing of the model.
    """
    return _wait(live, version, _answered, _REFUSED)[0] == version


def _wait(live: Live, version: str, ask: Callable[[httpx.Client], str], *also: str) -> tuple[str, float]:
    """The version, or what else may be said, and the seconds until it was."""
    clock, said = live.clock, "nothing"
    begun = clock.monotonic()
    headers = {"authorization": f"Bearer {live.key}"} if live.key else {}
    with httpx.Client(base_url=live.url, headers=headers, timeout=_ANSWER_S, trust_env=False) as client:
        while (waited := clock.monotonic() - begun) <= live.patience_s:
            try:
                said = ask(client)
                if said in (version, *also):
                    return said, waited
            except (httpx.HTTPError, ValueError, KeyError) as error:
                said = f"{type(error).__name__}: {error}"
            clock.sleep(_EVERY_S)
    raise LoopError(f"{live.url}: serves {said}, not version {version}, after {live.patience_s:g} s; see its log")


def _served(client: httpx.Client) -> str:
    return str(client.get("/readyz").raise_for_status().json()["version"])


def _answered(client: httpx.Client) -> str:
    """Which model made the list."""
    client.get("/readyz").raise_for_status()
    answer = client.post("/recommend", json={"user_id": _STRANGER, "k": 10})
    if answer.status_code in (401, 403):
        return _REFUSED
    reply = answer.raise_for_status().json()
    return str(reply["model"]) if reply["titles"] else f"a list of no titles by {reply['model']}"
