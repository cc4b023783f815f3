"""One service for all tests of the page, and a browser; each test visits with a profile of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.page.theatre import CHROMIUM, Visit, model_in, visiting
from tests.serve.running import Running, running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Of a module: as long as one is open, no other test of the process can begin an event loop."""
    if CHROMIUM is None:
        pytest.skip("no chromium to look at the page with; `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def page_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_in(tmp_path_factory.mktemp("page") / "model")


@pytest.fixture(scope="session")
def theatre(page_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("theatre"), page_model, {}) as service:
        yield service


@pytest.fixture
def visit(theatre: Running, chromium: Browser) -> Iterator[Visit]:
    """Nothing may go wrong unseen, and nobody but the service is asked."""
    with visiting(theatre, chromium) as visit:
        yield visit
        assert visit.errors == []
        assert [url for url in visit.asked if not url.startswith((visit.base, "blob:"))] == []
