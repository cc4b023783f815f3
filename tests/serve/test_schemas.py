"""Requests: their limits, and that their examples are right."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel, ValidationError

from marquee.serve import schemas as s
from marquee.serve.schemas import requests
from marquee.tables import AGE_GROUPS, GENDERS, KINDS_OF_TITLE

REQUESTS = [value for value in vars(s).values() if isinstance(value, type) and value.__name__.endswith("Request")]


def test_words_of_requests_are_those_of_the_tables() -> None:
    assert get_args(requests.AgeGroup) == AGE_GROUPS
    assert get_args(requests.Gender) == GENDERS
    assert get_args(requests.KindOfTitle) == KINDS_OF_TITLE


@pytest.mark.parametrize("request_type", REQUESTS)
def test_every_request_has_examples_that_it_takes(request_type: type[BaseModel]) -> None:
    examples = request_type.model_json_schema()["examples"]
    assert examples
    for example in examples:
        request_type.model_validate(example)


@pytest.mark.parametrize(
    "change",
    [
        {"user_id": 0},
        {"user_id": -1},
        {"user_id": 2**63},
        {"user_id": None},
        {"user_id": "1"},
        {"user_id": 1.0},
        {"user_id": True},
        {"k": -1},
        {"k": 1001},
        {"k": "3"},
        {"shelf": "new"},
        {"diversity": 1.1},
        {"diversity": float("nan")},
        {"diversity": True},
        {"exclude": [None]},
        {"exclude": list(range(1, 1002))},
        {"explain": 1},
        {"at": "2026-03-01T12:00:00"},
        {"at": "1989-12-31T23:59:59Z"},
        {"at": "2100-01-01T00:00:00Z"},
        {"filters": {"genres": [""]}},
        {"filters": {"genres": ["x" * 65]}},
        {"filters": {"genres": ["\0"]}},
        {"filters": {"genres": ["\ud800"]}},
        {"filters": {"first_year": 2000, "last_year": 1999}},
        {"filters": {"age": -1}},
        {"filters": {"colour": "red"}},
        {"filters": None},
        {"kay": 3},
    ],
)
def test_a_request_out_of_its_limits_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        s.RecommendRequest.model_validate({"user_id": 1, **change})


@pytest.mark.parametrize("change", [{"user_id": 1}, {"user_id": 2**63 - 1}, {"k": 0}, {"k": 1000}, {"diversity": 1}])
def test_a_request_at_its_limits_is_taken(change: dict[str, Any]) -> None:
    assert s.RecommendRequest.model_validate({"user_id": 1, **change})


@pytest.mark.parametrize(
    ("request_type", "body"),
    [
        (s.FinishedRequest, {"user_id": 1, "title_id": 1, "rating": 0.4}),
        (s.FinishedRequest, {"user_id": 1, "title_id": 1, "rating": float("nan")}),
        (s.FinishedRequest, {"user_id": 1, "title_id": 1, "thumb": "sideways"}),
        (s.FinishedRequest, {"user_id": 1, "title_id": 1, "event_id": " ", "happened_at": "2026-03-01T12:00:00Z"}),
        (s.StarsRequest, {"user_id": 1, "title_ids": []}),
        (s.StarsRequest, {"user_id": 1, "title_ids": [1] * 1001}),
        (s.SearchRequest, {"query": "x" * 201}),
        (s.SearchRequest, {"query": None}),
        (s.SearchRequest, {"query": "\udfff"}),
        (s.SignUpRequest, {"favourites": [1] * 101}),
        (s.SignUpRequest, {"age_group": "old"}),
        (s.SignUpRequest, {"region": ""}),
        (s.Profile, {"diversity": "0.5"}),
        (s.Profile, {"diversity": True}),
        (s.Profile, {"name": "  "}),
        (s.EventsRequest, {"events": []}),
        (s.EventsRequest, {"events": [{}] * 1001}),
        (s.EventsRequest, {"events": {}}),
    ],
)
def test_whatever_else_is_out_of_its_limits_is_refused_too(request_type: type[BaseModel], body: Any) -> None:
    with pytest.raises(ValidationError):
        request_type.model_validate(body)
