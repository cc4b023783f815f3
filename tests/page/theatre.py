"""A page to look at: a real service over a small world whose titles try to be more than text, and a real browser."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from playwright.sync_api import Browser, BrowserContext, Page, expect

from marquee.model import recommender
from marquee.model.folder import save_model
from marquee.tables import VIEWERS
from tests.model.conftest import small_params
from tests.serve.conftest import BARE, catalogue, watched
from tests.serve.running import Running, until

CHROMIUM = shutil.which("chromium")
PICTURE = "https://pictures.invalid/poster.jpg"
ODD = {
    1: "<script>document.title='taken'</script>",
    2: "\"Quotes\" & 'more' <b>of</b> <img src=x onerror=alert(1)>",
    3: "\U0001f3ac L'Été d'Æther 映画 &amp;",
}
KNOWN = 1
DIRECTOR = "Ágnes O'Hara-<i>"
STORY = 'A stranger rides into town & "nothing" is as it was.'
SIZES: Mapping[str, Any] = {
    "phone": {"width": 390, "height": 844},
    "laptop": {"width": 1366, "height": 860},
    "television": {"width": 1920, "height": 1080},
}


def titles() -> pl.DataFrame:
    """As the served world's, with odd names and, of one genre, pictures that lie elsewhere."""
    name = pl.col("title_id").replace_strict(ODD, default=None, return_dtype=pl.String)
    colours = pl.when(pl.col("title_id") < 40).then(pl.lit(PICTURE)).otherwise(pl.col("artwork"))
    told = pl.col("genres").list.contains("Westerns")
    return catalogue().with_columns(
        name=pl.coalesce(name, "name"),
        artwork=colours,
        directors=pl.when(told).then(pl.lit([DIRECTOR])).otherwise("directors"),
        description=pl.when(told).then(pl.lit(STORY)).otherwise("description"),
    )


def viewers() -> pl.DataFrame:
    """Half of them told where they live."""
    told = pl.DataFrame({"user_id": range(1, 101), "region": ["north"] * 50 + ["south"] * 50})
    return VIEWERS.complete(told)


def model_in(folder: Path) -> Path:
    model = recommender.fit(watched(), titles(), small_params(), viewers())
    save_model(folder, model.contents({"trained_on": {"ratings": "made in tests"}}))
    return folder


class Visit:
    """One browser of its own at the page, whose every error is noted."""

    def __init__(self, service: Running, context: BrowserContext) -> None:
        self.service, self.context = service, context
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("request", lambda request: self.asked.append(request.url))

    @property
    def base(self) -> str:
        return str(self.service.client.base_url).rstrip("/")

    def go(self, place: str) -> None:
        self.page.goto(f"{self.base}/#/{place}")

    def watch_as(self, user_id: int) -> None:
        told = self.context.request.post(f"{self.base}/page/session", data={"user_id": user_id})
        assert told.ok, told.text()

    def join(self, *favourites: int, **profile: object) -> int:
        told = self.context.request.post(f"{self.base}/page/sign_up", data={"favourites": favourites})
        user_id = int(told.json()["user_id"])
        if profile:
            self.service.client.put(f"/viewers/{user_id}/profile", json=profile).raise_for_status()
        return user_id

    def shelf(self, name: str = "Top picks for you") -> list[str]:
        """The ids of the titles on a shelf, as they stand."""
        cards = self.page.get_by_role("region", name=name).locator("[data-title]")
        return [str(card.get_attribute("data-title")) for card in cards.all()]

    def see_shelves(self) -> None:
        expect(self.page.get_by_role("region", name="Top picks for you")).to_be_visible()

    def changed_from(self, before: list[str]) -> None:
        until(lambda: self.shelf() != before, lambda: f"the shelves stay {before}")

    def open_first(self) -> str:
        """The sheet of the first title on the first shelf."""
        card = self.page.locator(".shelf .card").first
        title = str(card.get_attribute("data-title"))
        card.get_by_role("link").click()
        expect(self.sheet.get_by_role("button", name="Finished watching")).to_be_visible()
        return title

    @property
    def sheet(self) -> Any:
        return self.page.get_by_role("dialog")


@contextmanager
def visiting(service: Running, chromium: Browser, **device: Any) -> Iterator[Visit]:
    context = chromium.new_context(**{"viewport": SIZES["laptop"], **device})
    try:
        yield Visit(service, context)
    finally:
        context.close()


__all__ = ["BARE", "DIRECTOR", "KNOWN", "ODD", "PICTURE", "SIZES", "STORY", "Visit", "model_in", "visiting"]
