"""The page as it is served: small, kept by browsers, with nothing inline or from elsewhere; and who may ask."""

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files

import httpx
import jwt
import pytest
from playwright.sync_api import Browser, expect

from marquee.serve.access import Tokens, token_secret
from marquee.serve.cookies import VIEWER
from tests.page.theatre import KNOWN, PICTURE, visiting
from tests.serve.running import Running

LIMIT = 250_000  # bytes of everything that a viewer's browser loads, as it is sent
FOREIGN = {"sec-fetch-site": "cross-site"}


def addresses(index: str) -> list[str]:
    return re.findall(r'(?:href|src)="(/web/[^"]+)"', index)


def test_the_page_is_asked_anew_and_everything_else_is_kept_for_good(theatre: Running) -> None:
    page = theatre.get("/")
    assert page.headers["cache-control"] == "no-cache"
    assert theatre.get("/", headers={"if-none-match": page.headers["etag"]}).status_code == 304
    assert addresses(page.text)
    for address in addresses(page.text):
        told = theatre.get(address)
        assert told.status_code == 200
        assert "immutable" in told.headers["cache-control"]
        assert told.headers["x-content-type-options"] == "nosniff"


def test_a_page_of_another_release_gets_the_files_of_this_one_and_does_not_keep_them(theatre: Running) -> None:
    version = addresses(theatre.get("/").text)[0].split("/")[2]
    own, other = (theatre.get(f"/web/{of}/search.js") for of in (version, "0000000000000000"))
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-store")
    assert (other.headers["content-type"], other.content) == (own.headers["content-type"], own.content)
    for address in ("/web/0000000000000000/nothing.js", f"/web/{version}/nothing.js", f"/web/{version}/%2e%2e/page.py"):
        assert theatre.get(address).status_code == 404


def test_all_of_the_page_is_small() -> None:
    web = files("marquee.serve") / "web"
    paths = [path for folder in (web, web / "fonts") for path in folder.iterdir() if path.is_file()]
    sent = {
        path.name: len(path.read_bytes() if path.name.endswith("woff2") else gzip.compress(path.read_bytes(), 9))
        for path in paths
        if not path.name.endswith(".txt")
    }
    assert sum(sent.values()) < LIMIT


A_PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="3"/>'


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(theatre: Running) -> None:
    page = theatre.get("/")
    policy = page.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=", page.text)


def test_pictures_from_elsewhere_are_loaded_for_who_asked_for_them_alone(theatre: Running, chromium: Browser) -> None:
    with visiting(theatre, chromium) as visit:
        visit.watch_as(KNOWN)
        visit.context.route(PICTURE, lambda route: route.fulfill(content_type="image/svg+xml", body=A_PICTURE))
        visit.go("?title=5")
        expect(visit.sheet.get_by_role("heading", name="More like this")).to_be_visible()
        assert PICTURE not in visit.asked
        visit.go("profile")
        with visit.page.expect_navigation():
            visit.page.get_by_label("Load posters from other addresses").click()
        visit.go("?title=5")
        expect(visit.sheet.locator("img").first).to_be_attached()
        assert PICTURE in visit.asked
        assert visit.errors == []


@pytest.fixture
def browser(theatre: Running) -> Iterator[httpx.Client]:
    """With a viewer's cookie, and what browsers tell of where a request begins."""
    with httpx.Client(base_url=theatre.client.base_url, headers={"sec-fetch-site": "same-origin"}) as client:
        client.post("/page/session", json={"user_id": KNOWN}).raise_for_status()
        yield client


def test_the_cookie_is_for_no_script_and_for_no_other_site(theatre: Running) -> None:
    told = theatre.client.post("/page/session", json={"user_id": KNOWN}).headers["set-cookie"]
    theatre.client.cookies.clear()
    assert "HttpOnly" in told
    assert "SameSite=strict" in told


@pytest.mark.parametrize(("proto", "is_secure"), [("https", True), ("HTTPS, http", True), ("http", False), ("", False)])
def test_a_cookie_that_came_by_https_goes_by_nothing_else(theatre: Running, proto: str, is_secure: bool) -> None:
    headers = {"x-forwarded-proto": proto}
    told = theatre.client.post("/page/session", json={"user_id": KNOWN}, headers=headers).headers["set-cookie"]
    theatre.client.cookies.clear()
    assert ("Secure" in told) == is_secure


