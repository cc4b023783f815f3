"""Log lines as JSON: of our own programs, of Prefect's, and of those that know nothing of it."""

import json
import logging
import sys

import pytest
from prefect.logging.configuration import DEFAULT_LOGGING_SETTINGS_PATH, load_logging_config

from marquee.logs import JsonLines, for_prefect, wrapped


def line_of(record: logging.LogRecord) -> dict[str, str]:
    told = JsonLines().format(record)
    assert "\n" not in told
    return dict(json.loads(told))


def record(message: str, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("marquee.serve", logging.WARNING, __file__, 1, message, ("it",), None)
    made.__dict__.update(more)
    return made


def test_a_line_says_when_how_bad_who_and_what() -> None:
    told = line_of(record("%s is away"))
    assert told.pop("time").endswith("+00:00")
    assert told == {"level": "WARNING", "logger": "marquee.serve", "message": "it is away"}


def test_a_traceback_stays_in_its_line_and_what_a_library_adds_is_kept() -> None:
    try:
        raise ValueError("one\ntwo")
    except ValueError:
        told = line_of(record("%s broke", exc_info=sys.exc_info(), flow_run_name="azure-badger"))
    assert "ValueError: one\ntwo" in told["error"]
    assert told["flow_run_name"] == "azure-badger"


def test_prefect_takes_our_lines_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in for_prefect({"MARQUEE_LOG": "json"}).items():
        monkeypatch.setenv(name, value)
    standard = load_logging_config(DEFAULT_LOGGING_SETTINGS_PATH)["formatters"]["standard"]
    assert standard.pop("()") == f"{JsonLines.__module__}.{JsonLines.__name__}"
    assert JsonLines(**standard).format(record("%s")).startswith("{")
    assert for_prefect({"MARQUEE_LOG": "text"}) == for_prefect({}) == {}


@pytest.mark.parametrize("line", ["listening on 5000", "[1, 2]", '{"half": '])
def test_a_line_that_is_no_object_becomes_one(line: str) -> None:
    told = json.loads(wrapped("registry", line))
    assert (told["part"], told["message"]) == ("registry", line)
    assert told["time"]


def test_a_line_that_is_an_object_is_told_whose_it_is() -> None:
    assert json.loads(wrapped("service", '{"message": "a"}')) == {"part": "service", "message": "a"}
