"""Pages on a phone, tables that stand still, toasts that hide nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import until

pytestmark = pytest.mark.browser

PHONE = 390
PAGES = [
    "/",
    "/queues",
    "/queues/Q",
    "/scans",
    "/scans/S",
    "/instruments",
    "/samples",
    "/equipment",
    "/samples/1",
    "/equipment/1",
    "/projects",
    "/projects/1",
    "/templates/scans",
    "/templates/scans/1",
]


@pytest.fixture
def bench(lab: Any) -> Any:
    """A lab with a queue Q: a scan S that was interrupted, T that waits, and some that have ended."""
    lab.queue()
    lab.scan("S", state="interrupted", queue_id="Q")
    lab.scan("T", rows=0, state="queued", queue_id="Q")
    for state in ("completed", "aborted", "failed"):
        lab.scan(state, state=state, queue_id="Q")
    lab.db.create_sample(sample_id="a name that is a good deal longer than any phone", additional_tags=["x"])
    lab.db.register_instrument({"name": "stage", "kind": "movement"})
    lab.db.create_maintenance(equipment_id=1, what="fan")
    lab.db.projects.create(name="a project with a name that is a good deal longer than any phone")
    lab.db.templates.scans.save("a template with a name that is longer than any phone", "S")
    lab.db.templates.scans.change(1, {"scan_name": "another"})
    return lab


@pytest.mark.parametrize(("word", "address"), [("Samples", "/samples"), ("Projects", "/projects")])
def test_every_page_is_in_a_menu_of_the_phone(
    lab: Any, look: Callable[..., Any], word: str, address: str
) -> None:
    page = look("/", PHONE)
    page.click("#more-menu summary")
    page.click(f"#more-menu a >> text={word}")
    page.wait_for_url(f"**{address}")
    assert page.get_attribute("#more-menu summary", "aria-current") == "page"


@pytest.mark.parametrize("path", PAGES)
def test_fingers_find_every_button_and_nothing_scrolls_sideways(
    bench: Any, look: Callable[..., Any], path: str
) -> None:
    page = look(path, PHONE)
    page.wait_for_selector("main .skeleton", state="detached")
    small = page.evaluate("""() => [...document.querySelectorAll('button, a.button, select, summary')]
        .filter((one) => one.offsetParent && !one.closest('thead') && one.getBoundingClientRect().height < 40)
        .map((one) => one.outerHTML)""")
    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_queue_on_a_phone_shows_whole_names_and_every_button(bench: Any, look: Callable[..., Any]) -> None:
    name = "a name that is a good deal longer than any phone is wide, to its very end"
    bench.db.scans.update("S", scan_name=name)
    page = look("/queues/Q", PHONE)
    row = page.locator("#queue-scans tbody tr").first
    row.wait_for()
    box = page.locator("#queue-scans")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    link = row.locator(".row-link")
    assert link.inner_text().replace("\n", "") == name
    assert link.bounding_box()["height"] > 40
    measure = "row => [...row.querySelectorAll('button')].map((one) => one.getBoundingClientRect().toJSON())"

    def buttons_are_inside() -> bool:
        boxes = row.evaluate(measure)
        return bool(boxes) and all(b["width"] and b["left"] >= 0 and b["right"] <= PHONE for b in boxes)

    until(buttons_are_inside, what="every button is on the screen")
    assert "10" in row.locator(".points-cell").inner_text()
    assert row.locator(".time-cell").is_visible()


def test_columns_stay_where_they_are_when_a_row_changes(lab: Any, look: Callable[..., Any]) -> None:
    lab.queue()
    lab.scan("T", rows=0, state="queued", queue_id="Q")
    page = look("/queues/Q")
    page.wait_for_function("window.pybirch.realtime.isLive")
    edges = "[...document.querySelectorAll('#queue-scans th')].map((one) => one.getBoundingClientRect().left)"
    page.wait_for_selector("#queue-scans tbody tr")
    before = page.evaluate(edges)
    for state in ("running", "interrupted"):
        lab.db.scans.set_status("T", state, progress=0.123)
        lab.parts.updates.broadcast_scan_status("T", state, progress=0.123)
        page.wait_for_selector(f"#queue-scans .status-badge.status-{state}")
        assert page.evaluate(edges) == before
    page.wait_for_selector("#queue-scans [data-action=resume]")
    assert page.evaluate(edges) == before


def test_toasts_leave_the_states_of_a_list_in_sight(bench: Any, look: Callable[..., Any]) -> None:
    for width in (PHONE, 1280):
        page = look("/queues/Q", width)
        page.evaluate("import('/static/js/notices.js').then((one) => one.toast('Said. '.repeat(30)))")
        toast = page.locator(".toast-box").bounding_box()
        for badge in page.locator("#queue-scans .status-badge").all():
            box = badge.bounding_box()
            assert box["x"] >= toast["x"] + toast["width"] or box["x"] + box["width"] <= toast["x"]


def test_a_scan_under_way_says_since_when_rather_than_how_long(bench: Any, look: Callable[..., Any]) -> None:
    bench.scan("P", state="paused", queue_id="Q")
    page = look("/queues/Q")
    cell = page.locator("#queue-scans tr[data-id=P] .time-cell")
    cell.wait_for()
    assert re.fullmatch(r"started (just now|\d+ s ago)", cell.inner_text())
