"""Keys on the command line, and what keeps the service from starting."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from marquee.cli import app
from marquee.cli.serving import bring_compiled
from marquee.errors import RequestError, ServiceError


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/events.db"


def marquee(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(database: str) -> None:
    made = marquee("keys", "create", "my app", "--scope", "read", "--scope", "write", "--database", database)
    key = made.output.strip()
    _, key_id, secret = key.split("_", 2)
    listed = marquee("keys", "list", "--database", database).output
    for word in (key_id, "my app", "read write"):
        assert word in listed
    assert secret not in listed
    assert "revoked" in marquee("keys", "revoke", key_id, "--database", database).output
    again = marquee("keys", "revoke", key_id, "--database", database)
    assert isinstance(again.exception, RequestError)


def test_a_key_of_which_nothing_is_said_only_reads(database: str) -> None:
    marquee("keys", "create", "app", "--database", database)
    assert " read " in marquee("keys", "list", "--database", database).output
    assert "write" not in marquee("keys", "list", "--database", database).output


def test_machine_code_made_ahead_is_brought_to_where_it_is_kept_once(tmp_path: Path) -> None:
    made, kept = tmp_path / "made", tmp_path / "kept"
    with pytest.raises(ServiceError, match="marquee compile"):
        bring_compiled(made, str(kept))
    (made / "of a file").mkdir(parents=True)
    (made / "of a file" / "function.nbi").write_text("code")
    bring_compiled(made, None)  # numba keeps it beside the source
    bring_compiled(made, str(kept))
    assert (kept / "of a file" / "function.nbi").read_text() == "code"
    (kept / "of a file" / "function.nbi").write_text("newer")
    bring_compiled(made, str(kept))
    assert (kept / "of a file" / "function.nbi").read_text() == "newer"


def test_a_wrong_setting_keeps_the_service_from_starting() -> None:
    done = marquee("serve", "--port", "70000")
    assert isinstance(done.exception, ServiceError)
    assert "MARQUEE_PORT" in str(done.exception)
