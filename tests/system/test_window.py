"""The window beside a real server: finds it, shows it, commands it; and as a station of its own."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("QT_API", "pyqt6")

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pybirch import MeasurementItem, MovementItem, Queue, Scan, ScanSettings
from pybirch.demo import lab as demo_lab
from pybirch.instruments.simulated import FakeMultimeter, FakeStage
from tests.conftest import need
from tests.system.running import RunningLab


@pytest.fixture
def open_window(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    try:
        from GUI.main.main_window import MainWindow
    except ImportError as error:
        need(False, f"no window here: {error}", "pip install 'pybirch[gui]'")
        raise
    opened: list[Any] = []

    def open_one(lab: RunningLab | None = None, queue: Any = None) -> Any:
        if lab is not None:
            monkeypatch.setenv("DATA_STORAGE_PATH", str(lab.data_dir))
        window = MainWindow(queue=queue)
        window.ask = lambda *_: True
        qtbot.addWidget(window)
        opened.append(window)
        window.show()
        return window

    yield open_one
    for window in opened:
        window._may_close = True
        window.close()


def press(qtbot: Any, window: Any, action: str) -> None:
    button = window.scan_page.buttons.buttons[action]
    qtbot.waitUntil(button.isEnabled, timeout=5_000)
    button.click()


def status(lab: RunningLab, scan_id: str) -> str:
    return lab.get(f"/api/scan/{scan_id}")["status"]


def test_pause_resume_abort_from_the_window_with_the_server_killed_in_between(
    demo: RunningLab, open_window: Callable[..., Any], qtbot: Any
) -> None:
    first = demo.scans("bench")[0]["scan_id"]
    qtbot.waitUntil(lambda: status(demo, first) == "running", timeout=20_000)
    window = open_window(demo)
    qtbot.waitUntil(lambda: window.frame.connection.text == "live", timeout=10_000)
    window.show_scan(first)
    qtbot.waitUntil(lambda: window.follower.points() > 3, timeout=5_000)

    press(qtbot, window, "pause")
    qtbot.waitUntil(lambda: status(demo, first) == "paused", timeout=3_000)
    qtbot.waitUntil(lambda: window.scan_page.chip.text == "paused", timeout=2_000)

    demo.kill("server")
    qtbot.waitUntil(lambda: window.frame.connection.text != "live", timeout=5_000)
    qtbot.waitUntil(lambda: window.frame.connection.text == "live", timeout=20_000)
    qtbot.waitUntil(lambda: demo.get("/api/overview")["stations"][0]["state"] == "live", timeout=15_000)

    paused_at = window.follower.points()
    press(qtbot, window, "resume")
    qtbot.waitUntil(lambda: window.follower.points() > paused_at, timeout=10_000)
    press(qtbot, window, "abort")
    qtbot.waitUntil(lambda: window.scan_page.chip.text == "aborted", timeout=5_000)

    stored = demo.get(f"/api/scan/{first}")["points_done"]
    assert paused_at < stored < demo_lab.DIODE_POINTS
    qtbot.waitUntil(lambda: window.follower.points() == stored, timeout=5_000)


def test_what_the_window_runs_is_seen_and_paused_in_the_browser(
    start: Callable[..., RunningLab],
    open_window: Callable[..., Any],
    person: Callable[[RunningLab], Any],
    qtbot: Any,
) -> None:
    lab = start("--no-station", DATABASE_URL="sqlite:///pybirch.db")
    meter = MeasurementItem(FakeMultimeter("volts", delay=0.03))
    tree = [MovementItem(FakeStage("stage"), np.linspace(0, 1, 300), children=[meter])]
    queue = Queue("window-queue")
    window = open_window(queue=queue)
    window.enable_websocket_integration(lab.url, lab.token)
    qtbot.waitUntil(lambda: bool(window.attachment.url), timeout=10_000)
    scan_id = queue.enqueue(Scan(ScanSettings("Window", "from a window", "line", "test", tree)))
    window.show_scan(scan_id)
    queue.start()

    page = person(lab)
    page.goto(f"{lab.url}/scans/{scan_id}")
    page.wait_for_selector(".status-badge.status-running")
    page.click("#scan-pause")
    qtbot.waitUntil(lambda: window.scan_page.chip.text == "paused", timeout=5_000)
    press(qtbot, window, "resume")
    page.wait_for_selector(".status-badge.status-running", timeout=5_000)
    press(qtbot, window, "abort")
    page.wait_for_selector(".status-badge.status-aborted", timeout=5_000)
    stored = lab.get(f"/api/scan/{scan_id}")["points_done"]
    assert stored == queue.get_handle(0).scan.points_done > 0
