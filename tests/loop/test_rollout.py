"""Roll-out against a real HTTP server that serves the version before for a while, or for good."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from marquee.errors import LoopError
from marquee.loop.rollout import Clock, Live, check, follow


class Service(BaseHTTPRequestHandler):
    """Serves `before` for so many questions, then version 2."""

    left = 0
    titles = 3
    status = 200  # of a list

    def do_GET(self) -> None:
        type(self).left -= 1
        assert self.path == "/readyz"
        self.tell({"version": "1" if self.left >= 0 else "2"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.tell({"model": "2", "titles": [{}] * self.titles}, self.status)

    def tell(self, told: object, status: int = 200) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(left: int, titles: int = 3, status: int = 200) -> Iterator[str]:
    class Own(Service):
        pass

    Own.left, Own.titles, Own.status = left, titles, status
    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def clock() -> Clock:
    """Sleeps at once."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return Clock(lambda: now[0], sleep)


def live(url: str, patience_s: float) -> Live:
    return Live(url, None, patience_s, clock())


def test_it_waits_until_the_version_is_served() -> None:
    with served(left=5) as url:
        assert follow(live(url, 30), "2") == pytest.approx(1.0)


def test_a_service_that_answers_with_the_version_is_fine() -> None:
    with served(left=0) as url:
        assert check(live(url, 30), "2")


@pytest.mark.parametrize("status", [401, 403])
def test_a_service_that_lets_nobody_ask_says_nothing_against_the_model(status: int) -> None:
    with served(left=0, status=status) as url:
        assert follow(live(url, 30), "2") == 0
        assert not check(live(url, 30), "2")


def test_a_service_that_fails_is_told_of() -> None:
    with served(left=0, status=500) as url, pytest.raises(LoopError, match="500"):
        check(live(url, 3), "2")


def test_a_service_that_does_not_follow_is_told_of() -> None:
    with served(left=10_000) as url, pytest.raises(LoopError, match=r"serves 1, not version 2, after 3 s"):
        follow(live(url, 3), "2")


def test_a_service_that_makes_no_list_is_told_of() -> None:
    with served(left=0, titles=0) as url, pytest.raises(LoopError, match="a list of no titles by 2"):
        check(live(url, 3), "2")


def test_a_service_that_answers_with_another_version_is_told_of() -> None:
    with served(left=0) as url, pytest.raises(LoopError, match="serves 2, not version 3"):
        check(live(url, 3), "3")


def test_a_service_that_is_away_is_told_of() -> None:
    with pytest.raises(LoopError, match="ConnectError"):
        follow(live("http://127.0.0.1:9", 1), "2")
