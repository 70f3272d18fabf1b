"""Stations in the browser: what cannot be started, and what one that ended leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def bench(lab: Any) -> Any:
    """A queue Q of the station "bench", which is there, with a scan that waits and one that runs."""
    lab.db.stations.attach("bench", epoch="e1")
    lab.parts.stations.attach("bench", "e1", "sid")
    lab.queue(station="bench")
    lab.scan("T", rows=0, state="queued", queue_id="Q")
    lab.scan("S", queue_id="Q")
    return lab


def end_station(lab: Any) -> None:
    """As the supervisor says it of a process that was killed."""
    exit_ = {"station": "bench", "epoch": "e1", "code": -9}
    answer = lab.app.test_client().post("/api/station/exited", json=exit_, headers=lab.token("station"))
    assert answer.json == {"ok": True}


def start_station_anew(lab: Any) -> None:
    lab.db.stations.attach("bench", epoch="e2")
    lab.parts.stations.attach("bench", "e2", "sid2")


def test_a_queue_whose_station_is_there_offers_start(bench: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/Q")
    page.wait_for_selector("#queue-start:enabled")
    assert page.get_attribute("#queue-start", "title") == "Run the queued scans"


def test_a_queue_whose_station_has_ended_offers_no_start(bench: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/Q")
    page.wait_for_selector("#queue-start:enabled")
    end_station(bench)
    page.wait_for_selector("#queue-start:disabled")
    assert page.get_attribute("#queue-start", "title") == "Station bench has ended. Start it again first."
    page.wait_for_selector("#queue-scans tr[data-id=S] [data-action=resume]:disabled")
    start_station_anew(bench)
    page.wait_for_selector("#queue-start:enabled")
    page.wait_for_selector("#queue-scans tr[data-id=S] [data-action=resume]:enabled")


def test_a_queue_without_a_station_offers_no_start(lab: Any, look: Callable[..., Any]) -> None:
    lab.queue()
    lab.scan("T", rows=0, state="queued", queue_id="Q")
    page = look("/queues/Q")
    page.wait_for_selector("#queue-start:disabled")
    assert "pybirch station my_lab.py" in page.get_attribute("#queue-start", "title")


def test_the_end_of_a_station_is_told_until_somebody_has_read_it(
    bench: Any, look: Callable[..., Any]
) -> None:
    page = look("/queues/Q")
    page.wait_for_selector("#queue-start:enabled")
    end_station(bench)
    page.wait_for_selector("#banners >> text=Station bench has exited")
    start_station_anew(bench)
    banner = page.locator("#banners .notice")
    page.wait_for_selector("#banners >> text=/Station bench ended at .* and is back/")
    banner.get_by_text("Close").click()
    banner.wait_for(state="detached")


def test_an_interrupted_scan_says_so_and_offers_to_resume(bench: Any, look: Callable[..., Any]) -> None:
    page = look("/queues/Q")
    page.wait_for_selector("#queue-start:enabled")
    end_station(bench)
    notice = page.locator("#queue-error .notice")
    notice.wait_for()
    assert "scan S was interrupted: the station's process was killed." in notice.inner_text()
    assert notice.locator("button").all_inner_texts() == ["Resume", "Run again", "Leave it"]
    assert page.inner_text("#queue-scans tr[data-id=S] [data-action=resume]") == "Resume"
    page.wait_for_selector("#queue-log >> text=scan S was interrupted: the station's process was killed")
    assert page.locator("#queue-log li").count() == 1
    page.reload()
    notice.wait_for()
    page.wait_for_selector("#queue-log li")
    assert page.locator("#queue-log li").count() == 1


def test_an_answer_on_its_way_does_not_undo_what_was_heard_since(
    bench: Any, look: Callable[..., Any]
) -> None:
    page = look("/queues/Q")
    page.wait_for_selector("#queue-start:enabled")
    late: list[Any] = []
    page.route("**/api/overview", lambda route: late.append(route))
    page.evaluate("pybirch.realtime.disconnect(); pybirch.realtime.connect()")
    page.wait_for_selector(".connection-status.connected")
    while not late:
        page.wait_for_timeout(20)
    answer = late[0].fetch()
    end_station(bench)
    page.wait_for_selector("#banners >> text=Station bench has exited")
    with page.expect_response("**/api/overview"):
        late[0].fulfill(response=answer)
    page.wait_for_timeout(200)
    assert page.is_visible("#banners >> text=Station bench has exited")
    assert page.is_disabled("#queue-start")


def test_a_silent_station_is_given_up_by_a_person(bench: Any, look: Callable[..., Any]) -> None:
    """Nobody else could end what a killed script was measuring."""
    page = look("/queues/Q")
    client, headers = bench.app.test_client(), bench.token("operate")
    assert client.post("/api/station/bench/gone", headers=headers).status_code == 409, "it answers"
    assert client.post("/api/station/nobody/gone", headers=headers).status_code == 404
    assert client.post("/api/station/bench/gone", headers=bench.token("read")).status_code == 403
    bench.parts.stations._clock = lambda: time.monotonic() + 60
    bench.parts.stations.check()
    page.click("#banners >> text=It is gone …")
    page.click("dialog >> text=It is gone")
    page.wait_for_selector("#queue-scans tr[data-id=S] .status-interrupted")
    page.wait_for_selector("#banners >> text=given up by operator-person")
    assert bench.db.scans.get("S").status == "interrupted"
