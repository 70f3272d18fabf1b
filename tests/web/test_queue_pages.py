"""Queues in the browser: every page counts and reckons alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pybirch.states import QueueState, ScanState

pytestmark = pytest.mark.browser

MINUTE = timedelta(minutes=1)


def fill_queue(lab: Any, states: Iterable[str], status: QueueState = QueueState.IDLE) -> None:
    """A queue Q of scans in these states; each of its points has taken a second."""
    lab.queue()
    for number, state in enumerate(states):
        begun = datetime.now(UTC) - MINUTE
        scan_id = f"S{number}"
        lab.db.scans.create(
            scan_id=scan_id, scan_name=f"line {number}", scan_type="line", queue_id="Q", points_total=120
        )
        if state == "queued":
            continue
        lab.db.scans.set_status(scan_id, ScanState.RUNNING, timestamp=begun, progress=0.5)
        if state != "running":
            lab.db.scans.set_status(scan_id, state, timestamp=begun + MINUTE, points_done=60)
    lab.db.queues.set_status("Q", status)


def told(look: Callable[..., Any], path: str, selector: str) -> str:
    page = look(path)
    page.wait_for_selector(selector)
    return page.inner_text(selector)


def assert_everywhere(look: Callable[..., Any], text: str) -> None:
    assert text in told(look, "/", "#running-queues .sub")
    assert text in told(look, "/queues", "#queues-table tbody tr")
    assert text in told(look, "/queues/Q", "#queue-progress .figure")


def bar_of(look: Callable[..., Any], path: str, box: str) -> tuple[str, str]:
    page = look(path)
    bar = page.locator(f"{box} .progress-bar-box").first
    bar.wait_for()
    return bar.get_attribute("aria-valuenow"), bar.locator("i").get_attribute("class")


@pytest.mark.parametrize(
    ("states", "text"),
    [
        (["completed", "completed", "queued"], "2 of 3 scans done"),
        (["completed", "completed", "interrupted", "queued"], "2 completed, 1 interrupted, of 4"),
        (["completed", "aborted", "failed", "failed"], "1 completed, 2 failed, 1 aborted, of 4"),
    ],
)
def test_every_page_counts_what_is_completed_and_tells_the_rest_apart(
    lab: Any, look: Callable[..., Any], states: list[str], text: str
) -> None:
    fill_queue(lab, states)
    assert_everywhere(look, text)


def test_a_queue_with_an_interrupted_scan_is_not_shown_as_finished(
    lab: Any, look: Callable[..., Any]
) -> None:
    fill_queue(lab, ["completed", "interrupted"])
    for path, box in (
        ("/", "#running-queues"),
        ("/queues", "#queues-table"),
        ("/queues/Q", "#queue-progress"),
    ):
        assert bar_of(look, path, box) == ("50", "status-interrupted")


def test_what_the_station_says_of_completed_scans_does_not_change_the_count(
    lab: Any, look: Callable[..., Any]
) -> None:
    fill_queue(lab, ["completed", "aborted"])
    page = look("/queues/Q")
    page.wait_for_function("window.pybirch.realtime.isLive")
    lab.parts.updates.broadcast_queue_status("Q", "stopping", completed_scans=2, total_scans=2)
    page.wait_for_selector("#queue-state .status-stopping")
    assert page.inner_text("#queue-progress .figure") == "Scans\n1 completed, 1 aborted, of 2"


def test_a_queue_ends_with_its_running_scan_on_every_page(lab: Any, look: Callable[..., Any]) -> None:
    fill_queue(lab, ["completed", "running"], QueueState.RUNNING)
    for path, box in (("/", "#running-queues"), ("/queues/Q", "main")):
        page = look(path)
        page.wait_for_selector(f"{box} >> text=/about (59 s|1 min 0\\d s)/")
    queue_end = page.inner_text("#queue-progress .figure:last-child strong").removeprefix("about ")
    assert page.inner_text("#queue-scans .status-running >> xpath=ancestor::tr").count(queue_end) == 1


def test_what_waits_is_reckoned_by_the_scans_of_its_type(lab: Any, look: Callable[..., Any]) -> None:
    fill_queue(lab, ["completed", "running", "queued", "queued"], QueueState.RUNNING)
    look("/queues/Q").wait_for_selector("#queue-progress >> text=/about (4 min 5\\d s|5 min 0\\d s)/")
    look("/").wait_for_selector("#running-queues >> text=/about (4 min 5\\d s|5 min 0\\d s)/")


def test_nothing_is_said_of_the_end_while_something_unknown_waits(lab: Any, look: Callable[..., Any]) -> None:
    fill_queue(lab, ["completed", "running", "queued"], QueueState.RUNNING)
    lab.db.scans.update("S2", scan_type="map")
    assert "about" not in told(look, "/", "#running-queues .live-row")
    assert "about" not in told(look, "/queues/Q", "#queue-progress")


RESUMED = """async () => {
    const { remaining } = await import('/static/js/progress.js');
    const began = Date.now();
    const started_at = new Date(began - 1000_000).toISOString();
    const at = (seconds, progress) => {
        Date.now = () => began + seconds * 1000;
        return Math.round(remaining({ scan_id: 'S', status: 'running', started_at, progress }));
    };
    return [at(0, 0.1), at(25, 0.35)];
}"""


def test_a_scan_that_lay_still_is_reckoned_by_its_present_pace(lab: Any, look: Callable[..., Any]) -> None:
    assert look("/").evaluate(RESUMED) == [9000, 65]