def kept(answer: httpx.Response) -> tuple[datetime, datetime]:
    """When the session of the token in the cookie began, and until when the token holds."""
    claims = jwt.decode(answer.cookies[VIEWER], options={"verify_signature": False})
    return datetime.fromtimestamp(claims["auth_time"], UTC), datetime.fromtimestamp(claims["exp"], UTC)


def asked_with(theatre: Running, token: str) -> httpx.Response:
    with httpx.Client(base_url=theatre.client.base_url, cookies={VIEWER: token}) as client:
        answer = client.get("/page/me")
    assert answer.json()["user_id"] == KNOWN
    return answer


def test_a_session_is_renewed_by_asking_until_a_year_is_over(theatre: Running) -> None:
    tokens, now = Tokens(token_secret(theatre.folder)), datetime.now(UTC).replace(microsecond=0)
    for days, left in ((0, 30), (100, 30), (360, 5)):
        began = now - timedelta(days=days)
        token, _ = tokens.sign(KNOWN, now, timedelta(days=1), began)
        chosen = theatre.client.post("/page/session", json={"user_id": KNOWN}, headers=bearing(token))
        for answer in (asked_with(theatre, token), chosen):
            assert kept(answer)[0] == began
            assert timedelta(0) <= kept(answer)[1] - now - timedelta(days=left) < timedelta(minutes=5)
    theatre.client.cookies.clear()


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_a_token_that_the_page_did_not_make_is_not_renewed(theatre: Running) -> None:
    token, _ = Tokens(token_secret(theatre.folder)).sign(KNOWN, datetime.now(UTC))
    assert "set-cookie" not in asked_with(theatre, token).headers


def test_a_browser_speaks_for_its_viewer_and_for_nobody_else(browser: httpx.Client) -> None:
    assert browser.get("/page/me").json()["user_id"] == KNOWN
    assert browser.get(f"/viewers/{KNOWN}/taste").status_code == 200
    assert browser.get(f"/viewers/{KNOWN + 1}/taste").status_code == 403
    assert browser.post("/recommend", json={"user_id": KNOWN + 1}).status_code == 403
    assert browser.post(f"/viewers/{KNOWN + 1}/undo", json={"event_ids": ["a"]}).status_code == 403


def test_a_cookie_that_was_made_up_is_nobody(theatre: Running) -> None:
    with httpx.Client(base_url=theatre.client.base_url, cookies={"marquee_viewer": "a.b.c"}) as client:
        assert client.get("/page/me").json()["user_id"] is None
        assert client.get(f"/viewers/{KNOWN}/taste").status_code == 401


@pytest.mark.parametrize("told", [FOREIGN, {"sec-fetch-site": "same-site"}, {"origin": "http://evil.example"}])
def test_what_another_site_makes_a_browser_send_is_refused(theatre: Running, told: dict[str, str]) -> None:
    asked = [
        ("POST", "/events", {"events": [{}]}),
        ("POST", f"/viewers/{KNOWN}/undo", {"event_ids": ["a"]}),
        ("PUT", f"/viewers/{KNOWN}/profile", {}),
        ("DELETE", f"/viewers/{KNOWN}", None),
        ("POST", "/page/session", {"user_id": KNOWN}),
        ("DELETE", "/page/session", None),
        ("PUT", "/page/pictures", {"from_elsewhere": True}),
        ("DELETE", "/page/key", None),
    ]
    answers = [theatre.client.request(how, path, json=body, headers=told) for how, path, body in asked]
    assert [answer.status_code for answer in answers] == [403] * len(asked)


def test_another_name_for_this_machine_opens_nothing(theatre: Running) -> None:
    for name, status in (("evil.example", 401), ("evil.example:3000", 401), ("localhost:3000", 200), ("[::1]", 200)):
        assert theatre.get(f"/viewers/{KNOWN}/taste", headers={"host": name}).status_code == status


def test_leaving_ends_the_session_of_the_browser(browser: httpx.Client) -> None:
    assert browser.request("DELETE", "/page/session").status_code == 200
    assert browser.get("/page/me").json()["user_id"] is None
