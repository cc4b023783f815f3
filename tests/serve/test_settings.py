"""Settings by environment: each has a default, and a wrong one is named."""

import pytest

from marquee.errors import ServiceError
from marquee.serve.settings import is_loopback, read_settings


def test_without_any_variable_it_listens_to_this_machine_alone() -> None:
    settings = read_settings({})
    assert is_loopback(settings.host)
    assert settings.registry_url is None


def test_a_variable_counts_and_an_empty_one_is_as_if_it_were_not_there() -> None:
    settings = read_settings({"MARQUEE_HOST": "localhost", "MARQUEE_WORKERS": "2", "MARQUEE_REGISTRY_URL": ""})
    assert (settings.host, settings.workers, settings.registry_url) == ("127.0.0.1", 2, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MARQUEE_PORT", "http"),
        ("MARQUEE_WORKERS", "0"),
        ("MARQUEE_HOST", "example.org"),
        ("MARQUEE_REGISTRY_URL", "sqlite:///mlflow.db"),
        ("MARQUEE_TOKEN_SECRET", "short"),
    ],
)
def test_a_wrong_variable_is_named_and_no_secret_is_told(name: str, value: str) -> None:
    with pytest.raises(ServiceError, match=name) as refused:
        read_settings({name: value})
    assert "short" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("10.0.0.7", False), ("", False)]
)
def test_loopback_is_told_from_everything_that_others_can_reach(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("processors", "workers", "threads", "expected"),
    [(2, "1", "", 2), (2, "2", "", 1), (16, "2", "", 2), (1, "1", "", 1), (2, "2", "5", 5)],
)
def test_a_worker_works_at_two_lists_where_it_has_processors_for_them(
    processors: int, workers: str, threads: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    settings = read_settings({"MARQUEE_WORKERS": workers, "MARQUEE_THREADS": threads})
    assert settings.lists_at_once == expected
