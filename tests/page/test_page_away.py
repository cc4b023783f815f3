"""What is helpful when something is away, empty or not known."""

import json
import os
import signal
from datetime import UTC, datetime

import httpx
import pytest
from playwright.sync_api import Route, expect

from tests.page.theatre import BARE, KNOWN, Visit
from tests.serve.running import an_event, until


def test_a_deed_while_the_service_is_away_is_kept_and_sent_when_it_is_back(visit: Visit) -> None:
    user_id = visit.join(81, 82)
    visit.go("?title=92")
    like = visit.sheet.get_by_role("button", name="I like it")
    expect(like).to_be_visible()
    visit.context.set_offline(True)
    like.click()
    expect(visit.page.get_by_text("it is kept here")).to_be_visible()
    visit.context.set_offline(False)
    until(lambda: _likes(visit, user_id, 92), lambda: "what waited is not sent")
    visit.errors.clear()


def _likes(visit: Visit, user_id: int, title_id: int) -> bool:
    events = visit.service.get(f"/viewers/{user_id}/export").json()["events"]
    return any(event["kind"] == "liked" and event["title_id"] == title_id for event in events)


def test_what_waits_is_kept_until_the_service_itself_has_taken_it(visit: Visit) -> None:
    answers = [(504, ""), (502, ""), (429, ""), (500, ""), (401, ""), (200, "<h1>Please wait</h1>")]
    user_id, page, back = visit.join(81, 82), visit.page, visit.page.get_by_text("The service is back")

    def answer(route: Route) -> None:
        status, body = answers.pop(0)
        route.fulfill(status=status, body=body)

    page.clock.install()
    visit.context.route("**/events", answer)
    visit.go("?title=92")
    visit.sheet.get_by_role("button", name="I like it").click()
    expect(page.get_by_text("The service is away: it is kept here")).to_be_visible()
    while len(answers) > 1:
        with page.expect_response("**/events"):
            page.clock.run_for(3000)
    with page.expect_response("**/events"):  # who has no session is not asked again and again
        visit.go("history")
    visit.context.unroute("**/events")
    assert not _likes(visit, user_id, 92)
    expect(back).to_have_count(0)
    page.clock.run_for(3000)
    until(lambda: _likes(visit, user_id, 92), lambda: "what waited is lost")
    expect(back).to_have_count(1)
    visit.errors.clear()


@pytest.mark.parametrize("answer", [None, (422, '{"error": {"message": "no such kind"}}')])
def test_what_waits_and_is_found_invalid_is_told_of_and_let_go(visit: Visit, answer: tuple[int, str] | None) -> None:
    event = an_event("invalid", user_id=KNOWN, kind="sneezed")
    visit.watch_as(KNOWN)
    if answer:
        visit.context.route("**/events", lambda route: route.fulfill(status=answer[0], body=answer[1]))
    visit.page.add_init_script(f"localStorage.setItem('marquee-waiting', {json.dumps(json.dumps([event]))})")
    visit.go("history")
    expect(visit.page.get_by_text("Not taken of what waited here")).to_contain_text("kind")
    expect(visit.page.get_by_text("The service is back")).to_have_count(0)
    assert visit.page.evaluate("localStorage.getItem('marquee-waiting')") is None
    visit.errors.clear()


def losing(visit: Visit, module: str, times: int) -> list[str]:
    """As of a service that is of another release; and the addresses of the page each time it is loaded."""
    left, loads = [module] * times, list[str]()

    def lost(route: Route) -> None:
        if left:
            left.pop()
            route.fulfill(status=404)
        else:
            route.continue_()

    visit.context.route(f"**/{module}.js", lost)
    visit.page.on("load", lambda page: loads.append(page.url))
    return loads


def test_a_page_whose_release_is_over_is_loaded_anew_where_one_goes(visit: Visit) -> None:
    loads = losing(visit, "search", 1)
    visit.watch_as(KNOWN)
    visit.go("history")
    expect(visit.page.get_by_role("heading", name="History")).to_be_visible()
    visit.go("search?q=westerns")
    expect(visit.page.get_by_role("searchbox", name="Search")).to_have_value("westerns")
    assert loads == [f"{visit.base}/#/history", f"{visit.base}/#/search?q=westerns"]
    visit.errors.clear()


