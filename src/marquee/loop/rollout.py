"""Roll-out: whether the live service follows the champion, and answers from it."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from marquee.errors import LoopError

_ANSWER_S = 10.0
_EVERY_S = 0.2


@dataclass(frozen=True)
class Clock:
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


def follow(url: str, key: str | None, version: str, patience_s: float, clock: Clock) -> float:
    """Seconds until the service served that version and made a list with it; LoopError if that took too long."""
    begun, served = clock.monotonic(), "nothing"
    headers = {"authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=url, headers=headers, timeout=_ANSWER_S, trust_env=False) as client:
        while (waited := clock.monotonic() - begun) <= patience_s:
            try:
                served = str(client.get("/model").raise_for_status().json()["version"])
                if served == version:
                    _require_list(client, version)
                    return waited
            except (httpx.HTTPError, ValueError, KeyError) as error:
                served = f"{type(error).__name__}: {error}"
            clock.sleep(_EVERY_S)
    raise LoopError(f"{url}: serves {served}, not version {version}, after {patience_s:g} s; see its log")


def _require_list(client: httpx.Client, version: str) -> None:
    """Of a stranger: whoever that is, there is something to show."""
    reply = client.post("/recommend", json={"user_id": 2**62, "k": 10}).raise_for_status().json()
    if reply["model"] != version or not reply["titles"]:
        raise KeyError(f"a list of {len(reply['titles'])} titles by {reply['model']}")
