"""The operator's story in a real browser: a closed service that follows a real registry, opened with a key, looked at
tab by tab, its champion changed and changed back, its drift report kept apart, one title looked up, its registry lost.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from marquee import registry
from marquee.data.api_keys import ApiKeys
from marquee.serve.worker import shipped_params
from tests.page import booth
from tests.page.test_page_for_all import SHIFT
from tests.page.theatre import KNOWN, ODD, SIZES, Visit, visiting
from tests.serve.running import Running, free_port, is_up, kill, mlflow_server, running, until

AXE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")
expect.set_options(timeout=20_000)
TABS = ("operator", "operator/models", "operator/models/4", "operator/drift", "operator/lookup?of=1&about=5")

pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("default")]


@dataclass(frozen=True)
class House:
    service: Running
    key: str
    server: subprocess.Popen[bytes]  # of the registry


@pytest.fixture(scope="module")
def house(page_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder, port = tmp_path_factory.mktemp("house"), free_port()
    database, url = f"sqlite:///{folder}/mlflow.db", f"http://127.0.0.1:{port}"
    registry.settle(database, folder / "registry")  # before two begin to
    booth.note_looks(folder, 12)
    with ApiKeys(f"sqlite:///{folder}/events.db") as keys:
        key = keys.create("booth", ["admin"], datetime.now(UTC))
    settings = {"MARQUEE_REGISTRY_URL": url, "MARQUEE_PREFECT_URL": url, "MARQUEE_EVIDENTLY_URL": url}
    with mlflow_server(folder, port) as server, running(folder, page_model, settings) as service:
        booth.register_all(database, [page_model] * 4, folder, shipped_params())
        service.client.headers["authorization"] = f"Bearer {key}"
        until(lambda: is_up(url), (folder / "mlflow.log").read_text)
        until(lambda: service.get("/model").json()["version"] == "2", service.logged)
        yield House(service, key, server)


@pytest.fixture
def visit(house: House, chromium: Browser) -> Iterator[Visit]:
    """Of an operator who has given their key."""
    with visiting(house.service, chromium) as visit:
        told = visit.context.request.post(f"{visit.base}/page/key", data={"key": house.key})
        assert told.ok, told.text()
        yield visit
        assert visit.errors == []
        assert [url for url in visit.asked if not url.startswith(visit.base)] == []


def button(within: Page | Locator, name: str) -> Locator:
    return within.get_by_role("button", name=name, exact=True)


def heading(within: Page | Locator, name: str | re.Pattern[str]) -> Locator:
    return within.get_by_role("heading", name=name)


def test_the_booth_opens_with_a_key_of_scope_admin_and_forgets_it(house: House, chromium: Browser) -> None:
    with visiting(house.service, chromium) as stranger:
        stranger.context.add_cookies([{"name": "marquee_key", "value": "of_the_whole_host", "url": stranger.base}])
        stranger.go("operator")
        field = stranger.page.get_by_label("API key")
        field.fill("mq_wrong_key")
        field.press("Enter")
        expect(stranger.page.get_by_text("this API key is unknown")).to_be_visible()
        field.fill(house.key)
        field.press("Enter")
        expect(heading(stranger.page, "Health now")).to_be_visible()
        (cookie,) = key_in(stranger)
        assert (cookie["path"], cookie["httpOnly"], cookie["sameSite"]) == ("/operator/", True, "Strict")
        button(stranger.page, "Forget the key").click()
        expect(stranger.page.get_by_label("API key")).to_be_visible()
        assert key_in(stranger) == []


def key_in(visit: Visit) -> list[Any]:
    return [cookie for cookie in visit.context.cookies() if cookie.get("name") == "marquee_key"]


def test_a_key_that_only_reads_and_a_viewers_token_open_nothing(house: House) -> None:
    service = house.service
    with ApiKeys(service.database_url) as keys:
        reader = keys.create("reader", ["read", "write"], datetime.now(UTC))
    token = service.client.post("/viewers/1/token").json()["token"]
    for path in ("me", "health", "models", "models/1", "drift", "drift/report"):
        for credential in (reader, token):
            bearing = {"authorization": f"Bearer {credential}"}
            until(lambda: service.get("/model", headers=bearing).status_code == 200, service.logged)  # noqa: B023
            assert service.get(f"/operator/{path}", headers=bearing).status_code == 403, path
    elsewhere = {"authorization": "", "cookie": f"marquee_key={house.key}", "sec-fetch-site": "cross-site"}
    body = {"champion": "2", "why": "another site wants it"}
    answer = service.client.post("/operator/rollback", json=body, headers={**elsewhere, "authorization": ""})
    assert answer.status_code in (401, 403)
    assert service.get("/operator/models").json()["changes"][0]["version"] == "2"


def test_health_tells_what_is_served_and_beats_with_what_is_asked(visit: Visit) -> None:
    visit.go("operator")
    expect(visit.page.get_by_text("All is well.")).to_be_visible(timeout=60_000)  # the registry has only just begun
    expect(visit.page.get_by_text("Version 2", exact=True)).to_be_visible(timeout=60_000)
    for _ in range(20):
        visit.service.post("/recommend", {"user_id": KNOWN}).raise_for_status()
    row = visit.page.get_by_role("row").filter(has=visit.page.get_by_text("/recommend", exact=True))
    expect(row).to_be_visible()
    expect(visit.page.locator(".chart-time svg path.line")).not_to_have_count(0)
    visit.service.post("/events", {"events": [{"event_id": "x"}]}).raise_for_status()
    expect(heading(visit.page, "Why events were refused")).to_be_visible()
    for tool in ("Prefect", "MLflow", "Evidently"):
        link = visit.page.get_by_role("link", name=tool)
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        expect(link).to_have_attribute("href", re.compile(r"^http://127.0.0.1:\d+/?$"))
    facts = visit.page.locator(".tiles")
    told = "1 refused, 0 known before"
    for fact in ("It knows until", "Errors, last 15 minutes", "Last event", "Events by HTTP", told):
        expect(facts.get_by_text(fact)).to_be_visible()


def test_a_version_is_promoted_by_keys_alone_served_and_taken_back(visit: Visit) -> None:
    page = visit.page
    visit.go("operator/models")
    expect(heading(page, "Version 2 is champion")).to_be_visible()
    page.get_by_role("link", name="Version 3", exact=True).press("Enter")
    expect(heading(page, re.compile("The gate lets it through: all .* rules pass"))).to_be_visible()
    expect(page.get_by_role("cell", name="<b>Title</b> | ").first).to_be_visible()
    expect(page.get_by_text("0.4320 (+0.0360)")).to_be_visible()  # light viewers, beside the champion
    run = page.get_by_role("link", name="In MLflow")
    expect(run).to_have_attribute("href", re.compile(r"^http://127.0.0.1:\d+/#/experiments/\d+/runs/[0-9a-f]{32}$"))
    button(page, "Make it champion").press("Enter")
    dialog = page.get_by_role("dialog", name="Make version 3 champion?")
    page.keyboard.press("Enter")  # a reason is asked for: an empty one goes nowhere
    page.keyboard.type("clears the gate")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Version 3 is served.")).to_be_visible()
    expect(dialog).to_have_count(0)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # what was done is undone
    expect(page.get_by_text("Version 2 is served.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(button(page, "Make it champion")).to_be_visible()
    visit.go("operator/models")
    expect(heading(page, "Version 2 is champion")).to_be_visible()
    expect(page.get_by_text("operator, key").first).to_be_visible()
    expect(page.get_by_text("clears the gate")).to_be_visible()
    until(lambda: visit.service.get("/model").json()["version"] == "2", visit.service.logged)


def test_what_the_gate_objects_to_is_said_before_it_is_done_all_the_same(visit: Visit) -> None:
    page = visit.page
    visit.go("operator/models/4")
    expect(heading(page, re.compile("The gate objects, for 2 of"))).to_be_visible()
    button(page, "Make it champion").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("The gate objects to it:")).to_be_visible()
    expect(dialog.get_by_text("above the champion")).to_be_visible()
    button(dialog, "Leave it as it is").click()
    expect(dialog).to_have_count(0)
    assert visit.service.get("/operator/models").json()["changes"][0]["version"] == "2"


def test_a_broken_version_is_not_served_and_the_way_back_is_shown(visit: Visit) -> None:
    page = visit.page
    model = registry.kept(f"sqlite:///{visit.service.folder}/mlflow.db", "4", "model")
    assert model is not None
    (manifest,) = model.rglob("manifest.json")
    (manifest.parent / "params.yaml").write_text("damaged", "utf-8")
    visit.go("operator/models/4")
    button(page, "Make it champion").click()
    page.keyboard.type("nobody looked at it")
    button(page.get_by_role("dialog"), "Make it champion").click()
    expect(page.get_by_role("alert").filter(has_text="refuses version 4: it is broken")).to_be_visible()
    button(page, "Close").click()
    visit.go("operator/models")
    expect(page.get_by_text("The service answers from 2, not from the champion")).to_be_visible()
    button(page, "Roll back to version 2").click()
    page.keyboard.type("it is broken")
    button(page.get_by_role("dialog"), "Roll back").click()
    expect(page.get_by_text("Version 2 is served.")).to_be_visible()
    button(page, "Close").click()
    expect(page.get_by_text("The service answers from it.")).to_be_visible()


def test_drift_is_told_look_by_look_and_its_report_reaches_nothing_of_the_page(visit: Visit) -> None:
    page = visit.page
    visit.go("operator/drift")
    acted = page.get_by_role("listitem").filter(has=page.get_by_text("The monitor chose to retrain", exact=True))
    expect(acted.get_by_text("Version 2 after 1, by retrain")).to_be_visible()
    button(page, "Show it here").click()
    report = page.frame_locator("iframe")
    expect(report.get_by_role("heading", name="Drift report")).to_be_visible()
    expect(report.get_by_text(re.compile("reached 0"))).to_be_visible()
    assert page.title() == "Drift · Marquee"
    visit.errors.clear()  # of the report: each of its tries


def test_a_title_is_looked_up_by_name_and_every_step_has_its_say(visit: Visit) -> None:
    page = visit.page
    best = visit.service.post("/recommend", {"user_id": KNOWN, "k": 3}).json()["titles"][0]
    visit.go("operator/lookup")
    page.get_by_label("Viewer").fill(str(KNOWN))
    title = page.get_by_label("Title", exact=True)
    title.fill(best["name"][:4])
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(title).to_have_value(re.compile(re.escape(best["name"][:4]), re.IGNORECASE))
    expect(page.get_by_role("option")).to_have_count(0)
    title.fill(str(best["title_id"]))
    page.keyboard.press("Enter")
    expect(heading(page, re.compile(r"stands at place 1 of viewer 1's top picks"))).to_be_visible()
    expect(page.get_by_text("proposed", exact=True).first).to_be_visible()
    expect(page.get_by_text(re.compile("Every candidate begins at .* it comes to"))).to_be_visible()
    odd = next(iter(ODD))
    visit.go(f"operator/lookup?of=999999&about={odd}")
    expect(page.get_by_text("nobody knows this viewer")).to_be_visible()
    expect(page.get_by_role("heading", level=2).filter(has_text=ODD[odd])).to_be_visible()
    visit.go(f"operator/lookup?of={KNOWN}&about=424242")
    expect(page.get_by_text("title 424242 is unknown to the model")).to_be_visible()
    visit.errors.clear()  # the browser's own, of the refusal


@pytest.mark.parametrize("device", ["phone-dark", "laptop-light"])
def test_axe_finds_nothing_nothing_jumps_and_nothing_is_wider_than_the_screen(
    house: House, chromium: Browser, device: str
) -> None:
    size, scheme = device.split("-")
    with visiting(house.service, chromium, viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce") as visit:
        visit.context.request.post(f"{visit.base}/page/key", data={"key": house.key})
        visit.page.add_init_script(f"{SHIFT}.observe({{type: 'layout-shift', buffered: true}})")
        for tab in TABS:
            visit.page.goto("about:blank")
            visit.go(tab)
            expect(visit.page.locator(".booth-room .panel").first).to_be_visible()
            visit.page.wait_for_load_state("networkidle")
            assert (tab, visit.page.evaluate("window.shift ?? 0") < 0.01) == (tab, True)
            visit.page.evaluate(AXE)
            found: Any = visit.page.evaluate("axe.run({resultTypes: ['violations']})")
            faults = [(fault["id"], node["html"][:200]) for fault in found["violations"] for node in fault["nodes"]]
            assert (tab, faults) == (tab, [])
            wide = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert (tab, max(wide, 0)) == (tab, 0)


def test_a_registry_that_is_lost_is_told_and_what_is_served_stays(house: House, visit: Visit) -> None:
    kill(house.server)
    visit.go("operator")
    expect(visit.page.get_by_text("The registry does not answer.")).to_be_visible()
    visit.go("operator/models")
    expect(heading(visit.page, "Version 2 is served")).to_be_visible()
    expect(visit.page.get_by_text("see that it runs")).to_be_visible()
