"""A viewer's whole story, in a real browser: choosing, watching, searching, correcting, bringing, leaving."""

import json
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import expect

from tests.page.theatre import KNOWN, ODD, Visit
from tests.serve.running import an_event

DIARY = """Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date
2026-01-05,Westerns 3,1963,https://boxd.it/a,4.5,,,2026-01-04
2026-01-06,Westerns 5,1965,https://boxd.it/b,4,,,2026-01-05
2026-01-07,Dramas 11,1970,https://boxd.it/c,3,,,2026-01-06
2026-01-08,No such film anywhere,1999,https://boxd.it/d,2,,,2026-01-07
"""


def deeds(visit: Visit, user_id: int) -> list[dict[str, Any]]:
    """All that is kept of what a viewer did."""
    kept = visit.service.get(f"/viewers/{user_id}/export").json()["events"]
    return [event for event in kept if event["kind"] != "shown"]


def test_somebody_new_picks_favourites_and_their_shelves_follow_what_they_finish(visit: Visit) -> None:
    page = visit.page
    visit.go("")
    expect(page.get_by_role("heading", name="Who is watching?")).to_be_visible()
    page.get_by_role("button", name="Somebody new").click()
    page.get_by_role("list", name="Titles to choose from").get_by_role("button").nth(1).click()
    page.get_by_role("searchbox").fill("westerns 3")
    page.get_by_role("button", name="Westerns 3, 1963").click()
    page.get_by_role("searchbox").fill("westerns 5")
    page.get_by_role("button", name="Westerns 5, 1965").click()
    page.get_by_label("Name").fill("Ada <b>")
    page.get_by_role("button", name="Show me what to watch").click()
    visit.see_shelves()
    expect(page.get_by_role("link", name="Watching as Ada <b>")).to_be_visible()
    before = visit.shelf()
    title = visit.open_first()
    expect(visit.sheet.get_by_role("heading", name="Why it is here")).to_be_visible()
    expect(visit.sheet.get_by_role("heading", name="More like this")).to_be_visible()
    page.evaluate("window.sameLoad = true")
    visit.sheet.get_by_role("button", name="Finished watching").click()
    visit.changed_from(before)
    assert title not in visit.shelf()
    page.keyboard.press("Escape")
    expect(visit.sheet).to_be_hidden()
    after = visit.shelf()
    page.get_by_role("status").get_by_role("button", name="Undo").click()
    visit.changed_from(after)
    assert page.evaluate("window.sameLoad")


def test_what_is_done_by_another_way_changes_the_shelves_as_well(visit: Visit) -> None:
    user_id = visit.join(81, 82, 83)
    with visit.page.expect_request("**/stream"):
        visit.go("")
    visit.see_shelves()
    before = visit.shelf()
    told = an_event("by-tv", user_id=user_id, title_id=int(before[0]), kind="watch_finished", source="tv")
    assert visit.service.post("/events", {"events": [told]}).json()["accepted"] == 1
    visit.changed_from(before)
    assert before[0] not in visit.shelf()


def test_a_title_is_rated_liked_saved_and_refused_and_each_is_taken_back(visit: Visit) -> None:
    user_id = visit.join(81, 82)
    page, sheet = visit.page, visit.sheet
    visit.go("?title=90")
    sheet.get_by_role("slider", name="Your stars").press("End")
    expect(sheet.get_by_text("You gave it 5 stars.")).to_be_visible()
    for name in ("Save", "I like it", "Not interested"):
        sheet.get_by_role("button", name=name, exact=True).click()
        expect(sheet.locator("[aria-pressed=true]")).to_have_count(1)
        sheet.locator("[aria-pressed=true]").click()
        expect(sheet.locator("[aria-pressed=true]")).to_have_count(0)
    sheet.get_by_role("button", name="I like it", exact=True).click()
    expect(sheet.locator("[aria-pressed=true]")).to_have_count(1)
    sheet.get_by_role("status").get_by_role("button", name="Undo").last.click()
    expect(sheet.locator("[aria-pressed=true]")).to_have_count(0)
    sheet.get_by_role("button", name="Save", exact=True).click()
    sheet.get_by_role("button", name="Close").click()
    page.get_by_role("navigation").get_by_role("link", name="My list").click()
    expect(page.locator("[data-title='90']")).to_have_count(0)  # it was rated, so it was seen
    assert sorted(event["kind"] for event in deeds(visit, user_id) if event.get("title_id") == 90) == ["rated", "saved"]


def test_what_is_saved_waits_on_the_list_until_it_is_removed(visit: Visit) -> None:
    visit.join(81, 82)
    visit.go("?title=91")
    visit.sheet.get_by_role("button", name="Save", exact=True).click()
    visit.go("saved")
    visit.page.get_by_role("button", name="Remove").click()
    expect(visit.page.get_by_role("heading", name="Nothing saved yet")).to_be_visible()


