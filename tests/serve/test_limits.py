"""How often a caller may ask."""

from dataclasses import dataclass

from marquee.serve import limits
from marquee.serve.limits import Rates


@dataclass
class Clock:
    now: float = 0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_one_request_for_each_token_that_comes_back() -> None:
    clock = Clock()
    rates = Rates(rate=10, burst=3, clock=clock)
    assert [rates.wait_s("a") for _ in range(3)] == [0, 0, 0]
    assert rates.wait_s("a") == 0.1
    clock.now = 0.1
    assert rates.wait_s("a") == 0
    assert rates.wait_s("a") > 0


def test_callers_do_not_share_their_tokens() -> None:
    rates = Rates(rate=1, burst=1, clock=Clock())
    assert rates.wait_s("a") == 0
    assert rates.wait_s("b") == 0
    assert rates.wait_s("a") == 1


def test_who_has_not_asked_for_long_is_forgotten_and_who_just_did_is_not() -> None:
    clock = Clock()
    rates = Rates(rate=1, burst=1, clock=clock)
    for number in range(limits._MOST):
        rates.wait_s(f"{number}")
    clock.now = 1
    assert rates.wait_s("new") == 0
    assert len(rates._left) == 1
    assert rates.wait_s("new") == 1
