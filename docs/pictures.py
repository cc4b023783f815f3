"""The pictures of the page in docs/, of the demo world: `make up`, and beside it `python docs/pictures.py`.

A new picture is a line in PICTURES.
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import APIRequestContext, Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
SIZES: Mapping[str, Any] = {
    "laptop": {"width": 1366, "height": 860},
    "phone": {"width": 390, "height": 844},
    "tv": {"width": 1920, "height": 1080},
}
NOBODY = 0
NO_SCROLLBAR = "html { scrollbar-gutter: auto !important; }"


@dataclass(frozen=True)
class Picture:
    name: str
    place: str
    size: str = "laptop"
    scheme: Literal["dark", "light"] = "dark"
    click: str = ""  # a button to press first
    is_theirs: bool = True  # of a viewer who is watching


PICTURES = (
    Picture("page-home", ""),
    Picture("page-home-tv", "", size="tv", scheme="light"),
    Picture("page-home-phone", "", size="phone", scheme="light"),
    Picture("page-sheet", "?title={pick}"),
    Picture("page-taste", "taste", scheme="light"),
    Picture("page-sign-up", "choose", scheme="light", click="Somebody new", is_theirs=False),
    Picture("page-operator", "operator", is_theirs=False),
)


def main(service: str = "http://127.0.0.1:3000") -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        )
        for picture in PICTURES:
            _take(browser, service, picture)
        browser.close()


def _take(browser: Browser, service: str, picture: Picture) -> None:
    context = browser.new_context(viewport=SIZES[picture.size], color_scheme=picture.scheme, bypass_csp=True)
    pick = _watch(context.request, service) if picture.is_theirs else NOBODY
    page = context.new_page()
    page.goto(f"{service}/#/{picture.place.format(pick=pick)}")
    if picture.click:
        page.get_by_role("button", name=picture.click).click()
    page.add_style_tag(content=NO_SCROLLBAR)  # it is not drawn: its place would stay empty
    _settle(page)
    page.screenshot(path=Path(__file__).parent / f"{picture.name}.png")
    context.close()


def _watch(asked: APIRequestContext, service: str) -> int:
    """As one of middling history; answers a title that is picked for them."""
    viewers = asked.get(f"{service}/page/start").json()["viewers"]
    user_id = viewers[len(viewers) // 2]["user_id"]
    asked.post(f"{service}/page/session", data={"user_id": user_id})
    titles = asked.post(f"{service}/recommend", data={"user_id": user_id, "k": 3}).json()["titles"]
    return int(titles[1]["title_id"])


def _settle(page: Page) -> None:
    page.locator("h1, h2").first.wait_for(state="attached")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1_500)  # what slides in has come to rest


if __name__ == "__main__":
    main(*sys.argv[1:])
