"""The page of a service that is closed: whoever comes shows a token or a key, once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from marquee.data.api_keys import ApiKeys
from tests.page.theatre import KNOWN, Visit, visiting
from tests.serve.running import Running, running

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("closed-page")


@pytest.fixture(scope="module")
def key(folder: Path) -> str:
    with ApiKeys(f"sqlite:///{folder}/events.db") as keys:
        return keys.create("admin", ["admin"], NOW)


@pytest.fixture(scope="module")
def closed(folder: Path, key: str, page_model: Path) -> Iterator[Running]:
    with running(folder, page_model, {}) as service:
        service.client.headers["authorization"] = f"Bearer {key}"
        yield service


@pytest.fixture
def stranger(closed: Running, chromium: Browser) -> Iterator[Visit]:
    with visiting(closed, chromium) as visit:
        yield visit


def show(visit: Visit, credential: str) -> None:
    visit.go("")
    visit.page.get_by_label("Token or key").fill(credential)
    visit.page.get_by_role("button", name="Go in").click()


def test_a_viewers_token_leads_in_and_is_not_asked_for_again(stranger: Visit, closed: Running) -> None:
    show(stranger, closed.post(f"/viewers/{KNOWN}/token", None).json()["token"])
    stranger.see_shelves()
    stranger.page.reload()
    stranger.see_shelves()
    with stranger.page.expect_response("**/taste") as told:
        stranger.page.get_by_role("link", name="My taste").click()
    assert "authorization" not in told.value.request.headers


def test_a_key_leads_to_the_choice_of_viewers(stranger: Visit, key: str) -> None:
    show(stranger, key)
    stranger.page.get_by_role("button", name="Viewer").first.click()
    stranger.see_shelves()


def test_what_is_neither_token_nor_key_leads_nowhere(stranger: Visit) -> None:
    show(stranger, "open sesame")
    expect(stranger.page.get_by_text("neither an API key nor a token")).to_be_visible()
    expect(stranger.page.get_by_label("Token or key")).to_be_visible()


def test_whose_cookie_holds_no_more_is_asked_again(stranger: Visit, closed: Running) -> None:
    show(stranger, closed.post(f"/viewers/{KNOWN}/token", None).json()["token"])
    stranger.see_shelves()
    stranger.context.clear_cookies()
    stranger.page.get_by_role("link", name="My taste").click()
    expect(stranger.page.get_by_label("Token or key")).to_be_visible()


def test_the_key_goes_to_the_operators_endpoints_and_to_nobody_else_on_the_host(closed: Running, key: str) -> None:
    with httpx.Client(base_url=closed.client.base_url) as browser:
        for answer in (browser.post("/page/key", json={"key": key}), browser.delete("/page/key")):
            whole_host, ours = answer.headers.get_list("set-cookie")
            assert ("Path=/operator/" in ours, "Path=/;" in whole_host, "Max-Age=0" in whole_host) == (True, True, True)
        browser.post("/page/key", json={"key": key})
        assert [cookie.path for cookie in browser.cookies.jar] == ["/operator/"]
        assert browser.get("/operator/me").status_code == 200
        assert browser.delete("/page/key").status_code == 204
        assert browser.get("/operator/me").status_code == 401


def test_what_is_done_when_the_session_has_ended_is_sent_with_the_next_one(stranger: Visit, closed: Running) -> None:
    token = closed.post(f"/viewers/{KNOWN}/token", None).json()["token"]
    show(stranger, token)
    stranger.see_shelves()
    title = stranger.open_first()
    stranger.context.clear_cookies()
    stranger.sheet.get_by_role("button", name="Save", exact=True).click()
    expect(stranger.page.get_by_text("Your session has ended: it is kept here")).to_be_visible()
    stranger.page.reload()
    show(stranger, token)
    expect(stranger.page.get_by_text("what waited here was sent")).to_be_visible()
    events = closed.get(f"/viewers/{KNOWN}/export").json()["events"]
    assert [str(event["title_id"]) for event in events if event["kind"] == "saved"] == [title]


@pytest.mark.parametrize(
    ("tab", "heading", "asked"),
    [("operator", "Health now", "health"), (f"operator/lookup?of={KNOWN}&about=5", "Look-up", "look_up")],
)
def test_what_a_key_has_opened_ends_when_one_leaves_it(
    stranger: Visit, key: str, tab: str, heading: str, asked: str
) -> None:
    page = stranger.page
    page.clock.install()
    stranger.go(tab)
    page.get_by_label("API key").fill(key)
    with page.expect_response(f"**/operator/{asked}"):
        page.get_by_label("API key").press("Enter")
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator(".booth-room .waits")).to_have_count(0)
    stranger.go(f"choose?of={KNOWN}&about=6")
    expect(page.get_by_label("Token or key")).to_be_visible()
    page.clock.run_for(20_000)
    page.wait_for_timeout(300)
    assert sum(url.endswith(f"/operator/{asked}") for url in stranger.asked) == 1
