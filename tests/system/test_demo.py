"""The demo as a newcomer and a watcher see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
import pytest

from database.services import DatabaseService
from pybirch.demo import lab as demo_lab
from tests.conftest import until
from tests.system.conftest import QUICK
from tests.system.running import RunningLab

BENCH = {
    "Diode I-V curve": {"diode": demo_lab.DIODE_POINTS},
    "Spectra along the film": {"spectrometer": demo_lab.SPECTRA},
    "Resonance of a tuning fork": {"lockin": demo_lab.RESONANCE_POINTS},
    "Diode under light from the film": {
        "spectrometer": demo_lab.MAP_PLACES,
        "diode": demo_lab.MAP_PLACES * demo_lab.MAP_VOLTAGES,
    },
}


def scan_called(lab: RunningLab, name: str) -> dict[str, Any]:
    return next(scan for scan in lab.scans("bench") if scan["name"] == name)


def is_running(lab: RunningLab, name: str) -> Callable[[], bool]:
    return lambda: scan_called(lab, name)["status"] == "running" and scan_called(lab, name)["points_done"] > 3


def shown_indexes(page: Any, measurement: str) -> list[int]:
    return page.evaluate("m => Array.from(window.pybirch.scan.indexes(m))", measurement)


def test_the_queue_runs_to_its_end_and_all_counts_agree(
    start: Callable[..., RunningLab], person: Callable[[RunningLab], Any]
) -> None:
    lab = start("--demo", data="data/demo", PYBIRCH_DEMO_PACE=QUICK)
    page = person(lab)
    until(lambda: all(s["status"] == "completed" for s in lab.scans("bench")), 60, "the bench queue is done")

    with DatabaseService(str(lab.database), migrate=False) as db:
        for scan in lab.scans("bench"):
            expected = BENCH[scan["name"]]
            shape = lab.get(f"/api/scan/{scan['scan_id']}")
            assert {m["name"]: m["count"] for m in shape["measurements"]} == expected
            assert shape["points_done"] == shape["points_total"] == sum(expected.values())
            page.goto(f"{lab.url}/scans/{scan['scan_id']}")
            for measurement, count in expected.items():
                stored = db.readings.read(scan["scan_id"], measurement)
                assert stored.count == count
                until(lambda m=measurement, n=count: len(shown_indexes(page, m)) == n, 10, "the page has all")
                assert shown_indexes(page, measurement) == list(range(count))
            assert page.inner_text(".status-badge.status-completed") == "completed"
    assert set(BENCH) == {scan["name"] for scan in lab.scans("bench")}


def test_pause_reload_resume_abort_with_the_server_killed_in_between(
    demo: RunningLab, person: Callable[[RunningLab], Any]
) -> None:
    name = "Diode I-V curve"
    page = person(demo)
    until(is_running(demo, name), 20, "the first scan runs")
    scan_id = scan_called(demo, name)["scan_id"]
    page.goto(f"{demo.url}/scans/{scan_id}")

    page.click("#scan-pause")
    page.wait_for_selector(".status-badge.status-paused", timeout=2_000)
    paused_at = demo.get(f"/api/scan/{scan_id}")["points_done"]
    page.reload()
    page.wait_for_selector(".status-badge.status-paused")

    server = demo.pid("server")
    demo.kill("server")
    until(lambda: demo.pid("server") not in (None, server), 10, "the supervisor brings the server back")
    page.wait_for_selector(".connection-status.connected", timeout=20_000)
    until(lambda: demo.get("/api/overview")["stations"][0]["state"] == "live", 15, "the station is back")
    assert demo.get(f"/api/scan/{scan_id}")["points_done"] == paused_at

    page.click("#scan-resume")
    page.wait_for_selector(".status-badge.status-running", timeout=5_000)
    until(lambda: len(shown_indexes(page, "diode")) > paused_at, 10, "new points arrive on the page")
    page.click("#scan-abort")
    if page.locator("dialog[open] button.danger").count():
        page.click("dialog[open] button.danger")
    page.wait_for_selector(".status-badge.status-aborted", timeout=5_000)

    stored = demo.get(f"/api/scan/{scan_id}")["points_done"]
    assert paused_at < stored < demo_lab.DIODE_POINTS
    until(lambda: shown_indexes(page, "diode") == list(range(stored)), 10, "page and record agree")


def test_a_page_open_while_the_server_dies_has_every_point_once(
    start: Callable[..., RunningLab], person: Callable[[RunningLab], Any]
) -> None:
    demo = start("--demo", data="data/demo", PYBIRCH_DEMO_PACE="0.15")
    name = "Resonance of a tuning fork"
    page = person(demo)
    scan_id = scan_called(demo, name)["scan_id"]
    page.goto(f"{demo.url}/scans/{scan_id}")
    until(is_running(demo, name), 40, "the third scan runs")

    server = demo.pid("server")
    demo.kill("server")
    until(lambda: demo.pid("server") not in (None, server), 10, "the supervisor brings the server back")
    page.wait_for_selector(".connection-status.connected", timeout=20_000)
    until(lambda: demo.get(f"/api/scan/{scan_id}")["status"] == "completed", 40, "the station went on")

    whole = list(range(demo_lab.RESONANCE_POINTS))
    until(lambda: shown_indexes(page, "lockin") == whole, 10, "no gap and no double")
    page.wait_for_selector(".status-badge.status-completed")


def test_a_killed_station_is_told_at_once_and_loses_nothing(
    demo: RunningLab, person: Callable[[RunningLab], Any]
) -> None:
    name = "Diode I-V curve"
    page = person(demo)
    until(is_running(demo, name), 20, "the first scan runs")
    scan_id = scan_called(demo, name)["scan_id"]
    page.goto(f"{demo.url}/scans/{scan_id}")
    page.wait_for_selector(".status-badge.status-running")
    until(lambda: len(shown_indexes(page, "diode")) > 3, 5, "points are shown")

    demo.kill("station")
    page.wait_for_selector(".status-badge.status-interrupted", timeout=2_000)

    shown = shown_indexes(page, "diode")
    shape = demo.get(f"/api/scan/{scan_id}")
    assert shape["status"] == "interrupted"
    with DatabaseService(str(demo.database), migrate=False) as db:
        stored = db.readings.read(scan_id, "diode")
    assert list(range(stored.count)) == list(range(shape["points_done"]))
    assert shown == list(range(len(shown)))
    assert len(shown) <= stored.count

    until(lambda: demo.get("/api/overview")["stations"][0]["state"] == "live", 20, "a new station is there")
    assert demo.get("/api/queue/bench")["status"] == "idle"
    again = demo.post(f"/api/scan/{scan_id}/restart")
    assert again.status_code == 200, again.text
    assert again.json()["scan"]["restarted_from"] == scan_id


def test_a_scan_goes_on_after_its_station_was_killed(
    demo: RunningLab, person: Callable[[RunningLab], Any]
) -> None:
    name = "Diode I-V curve"
    page = person(demo)
    until(is_running(demo, name), 20, "the first scan runs")
    scan_id = scan_called(demo, name)["scan_id"]
    page.goto(f"{demo.url}/scans/{scan_id}")
    until(lambda: len(shown_indexes(page, "diode")) > 3, 5, "points are shown")
    demo.kill("station")
    page.wait_for_selector(".status-badge.status-interrupted", timeout=2_000)
    kept = demo.get(f"/api/scan/{scan_id}")["points_done"]
    until(lambda: demo.get("/api/overview")["stations"][0]["state"] == "live", 20, "a new station is there")
    assert demo.get(f"/api/scan/{scan_id}")["points_done"] == kept, "nothing moves before somebody says so"

    page.click("#scan-resume")
    page.wait_for_selector(".status-badge.status-running", timeout=5_000)
    page.wait_for_selector(".status-badge.status-completed", timeout=40_000)
    whole = list(range(demo_lab.DIODE_POINTS))
    until(lambda: shown_indexes(page, "diode") == whole, 10, "no gap and no double")
    with DatabaseService(str(demo.database), migrate=False) as db:
        stored = db.readings.read(scan_id, "diode")
        assert list(stored.steps) == whole
        assert db.scans.get(scan_id).status == "completed"


def test_stop_everything_from_any_page(demo: RunningLab, person: Callable[[RunningLab], Any]) -> None:
    page = person(demo)
    until(is_running(demo, "Diode I-V curve"), 20, "the first scan runs")
    page.goto(f"{demo.url}/instruments")
    page.click("#stop-everything")
    page.click("dialog[open] button.danger")

    until(lambda: all(q["status"] == "idle" for q in demo.get("/api/queues")["items"]), 3, "all queues rest")
    assert scan_called(demo, "Diode I-V curve")["status"] == "aborted"
    states = {i["name"]: i["status"] for i in demo.get("/api/instruments/status")}
    assert set(states.values()) == {"disconnected"}


def test_ctrl_c_leaves_nobody_within_five_seconds(demo: RunningLab) -> None:
    until(is_running(demo, "Diode I-V curve"), 20, "the first scan runs")
    family = demo.family()
    scan_id = scan_called(demo, "Diode I-V curve")["scan_id"]
    demo.process.send_signal(2)

    assert demo.process.wait(5) == 0
    _, alive = psutil.wait_procs(family, timeout=0.2)
    assert not alive
    with DatabaseService(str(demo.database), migrate=False) as db:
        assert db.scans.get(scan_id).status == "aborted"


@pytest.mark.parametrize(
    "path", ["/", "/scans", "/queues", "/instruments", "/api/overview", "/api/queue/bench"]
)
def test_nobody_unknown_sees_a_page(demo_once: RunningLab, path: str) -> None:
    import requests

    answer = requests.get(f"{demo_once.url}{path}", allow_redirects=False, timeout=5)
    assert answer.status_code in (302, 401)
    assert "Diode" not in answer.text


@pytest.fixture(scope="module")
def demo_once(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A demo that tests only look at."""
    lab = RunningLab(tmp_path_factory.mktemp("demo"), "--demo", data="data/demo", PYBIRCH_DEMO_PACE="1")
    yield lab
    lab.close()
