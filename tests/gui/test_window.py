"""The window on a local queue: buttons act, the states shown are the ones that came."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt, QThread

from GUI.main.main_window import WEBSOCKET_AVAILABLE
from pybirch.states import QueueState, ScanState, Wish
from tests.gui.conftest import Spectrometer, threads_since


def press(qtbot, window, action):
    button = window.queue_page.buttons.buttons[action]
    qtbot.waitUntil(button.isEnabled, timeout=3000)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def state_shown(window, row=0):
    rows = window.queue_page.table.rows
    return rows[row]["status"] if len(rows) > row else None


def test_start_pause_resume_abort_from_the_buttons(qtbot, bench, open_window):
    scan = bench.add(points=30)
    window = open_window(bench.queue)
    window.go_to("queue")
    qtbot.waitUntil(lambda: state_shown(window) == "queued")

    press(qtbot, window, "start")
    qtbot.waitUntil(lambda: state_shown(window) == "running")
    assert window.queue_page.chip.text == "running"
    bench.meter.permit(5)
    qtbot.waitUntil(lambda: window.follower.points() == 5)

    press(qtbot, window, "pause")
    qtbot.waitUntil(lambda: scan.requested is Wish.PAUSE)
    qtbot.waitUntil(lambda: window.queue_page.table.rows[0]["requested"] == "pause")
    bench.meter.permit(1)  # the step under way comes to its end
    qtbot.waitUntil(lambda: state_shown(window) == "paused")
    assert scan.state is ScanState.PAUSED
    qtbot.waitUntil(lambda: window.queue_page.chip.text == "paused")

    press(qtbot, window, "resume")
    qtbot.waitUntil(lambda: state_shown(window) == "running")
    press(qtbot, window, "abort")
    qtbot.waitUntil(lambda: state_shown(window) == "aborted")
    assert scan.state is ScanState.ABORTED
    qtbot.waitUntil(lambda: window.queue_page.chip.text == "idle")


def test_the_plot_has_exactly_the_readings(qtbot, bench, open_window):
    scan = bench.add(points=40)
    window = open_window(bench.queue)
    window.go_to("scan")
    bench.meter.permit(40)
    bench.queue.start()
    qtbot.waitUntil(lambda: scan.state is ScanState.COMPLETED)
    qtbot.waitUntil(lambda: window.follower.points() == 40)
    plot = window.scan_page.plot
    qtbot.waitUntil(lambda: plot.line.getData()[0] is not None and len(plot.line.getData()[0]) == 40)
    x, y = plot.line.getData()
    frame = scan.data["meter"]
    np.testing.assert_array_equal(x, frame["source (V)"])
    np.testing.assert_array_equal(y, frame["current (A)"])
    assert plot.across.currentText() == "source (V)"
    assert plot.label.toPlainText() == "2 A"


def test_a_window_opened_late_has_every_reading_once(qtbot, bench, open_window):
    scan = bench.add(points=30)
    bench.queue.start()
    bench.meter.permit(12)
    qtbot.waitUntil(lambda: scan.points_done == 12)
    window = open_window(bench.queue)
    qtbot.waitUntil(lambda: window.follower.points() == 12)
    bench.meter.permit(18)
    qtbot.waitUntil(lambda: window.follower.points() == 30)
    held = window.follower.records["meter"].scalars()["current (A)"]
    np.testing.assert_array_equal(held, scan.data["meter"]["current (A)"])


def test_spectra_are_drawn_as_curve_and_picture(qtbot, bench, open_window):
    scan = bench.add("spectra", 8, Spectrometer("spectrometer"))
    window = open_window(bench.queue)
    window.go_to("scan")
    bench.queue.start()
    qtbot.waitUntil(lambda: scan.state is ScanState.COMPLETED)
    plot = window.scan_page.plot
    qtbot.waitUntil(lambda: plot.image.image is not None and plot.image.image.shape == (8, 16))
    assert not plot.spectra.isHidden()
    x, _ = plot.line.getData()
    np.testing.assert_allclose(x, np.linspace(400, 700, 16))


def test_a_failed_scan_tells_its_error(qtbot, bench, open_window):
    scan = bench.add(points=10)
    bench.meter.fails_at = 0.5
    bench.meter.permit(10)
    window = open_window(bench.queue)
    window.go_to("scan")
    bench.queue.start()
    qtbot.waitUntil(lambda: scan.state is ScanState.FAILED)
    qtbot.waitUntil(lambda: "overload" in window.scan_page.trouble.text)
    assert window.scan_page.chip.text == "failed"
    qtbot.waitUntil(lambda: "overload" in window.queue_page.log.toPlainText())
    assert window.scan_page.buttons.buttons["restart"].isEnabled()
    qtbot.mouseClick(window.scan_page.buttons.buttons["restart"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.queue_page.table.rows) == 2)
    qtbot.waitUntil(lambda: state_shown(window, 1) == "running")  # run again at once, as in the browser


def test_a_refused_command_is_a_sentence(qtbot, bench, open_window):
    bench.add()
    window = open_window(bench.queue)
    window.commands.ask("pause", queue_id="bench queue")
    qtbot.waitUntil(lambda: "cannot be paused" in window.frame.notice.text)


def test_stop_everything_by_key_asks_once(qtbot, bench, open_window):
    scan = bench.add()
    window = open_window(bench.queue)
    asked = []
    window.ask = lambda *what: asked.append(what) or True
    bench.queue.start()
    qtbot.waitUntil(lambda: scan.state is ScanState.RUNNING)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: scan.state is ScanState.ABORTED)
    assert len(asked) == 1


def test_nothing_from_the_lab_is_handled_in_another_thread(qtbot, bench, open_window, monkeypatch):
    bench.add(points=20)
    window = open_window(bench.queue)
    threads = set()
    for owner, name in (
        (window.view, "take"),
        (window.follower, "take"),
        (window.scan_page.plot, "draw_now"),
    ):
        original = getattr(owner, name)

        def spy(*what, original=original):
            threads.add(QThread.currentThread() is window.thread())
            return original(*what)

        monkeypatch.setattr(owner, name, spy)
    window.go_to("scan")
    bench.meter.permit(20)
    bench.queue.start()
    qtbot.waitUntil(lambda: window.follower.points() == 20)
    assert threads == {True}


def test_closing_asks_while_the_queue_runs(threads_before, qtbot, bench, open_window):
    scan = bench.add()
    window = open_window(bench.queue)
    bench.queue.start()
    qtbot.waitUntil(lambda: scan.state is ScanState.RUNNING)
    window.ask = lambda *_: False
    window.close()
    assert window.isVisible()
    assert scan.state is ScanState.RUNNING
    window.ask = lambda *_: True
    window.close()
    qtbot.waitUntil(lambda: not window.isVisible())
    assert scan.state is ScanState.ABORTED
    assert bench.queue.state is QueueState.IDLE
    assert not threads_since(threads_before, "observer", "scan", "queue")


def test_pages_and_looks(qtbot, bench, open_window):
    bench.add()
    window = open_window(bench.queue, dark=True)
    assert WEBSOCKET_AVAILABLE
    window.show_extensions_page()
    assert window.frame.stack.currentWidget() is window.extensions_page
    dark = window.styleSheet()
    window.look.set_dark(False)
    assert window.styleSheet() != dark
    assert "@" not in window.styleSheet()


def test_attaching_without_a_server_says_so(qtbot, bench, open_window, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_STORAGE_PATH", raising=False)
    window = open_window(bench.queue)
    window.enable_websocket_integration()
    qtbot.waitUntil(lambda: "server" in window.frame.notice.text)
    window.disable_websocket_integration()
    assert window.frame.connection.text == "local"
