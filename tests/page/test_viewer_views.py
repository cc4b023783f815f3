"""View by view, what a viewer finds there: the shelves, a title's sheet, tastes, what can be taken back, what waits."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.page.theatre import DIRECTOR, STORY, Visit
from tests.serve.running import an_event

SHELVES = [
    re.compile(words)
    for words in (
        "Continue watching",
        "Top picks for you",
        "^Because you finished Westerns 7",
        "Trending now",
        "New for you",
        "^Popular in .*Westerns",
    )
]
HISTORIES = {
    "NetflixViewingHistory.csv": ("Netflix viewing history", 'Title,Date\n"Westerns 3","1/4/26"\n'),
    "diary.csv": (
        "Letterboxd diary",
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
        "2026-01-05,Westerns 3,1963,https://boxd.it/a,4.5,,,2026-01-04\n",
    ),
    "ratings.csv": (
        "IMDb ratings",
        "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres,"
        "Num Votes,Release Date,Directors\n"
        "tt1,8,2026-01-04,Westerns 3,Westerns 3,https://imdb.com/title/tt1,Movie,7.1,90,1963,Western,10,1963-01-01,X\n",
    ),
    "trakt.json": (
        "Trakt",
        '[{"watched_at": "2026-01-04T20:00:00.000Z", "action": "watch", "type": "movie",'
        ' "movie": {"title": "Westerns 3", "year": 1963, "ids": {"trakt": 1}}}]',
    ),
}


def watched(visit: Visit, user_id: int, **deeds: int) -> None:
    tell(visit, [an_event(f"{user_id} {kind}", user_id=user_id, title_id=of, kind=kind) for kind, of in deeds.items()])


def tell(visit: Visit, events: list[dict[str, object]]) -> None:
    assert visit.service.post("/events", {"events": events}).json()["refused"] == []


def undo(page: Page) -> Locator:
    return page.get_by_role("status").get_by_role("button", name="Undo", exact=True).last


def test_who_is_known_is_chosen_by_face_or_by_number(visit: Visit) -> None:
    page = visit.page
    visit.go("")
    face = page.get_by_role("button", name=re.compile(r"^Viewer \d+")).first
    name = face.get_by_text(re.compile(r"^Viewer \d+$")).inner_text()
    face.click()
    page.get_by_role("link", name=f"Watching as {name}:").click()
    page.get_by_label("Another viewer's number").fill("7")
    page.get_by_label("Another viewer's number").press("Enter")
    expect(page.get_by_role("link", name="Watching as Viewer 7:")).to_be_visible()
    page.get_by_role("link", name="Watching as").click()
    page.get_by_role("button", name="Leave").click()
    expect(page.get_by_role("link", name="Watching as")).to_have_count(0)


def test_somebody_new_may_tell_of_themselves_and_the_first_grid_is_varied(visit: Visit) -> None:
    page = visit.page
    visit.go("choose")
    page.get_by_role("button", name="Somebody new").click()
    grid = page.get_by_role("list", name="Titles to choose from").get_by_role("button")
    expect(grid).not_to_have_count(0)
    genres = {re.sub(r" \d+, \d+$", "", title.inner_text().splitlines()[-1]) for title in grid.all()}
    assert genres >= {"Crime", "Dramas", "Westerns", "TV Comedies"}
    page.get_by_label("Age").select_option("25-34")
    page.get_by_label("Gender").select_option("other")
    page.get_by_label("Region").select_option("south")
    page.get_by_role("button", name="Begin without any").click()
    visit.see_shelves()
    told = visit.context.request.get(f"{visit.base}/page/me").json()["profile"]
    assert (told["age_group"], told["gender"], told["region"]) == ("25-34", "other", "south")


def test_every_shelf_stands_on_home_in_its_order_and_scrolls(visit: Visit) -> None:
    user_id = visit.join()
    watched(visit, user_id, watch_finished=88, watch_started=95)
    visit.go("")
    visit.see_shelves()
    for name in SHELVES:
        expect(visit.page.get_by_role("region", name=name)).to_be_attached()
    expect(visit.page.locator(".shelf h2")).to_have_text(SHELVES)
    row = visit.page.get_by_role("region", name=SHELVES[1]).get_by_role("list")
    row.hover()
    visit.page.get_by_title("On: Top picks for you").click()
    expect(row).not_to_have_js_property("scrollLeft", 0)


@pytest.mark.parametrize(("slow", "asked"), [("", "**/shelves"), ("profile", "**/profile")])
def test_a_view_that_one_has_left_before_it_was_there_does_not_come_into_the_next(
    visit: Visit, slow: str, asked: str
) -> None:
    visit.join(81, 82)
    page, held = visit.page, list[Route]()
    visit.context.route(asked, lambda route: held.append(route))  # noqa: PLW0108 - playwright writes on what it is given
    with page.expect_request(asked):
        visit.go(slow)
    visit.go("taste")
    expect(page.get_by_role("heading", name="Genres")).to_be_visible()
    with page.expect_response(asked):
        held.pop().continue_()
    page.wait_for_timeout(300)
    expect(page.locator("main h1")).to_have_text("My taste")
    visit.context.unroute(asked)
    for kind in ("changed", "profile"):
        page.evaluate(f"window.dispatchEvent(new CustomEvent('marquee:{kind}'))")
    page.wait_for_timeout(300)
    assert [url.rpartition("/")[2] for url in visit.asked].count(asked.rpartition("/")[2]) == 1


def test_a_poster_is_drawn_of_its_title_and_always_the_same(visit: Visit) -> None:
    def drawn() -> list[str]:
        visit.page.goto("about:blank")
        visit.go("search?q=westerns")
        expect(visit.page.locator(".card").first).to_be_visible()
        return [poster.inner_html() for poster in visit.page.locator(".poster > svg").all()]

    visit.join(81)
    posters = drawn()
    assert len(set(posters)) == len(posters) > 20
    assert drawn() == posters


def test_a_sheet_tells_the_story_the_people_the_stars_and_why(visit: Visit) -> None:
    visit.join(81, 82, 83)
    visit.go("?title=90")
    sheet = visit.sheet
    expect(sheet.get_by_text(STORY)).to_be_visible()
    expect(sheet.get_by_text(re.compile(r"We think you would give it [0-5]\.\d"))).to_be_visible()
    expect(sheet.get_by_role("link", name=DIRECTOR)).to_be_visible()
    why = sheet.locator(".sheet-why")
    expect(why.get_by_role("listitem").first).to_have_text(re.compile(r"Westerns \d+ ?\d+ %"))
    assert why.locator(".bar").first.evaluate("bar => bar.clientWidth") > 10
    expect(sheet.locator(".card")).not_to_have_count(0)


def test_what_a_sheet_leads_to_is_found_from_a_search_as_well_and_the_view_stays(visit: Visit) -> None:
    visit.join(81, 82, 83)
    visit.go("search?q=westerns+9")
    field = visit.page.get_by_role("searchbox", name="Search")
    visit.page.locator(".card").first.get_by_role("link").click()
    visit.sheet.locator(".sheet-why").get_by_role("link").first.click()
    expect(visit.sheet.get_by_role("heading", name=re.compile("Westerns [0-2]$"))).to_be_visible()
    expect(field).to_be_attached()
    visit.sheet.get_by_role("link", name=DIRECTOR).click()
    expect(visit.sheet).to_be_hidden()
    expect(field).to_have_value(DIRECTOR)
    expect(visit.page.get_by_text(f"for “{DIRECTOR}”")).to_be_visible()
    visit.page.reload()
    expect(visit.page.get_by_text(f"for “{DIRECTOR}”")).to_be_visible()


def test_the_stars_on_the_cards_follow_what_one_rates(visit: Visit) -> None:
    visit.join(81, 82, 83)
    visit.go("")
    visit.see_shelves()
    card = visit.page.get_by_role("region", name="Top picks for you").locator(".card").last
    title, stars = card.get_attribute("data-title"), card.locator(".card-stars").inner_text()
    same = visit.page.locator(f".shelf .card[data-title='{title}'] .card-stars")
    expect(same).to_have_text(stars)
    for rated in ("84", "85", "86"):
        visit.go(f"?title={rated}")
        visit.sheet.get_by_role("slider", name="Your stars").press("ArrowRight")
        expect(visit.sheet.get_by_text("You gave it 0.5 stars.")).to_be_visible()
    visit.page.keyboard.press("Escape")
    expect(same).not_to_have_text(stars)


@pytest.mark.parametrize(("loved", "first"), [("Westerns", "Westerns 17"), ("Dramas", "Dramas 17")])
def test_of_what_matches_as_well_a_search_has_first_what_is_to_the_viewers_taste(
    visit: Visit, loved: str, first: str
) -> None:
    user_id, begins = visit.join(), {"Crime": 1, "Dramas": 41, "Westerns": 81}
    told = [
        an_event(f"{user_id} {title}", user_id=user_id, title_id=title, kind="rated", value=5 if genre == loved else 1)
        for genre, begin in begins.items()
        for title in range(begin + 20, begin + 30)
    ]
    tell(visit, told)
    visit.go("search?q=1977")
    expect(visit.page.locator(".card").first).to_contain_text(first)
    expect(visit.page.locator(".card", has_text=re.compile("(Westerns|Dramas) 17"))).to_have_count(2)


def test_of_many_tastes_those_that_count_most_are_shown_and_the_rest_when_asked(visit: Visit) -> None:
    user_id = visit.join()
    told = [an_event(f"{user_id} {n}", user_id=user_id, title_id=n, kind="liked") for n in range(81, 101)]
    tell(visit, told)
    visit.go("taste")
    people = visit.page.locator("section.panel", has=visit.page.get_by_role("heading", name="People"))
    rows = people.get_by_role("button", name=re.compile("^Less of"))
    expect(rows).to_have_count(12)
    every = people.get_by_role("button", name=re.compile(r"^Show all \d+$"))
    count = int(every.inner_text().removeprefix("Show all "))
    every.click()
    expect(rows).to_have_count(count)
    assert count >= 20
    expect(every).to_have_count(0)


def test_tastes_are_told_as_charts_with_their_numbers(visit: Visit) -> None:
    user_id = visit.join(81, 82)
    told = an_event(f"{user_id} rated", user_id=user_id, title_id=84, kind="rated", value=4.5)
    assert visit.service.post("/events", {"events": [told]}).json()["refused"] == []
    visit.go("taste")
    page = visit.page
    for name in ("Genres", "Decades", "People", "How you rate", "When you watch"):
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    rates = page.get_by_role("table", name="Titles by the stars you gave")
    expect(rates.get_by_role("row", name="4.5 1")).to_be_attached()
    expect(page.get_by_role("table", name="Titles by month").get_by_role("row")).not_to_have_count(0)
    expect(page.get_by_role("listitem").filter(has_text="1960s")).to_be_visible()


def test_less_of_a_taste_the_dial_and_the_ceiling_are_taken_back(visit: Visit) -> None:
    user_id = visit.join(81, 82, 83)
    page = visit.page

    def kept() -> dict[str, object]:
        told: dict[str, object] = visit.service.get(f"/viewers/{user_id}/profile").json()["profile"]
        return told

    before = kept()
    visit.go("taste")
    less = page.get_by_role("button", name="Less of Westerns")
    less.click()
    expect(less).to_have_attribute("aria-pressed", "true")
    undo(page).click()
    expect(less).to_have_attribute("aria-pressed", "false")
    visit.go("profile")
    dial = page.get_by_role("slider", name="Variety")
    dial.press("End")
    expect(page.get_by_text("Your lists follow the dial.")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(dial).to_have_value("0")
    expect(dial).to_be_focused()
    page.get_by_label("Maturity").select_option("0")
    undo(page).click()
    expect(page.get_by_label("Maturity")).to_have_value("")
    assert kept() == before


def test_of_two_changes_at_once_both_are_kept_and_each_is_taken_back_alone(visit: Visit) -> None:
    user_id = visit.join(81)
    page = visit.page

    def kept() -> tuple[object, object]:
        profile = visit.service.get(f"/viewers/{user_id}/profile").json()["profile"]
        return profile["age"], profile["diversity"]

    visit.go("profile")
    expect(page.get_by_label("Maturity")).to_be_visible()
    page.evaluate(
        """[["dial", "1"], ["ceiling", "0"]].forEach(([id, value]) => {
        const field = document.getElementById(id);
        field.value = value;
        field.dispatchEvent(new Event("change"));
    })"""
    )
    for words in ("Your lists follow the dial.", "Every list keeps to that."):
        expect(page.get_by_text(words)).to_be_visible()
    assert kept() == (0, 1.0)
    page.get_by_role("status").get_by_role("button", name="Undo", exact=True).first.click()
    expect(page.get_by_text("Taken back.")).to_be_visible()
    assert kept() == (0, None)


def test_what_was_taken_back_by_mistake_is_put_back_as_it_was(visit: Visit) -> None:
    user_id = visit.join(81)
    watched(visit, user_id, watch_finished=90, saved=91)
    page = visit.page
    visit.go("history")
    line = page.get_by_role("listitem").filter(has_text="finished it")
    day = page.locator("h2.day").filter(has_text="March 1, 2026")
    line.get_by_role("button").press("Enter")
    expect(line).to_have_count(0)
    assert page.evaluate("document.activeElement.textContent") == "Undo"  # of the next line
    undo(page).click()
    expect(line).to_have_count(1)
    expect(day).to_have_count(1)
    visit.go("saved")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="Nothing saved yet")).to_be_visible()
    undo(page).click()
    expect(page.locator(".card")).to_have_count(1)


def test_what_was_seen_elsewhere_leaves_the_shelves_until_it_is_taken_back(visit: Visit) -> None:
    visit.join(81, 82, 83)
    visit.go("")
    visit.see_shelves()
    title = visit.open_first()
    seen = visit.sheet.get_by_role("button", name="Seen it")
    seen.click()
    expect(seen).to_have_attribute("aria-pressed", "true")
    on_shelf = visit.page.locator(f".shelf [data-title='{title}']")
    expect(on_shelf).to_have_count(0)
    seen.click()
    expect(on_shelf).to_have_count(1)


@pytest.mark.parametrize("name", HISTORIES)
def test_the_files_of_every_service_are_read(visit: Visit, tmp_path: Path, name: str) -> None:
    visit.join()
    called, text = HISTORIES[name]
    file = tmp_path / name
    file.write_text(text, "utf-8")
    visit.go("bring")
    visit.page.locator("#file").set_input_files(file)
    expect(visit.page.get_by_role("heading", name=called)).to_be_visible()
    expect(visit.page.get_by_text("1 of 1")).to_be_visible()
    expect(visit.page.get_by_role("cell", name="Westerns 3 (1963)").first).to_be_visible()


def test_what_is_doubtful_counts_only_if_one_says_so(visit: Visit, tmp_path: Path) -> None:
    user_id = visit.join()
    file = tmp_path / "diary.csv"
    file.write_text(HISTORIES["diary.csv"][1].replace("Westerns 3", "Westernz 3"), "utf-8")
    page = visit.page
    visit.go("bring")
    page.locator("#file").set_input_files(file)
    expect(page.get_by_role("heading", name="Are these the same?")).to_be_visible()
    expect(page.get_by_role("button", name="Nothing to count")).to_be_disabled()
    page.get_by_role("group", name="Westernz 3").get_by_label("Westerns 3 (1963)").check()
    page.get_by_role("button", name="Count them as mine, with 1 of the doubtful").click()
    expect(page.get_by_role("heading", name="My taste")).to_be_visible()
    events = visit.service.get(f"/viewers/{user_id}/export").json()["events"]
    assert {event["title_id"] for event in events if event["kind"] in {"rated", "watch_finished"}} == {84}


def test_what_takes_long_says_so_until_it_is_done(visit: Visit, tmp_path: Path) -> None:
    visit.join(81)
    page, held = visit.page, list[Route]()
    file = tmp_path / "diary.csv"
    file.write_text(HISTORIES["diary.csv"][1], "utf-8")

    def until_told(pattern: str, waits: Locator) -> None:
        expect(waits).to_be_visible()
        while held:
            held.pop().continue_()
        visit.context.unroute(pattern)
        expect(waits).to_have_count(0)

    def hold(pattern: str) -> str:
        visit.context.route(pattern, lambda route: held.append(route))  # noqa: PLW0108 - playwright writes on what it is given
        return pattern

    visit.go("bring")
    reading = hold("**/bring")
    page.locator("#file").set_input_files(file)
    until_told(reading, page.get_by_role("progressbar", name="Reading the file"))
    counting = hold("**/bring")
    page.get_by_role("button", name="Count them as mine").click()
    until_told(counting, page.locator(".button.waits"))
    exporting = hold("**/export")
    visit.go("profile")
    page.get_by_role("button", name="Export everything").click()
    until_told(exporting, page.locator(".button.waits:disabled"))
    shelves = hold("**/shelves")
    visit.go("")
    until_told(shelves, page.locator(".board.ghost"))
    opening = hold("**/similar")
    visit.go("?title=90")
    until_told(opening, visit.sheet.get_by_text("One moment"))
    forgetting = hold("**/viewers/*")
    visit.go("profile")
    page.get_by_role("button", name="Forget me").click()
    page.get_by_role("button", name="Forget everything").click()
    until_told(forgetting, page.get_by_text("Forgetting"))
