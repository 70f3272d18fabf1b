"""A script's queue beside a running server: recorded by it, seen and commanded through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pybirch import MeasurementItem, MovementItem, Queue, Scan, ScanSettings
from pybirch.database_integration import setup_websocket_integration
from pybirch.errors import ServerUnavailableError
from pybirch.instruments.simulated import FakeMultimeter, FakeSpectrometer, FakeStage
from tests.conftest import until
from tests.system.running import RunningLab


def script_scan(points: int, delay: float = 0.0) -> Scan:
    stage = FakeStage("script stage")
    readers = [
        MeasurementItem(FakeMultimeter("volts", delay=delay)),
        MeasurementItem(FakeSpectrometer("light")),
    ]
    tree = [MovementItem(stage, np.linspace(0, 1, points), children=readers)]
    return Scan(ScanSettings("Script", "from a script", "line", "test", tree))


@pytest.fixture
def server(start: Callable[..., RunningLab]) -> RunningLab:
    return start("--no-station", DATABASE_URL="sqlite:///pybirch.db")


def test_a_plain_queue_is_recorded_and_commanded(
    server: RunningLab, person: Callable[[RunningLab], Any]
) -> None:
    queue = Queue("script-queue")
    bridge = setup_websocket_integration(queue, server_url=server.url, token=server.token)
    assert setup_websocket_integration(queue, server_url=server.url, token=server.token) is bridge
    try:
        scan_id = queue.enqueue(script_scan(200, delay=0.02))
        page = person(server)
        page.goto(f"{server.url}/queues/script-queue")
        page.click("#queue-start")
        until(lambda: queue.get_handle(0).state == "running", what="the page's click started the queue")
        page.goto(f"{server.url}/scans/{scan_id}")
        page.click("#scan-pause")
        until(lambda: queue.get_handle(0).state == "paused", what="the page's click paused the scan")

        before = server.pid("server")
        server.kill("server")
        until(lambda: server.pid("server") not in (None, before), 10, "the supervisor brings the server back")
        queue.resume(scan_id)
        assert queue.wait_for_completion(60)

        scan = queue.get_handle(0).scan
        assert scan.state == "completed", scan.error
        shape = server.get(f"/api/scan/{scan_id}")
        assert {m["name"]: m["count"] for m in shape["measurements"]} == {"volts": 200, "light": 200}
        until(lambda: server.get(f"/api/scan/{scan_id}")["status"] == "completed", 5, "the record says so")
        until(
            lambda: page.evaluate("window.pybirch.scan.indexes('volts').length") == 200,
            20,
            "the page has all",
        )
        text = server.get(f"/api/scan/{scan_id}/data/volts?format=float64")
        assert text["count"] == 200
    finally:
        bridge.unregister()


def test_a_scan_is_rewound_from_its_page(server: RunningLab, person: Callable[[RunningLab], Any]) -> None:
    queue = Queue("script-queue")
    bridge = setup_websocket_integration(queue, server_url=server.url, token=server.token)
    try:
        scan_id = queue.enqueue(script_scan(300, delay=0.02))
        scan = queue.get_handle(0).scan
        page = person(server)
        page.goto(f"{server.url}/scans/{scan_id}")
        queue.start()
        until(lambda: scan.points_done > 80, 20, "the scan is under way")
        page.click("#scan-more summary")
        page.click("#scan-rewind")
        page.click("dialog [value=beginning]")
        page.fill("dialog .reason", "the lamp was off")
        page.click("dialog [data-answer=yes]")
        until(
            lambda: any("rewound to step 0" in line.message for line in queue.get_logs()), what="it is told"
        )
        page.click("#scan-pause")
        until(lambda: scan.state == "paused", what="it still hears a pause")
        queue.resume(scan_id)
        assert queue.wait_for_completion(60)
        assert scan.state == "completed", scan.error

        counts = scan.counts
        assert counts["volts"] > 300
        newest = list(scan.data["volts"].index)
        assert len(newest) == 300
        told = server.get(f"/api/scan/{scan_id}/data/volts")
        assert (told["indexes"], told["total"]) == (newest, counts["volts"])
        shape = server.get(f"/api/scan/{scan_id}")
        assert {m["name"]: m["count"] for m in shape["measurements"]} == counts
        for name in ("volts", "light"):
            script = f"window.pybirch.scan.indexes({name!r})"
            until(lambda s=script: page.evaluate(s) == newest, 20, f"the page has the newest of {name}")
        page.reload()
        page.wait_for_selector(".connection-status.connected")
        until(lambda: page.evaluate("window.pybirch.scan.indexes('volts')") == newest, 20, "and again")
    finally:
        bridge.unregister()


def test_a_wrong_token_is_a_sentence(server: RunningLab) -> None:
    with pytest.raises(ServerUnavailableError, match="token"):
        setup_websocket_integration(Queue("nobody"), server_url=server.url, token="wrong", timeout=1.0)