def test_search_finds_titles_and_people_as_one_types(visit: Visit) -> None:
    visit.watch_as(KNOWN)
    visit.go("search")
    field = visit.page.get_by_role("searchbox", name="Search")
    field.press_sequentially("westrns 7")
    expect(visit.page.locator(".card").first).to_contain_text("Westerns 7")
    field.fill("actress 45")
    expect(visit.page.get_by_text("for “actress 45”")).to_be_visible()
    visit.page.locator(".card").first.get_by_role("link").click()
    expect(visit.sheet.get_by_text("Actress 45")).to_be_visible()
    visit.page.go_back()
    expect(visit.sheet).to_be_hidden()
    field.fill("zzzzqqqq")
    expect(visit.page.get_by_text("Nothing is called")).to_be_visible()


def test_less_of_a_taste_is_less_of_it_in_the_lists_and_undone_it_is_as_before(visit: Visit) -> None:
    user_id = visit.join(81, 82, 83, 84, 85)
    before = genre_count(visit, user_id, "Westerns")
    assert before >= 5
    visit.go("taste")
    less = visit.page.get_by_role("button", name="Less of Westerns")
    less.click()
    expect(less).to_have_attribute("aria-pressed", "true")
    assert genre_count(visit, user_id, "Westerns") < before / 2
    less.click()
    expect(less).to_have_attribute("aria-pressed", "false")
    assert genre_count(visit, user_id, "Westerns") == before


def genre_count(visit: Visit, user_id: int, genre: str) -> int:
    asked = {"user_id": user_id, "k": 7}  # no slot that explores among them
    titles = visit.service.post("/recommend", asked).json()["titles"]
    return sum(genre in title["genres"] for title in titles)


def test_the_history_tells_everything_and_takes_back_what_is_not_so(visit: Visit) -> None:
    user_id = visit.join(81, 82)
    visit.go("history")
    lines = visit.page.locator(".past li")
    expect(lines).to_have_count(3)
    visit.page.get_by_role("button", name="Undo: Westerns 1, liked it").click()
    expect(lines).to_have_count(2)
    assert [event["title_id"] for event in deeds(visit, user_id) if event["kind"] == "liked"] == [81]


def test_a_history_from_elsewhere_is_shown_confirmed_counted_and_taken_back(visit: Visit, tmp_path: Path) -> None:
    user_id = visit.join()
    page = visit.page
    file = tmp_path / "diary.csv"
    file.write_text(DIARY, "utf-8")
    visit.go("bring")
    page.locator("#file").set_input_files(file)
    expect(page.get_by_text("3 of 4")).to_be_visible()
    expect(page.get_by_role("heading", name="Letterboxd diary")).to_be_visible()
    expect(page.get_by_text("No such film anywhere (1999)")).to_be_visible()
    page.get_by_role("button", name="Count them as mine").click()
    expect(page.get_by_role("heading", name="My taste")).to_be_visible()
    expect(page.get_by_role("button", name="Less of Westerns")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="No taste is known yet")).to_be_visible()
    assert [event["kind"] for event in deeds(visit, user_id)] == ["signed_up"]


def test_a_file_that_is_no_history_is_refused_with_what_would_be_one(visit: Visit, tmp_path: Path) -> None:
    visit.join()
    file = tmp_path / "shopping.csv"
    file.write_text("what,how many\nmilk,2\n", "utf-8")
    visit.go("bring")
    visit.page.locator("#file").set_input_files(file)
    expect(visit.page.get_by_text("no history that is known")).to_be_visible()
    visit.errors.clear()  # the browser notes every refusal


def test_the_dial_and_the_ceiling_hold_for_every_list(visit: Visit) -> None:
    user_id = visit.join(81, 82)
    page = visit.page
    visit.go("profile")
    page.get_by_label("Maturity").select_option("0")
    expect(page.get_by_text("Every list keeps to that.")).to_be_visible()
    page.get_by_role("slider", name="Variety").press("End")
    expect(page.get_by_text("Your lists follow the dial.")).to_be_visible()
    kept = visit.service.get(f"/viewers/{user_id}/profile").json()["profile"]
    assert (kept["age"], kept["diversity"]) == (0, 1.0)
    shelves = visit.service.post("/shelves", {"user_id": user_id}).json()["shelves"]
    assert {title["maturity"] for shelf in shelves for title in shelf["titles"]} == {"G"}
    visit.go("")
    visit.see_shelves()


def test_everything_kept_is_exported_and_then_forgotten(visit: Visit, tmp_path: Path) -> None:
    user_id = visit.join(81, 82)
    page = visit.page
    visit.go("profile")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export everything").click()
    file = tmp_path / "export.json"
    download.value.save_as(file)
    kinds = [event["kind"] for event in json.loads(file.read_text("utf-8"))["events"]]
    assert sorted(kind for kind in kinds if kind != "shown") == ["liked", "liked", "signed_up"]
    page.get_by_role("button", name="Forget me").click()
    page.get_by_role("button", name="Forget everything").click()
    expect(page.get_by_role("heading", name="Who is watching?")).to_be_visible()
    assert visit.service.get(f"/viewers/{user_id}").json()["known"] is False
    assert httpx.get(f"{visit.base}/page/me").json()["user_id"] is None


def test_odd_names_are_nothing_but_text(visit: Visit) -> None:
    visit.watch_as(KNOWN)
    for title_id, name in ODD.items():
        visit.go(f"?title={title_id}")
        expect(visit.sheet.get_by_role("heading", name=name)).to_have_text(name)
        assert visit.sheet.locator("script, b, img").count() == 0
    assert visit.page.title() != "taken"