def test_a_view_that_is_not_there_is_not_loaded_for_ever(visit: Visit) -> None:
    loads = losing(visit, "operator-drift", 2)
    visit.go("operator/drift")
    expect(visit.page.get_by_role("heading", name="The reel broke")).to_be_visible()
    assert len(loads) == 2
    visit.page.get_by_role("button", name="Try again").click()
    expect(visit.page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    visit.errors.clear()


def test_while_the_service_is_away_a_page_stays_as_it_is(visit: Visit) -> None:
    loads = losing(visit, "search", 1)
    visit.watch_as(KNOWN)
    visit.go("history")
    expect(visit.page.get_by_role("heading", name="History")).to_be_visible()
    visit.context.route(f"{visit.base}/", lambda route: route.fulfill(status=502))
    visit.go("search")
    expect(visit.page.get_by_role("heading", name="The reel broke")).to_be_visible()
    expect(visit.page.get_by_text("the service does not answer")).to_be_visible()
    assert len(loads) == 1
    visit.errors.clear()


def test_when_a_worker_dies_the_page_lives_on(visit: Visit) -> None:
    user_id = visit.join(81, 82)
    visit.go("")
    visit.see_shelves()
    before = visit.shelf()
    (worker,) = visit.service.workers()
    os.kill(worker, signal.SIGKILL)
    expect(visit.page.get_by_text("Live updates are interrupted")).to_be_visible()
    assert visit.shelf() == before
    told = {"event_id": "back", "title_id": int(before[0]), "kind": "watch_finished", "user_id": user_id}
    moment = datetime.now(UTC).isoformat()
    until(lambda: _sent(visit, {**told, "happened_at": moment, "source": "tv"}), lambda: "the service stays away")
    visit.changed_from(before)
    expect(visit.page.get_by_text("Live updates are interrupted")).to_be_hidden()
    visit.errors.clear()


def _sent(visit: Visit, event: dict[str, object]) -> bool:
    try:
        return visit.service.post("/events", {"events": [event]}).status_code == 200
    except httpx.TransportError:
        return False


def test_when_the_stream_alone_breaks_what_is_done_here_still_changes_the_shelves(visit: Visit) -> None:
    visit.join(81, 82)
    visit.context.route("**/stream", lambda route: route.abort())
    visit.go("")
    visit.see_shelves()
    expect(visit.page.get_by_text("Live updates are interrupted. Everything else works")).to_be_visible()
    before = visit.shelf()
    visit.open_first()
    visit.sheet.get_by_role("button", name="Finished watching").click()
    visit.changed_from(before)
    visit.errors.clear()


def test_an_empty_list_says_why_and_where_to_go(visit: Visit) -> None:
    user_id = visit.join(age=0)
    seen = [an_event(f"seen-{n}", user_id=user_id, title_id=n, kind="watch_finished") for n in range(1, 180)]
    assert visit.service.post("/events", {"events": seen}).json()["refused"] == []
    visit.go("")
    expect(visit.page.get_by_role("heading", name="Nothing is left to show")).to_be_visible()
    visit.page.get_by_role("link", name="Change what may be shown").click()
    expect(visit.page.get_by_label("Maturity")).to_be_visible()


def test_of_a_title_of_which_nothing_is_known_there_is_a_sheet_all_the_same(visit: Visit) -> None:
    visit.join(81)
    visit.go(f"?title={BARE}")
    expect(visit.sheet.get_by_text("Nothing else is known of this title")).to_be_visible()
    expect(visit.sheet.locator(".poster").first).to_be_visible()


def test_a_title_that_is_not_there_is_told_of_and_left(visit: Visit) -> None:
    visit.join(81)
    visit.go("?title=999999")
    expect(visit.sheet.get_by_role("heading", name="This title cannot be shown")).to_be_visible()
    visit.page.keyboard.press("Escape")
    visit.see_shelves()
    visit.errors.clear()


def test_a_viewer_who_is_not_chosen_is_led_to_the_choice_from_everywhere(visit: Visit) -> None:
    for place in ("", "taste", "history", "saved", "profile", "nonsense"):
        visit.go(place)
        expect(visit.page.get_by_role("heading", name="Who is watching?")).to_be_visible()


def test_a_page_that_nobody_looks_at_leaves_its_stream_and_looks_anew_when_somebody_does(visit: Visit) -> None:
    user_id = visit.join(81, 82)
    visit.go("")
    visit.see_shelves()
    before = visit.shelf()
    look = "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true}); "
    look += "document.dispatchEvent(new Event('visibilitychange')); }"
    with visit.page.expect_event("requestfailed", lambda request: request.url.endswith("/stream")):
        visit.page.evaluate(look, arg=True)
    told = an_event("unseen", user_id=user_id, title_id=int(before[0]), kind="watch_finished")
    visit.service.post("/events", {"events": [told]})
    visit.page.evaluate(look, arg=False)
    visit.changed_from(before)
