"""Work done ahead gives the answers of `map`, in its order, and never runs away."""

import threading
from collections.abc import Iterator

import pytest

from marquee.data import ahead as module
from marquee.data.ahead import ahead


def test_answers_come_in_the_order_of_their_inputs_though_the_first_is_done_last() -> None:
    second_is_done = threading.Event()

    def work(number: int) -> int:
        if number == 0 and module.THREADS > 1:
            assert second_is_done.wait(10)
        second_is_done.set()
        return number * number

    assert list(ahead(work, range(20))) == [number * number for number in range(20)]


def test_no_more_is_taken_than_the_threads_can_do() -> None:
    taken = []

    def inputs() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    answers = ahead(lambda number: number, inputs())
    assert next(answers) == 0
    assert len(taken) == module.THREADS + 1
    answers.close()


def test_a_fault_in_the_work_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda number: 1 // number, [1, 0, 1]))
