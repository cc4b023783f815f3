"""Who asks, and what they may: keys, tokens, and nobody at all."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import pytest

from marquee.data.api_keys import ApiKey, ApiKeys
from marquee.errors import AccessError, ForbiddenError, ServiceError
from marquee.serve.access import Access, Tokens, check_address, token_secret
from tests.serve.running import until

SECRET = "0123456789abcdef0123456789abcdef"
NOW = datetime.now(UTC)


@pytest.fixture
def keys(store_url: str) -> Iterator[ApiKeys]:
    with ApiKeys(store_url) as keys:
        yield keys


def access(keys: ApiKeys) -> Access:
    return Access(keys, Tokens(SECRET))


def test_without_any_key_this_machine_may_do_everything_and_nobody_else_anything(keys: ApiKeys) -> None:
    caller = access(keys).caller(None, "127.0.0.1")
    caller.require("admin")
    caller.require_viewer(7)
    with pytest.raises(AccessError, match="no API key"):
        access(keys).caller(None, "10.0.0.7")


def test_the_first_key_closes_the_service_and_revoking_it_does_not_open_it_again(keys: ApiKeys) -> None:
    key = keys.create("app", ["read"], NOW)
    with pytest.raises(AccessError):
        access(keys).caller(None, "127.0.0.1")
    assert keys.revoke(key.split("_")[1], NOW)
    with pytest.raises(AccessError):
        access(keys).caller(None, "127.0.0.1")


def test_a_key_has_its_scopes_and_admin_has_all(keys: ApiKeys) -> None:
    for_reading, for_all = keys.create("app", ["read"], NOW), keys.create("me", ["admin"], NOW)
    reader = access(keys).caller(for_reading, None)
    reader.require("read")
    with pytest.raises(ForbiddenError, match="no scope 'write'"):
        reader.require("write")
    admin = access(keys).caller(for_all, None)
    for scope in ("read", "write", "admin"):
        admin.require(scope)


def test_a_secret_is_not_kept_and_a_wrong_one_opens_nothing(keys: ApiKeys) -> None:
    key = keys.create("app", ["read"], NOW)
    secret = key.split("_", 2)[2]
    assert secret not in repr(keys.all())
    for wrong in (key[:-1], f"{key}x", f"mq_00000000_{secret}", "mq_", "mq_a_b", "", " ", key.upper()):
        with pytest.raises(AccessError):
            access(keys).caller(wrong, "127.0.0.1")


def test_a_revoked_key_is_refused_and_can_be_revoked_once(keys: ApiKeys) -> None:
    key = keys.create("app", ["read"], NOW)
    assert keys.revoke(key.split("_")[1], NOW)
    assert not keys.revoke(key.split("_")[1], NOW)
    with pytest.raises(AccessError, match="revoked"):
        access(keys).caller(key, None)


def test_when_a_key_was_used_last_is_kept(keys: ApiKeys) -> None:
    key = keys.create("app", ["read"], NOW)
    door = access(keys)
    door.caller(key, None)
    door.start()
    door.stop()
    (row,) = keys.all()
    assert row.last_used_at is not None
    assert row.last_used_at >= row.created_at


def test_a_defect_does_not_end_the_reading_of_keys(
    keys: ApiKeys, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("marquee.serve.access._EVERY_S", 0.01)
    door, failed = access(keys), Event()

    def fail() -> tuple[ApiKey, ...]:
        failed.set()
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(keys, "all", fail)
        door.start()
        assert failed.wait(30)
    key = keys.create("app", ["read"], NOW)
    until(lambda: is_known(door, key), lambda: "the key is not read")
    door.stop()
    assert "ZeroDivisionError" in caplog.text


def is_known(door: Access, key: str) -> bool:
    try:
        door.caller(key, None)
    except AccessError:
        return False
    return True


def test_a_viewers_token_is_good_for_their_own_data_alone() -> None:
    tokens = Tokens(SECRET)
    caller = tokens.caller(tokens.sign(7, NOW)[0])
    caller.require_viewer(7)
    caller.require_viewer(None)
    with pytest.raises(ForbiddenError, match="another viewer's"):
        caller.require_viewer(8)
    with pytest.raises(ForbiddenError):
        caller.require_nobody()


def test_a_token_that_is_old_or_signed_by_somebody_else_is_refused() -> None:
    old, _ = Tokens(SECRET).sign(7, NOW - timedelta(days=30))
    strange, _ = Tokens(SECRET[::-1]).sign(7, NOW)
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiI3IiwiZXhwIjo5OTk5OTk5OTk5fQ."
    for token, words in ((old, "expired"), (strange, "neither"), (unsigned, "neither"), ("é", "neither")):
        with pytest.raises(AccessError, match=words):
            Tokens(SECRET).caller(token)


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    made = token_secret(tmp_path / "state")
    assert token_secret(tmp_path / "state") == made
    assert len(made) >= 32
    (kept,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_an_address_that_others_can_reach_needs_a_key_that_holds(keys: ApiKeys) -> None:
    check_address("127.0.0.1", keys)
    with pytest.raises(ServiceError, match="there is no API key"):
        check_address("0.0.0.0", keys)
    key = keys.create("app", ["read"], NOW)
    check_address("0.0.0.0", keys)
    keys.revoke(key.split("_")[1], NOW)
    with pytest.raises(ServiceError):
        check_address("0.0.0.0", keys)
