"""The watcher's side of the server: every reading once, whatever drops; refusals are sentences."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from qtpy.QtCore import Qt

from pybirch.database_integration.sync.connection import ConnectionState
from pybirch.database_integration.sync.remote_lab import RemoteLab
from pybirch.errors import IllegalTransitionError, NotFoundError, PyBirchError, ServerUnavailableError
from pybirch.events import QueueLog, Readings, ScanStatus
from tests.gui.conftest import living_threads, threads_since
from tests.gui.fake_server import QUEUE, SCAN, TOKEN, FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    made = FakeServer()
    yield made
    made.close()


@pytest.fixture
def lab(server: FakeServer) -> Iterator[RemoteLab]:
    before = living_threads()
    made = RemoteLab(server.url, TOKEN, pauses=(0.05, 0.1))
    yield made
    made.close()
    assert not threads_since(before, "remote lab", "observer")


class Heard:
    def __init__(self, lab: RemoteLab) -> None:
        self.indexes: list[int] = []
        self.events: list[object] = []
        lab.bus.subscribe(self._hear, name="test")

    def _hear(self, event: object) -> None:
        self.events.append(event)
        if isinstance(event, Readings):
            self.indexes += range(event.first_index, event.end_index)


def is_live(lab: RemoteLab) -> bool:
    return lab.connection.state is ConnectionState.LIVE


def test_it_shows_what_the_server_has(lab, wait_for):
    wait_for(lambda: is_live(lab))
    overview = lab.snapshot()
    assert (lab.name, overview["queues"][0]["queue_id"]) == ("Far lab", QUEUE)
    assert lab.queue(QUEUE)["scans"][0]["scan_id"] == SCAN
    assert lab.logs(QUEUE)[0]["message"] == "earlier line"


def test_statuses_and_log_lines_are_heard(server, lab, wait_for):
    heard = Heard(lab)
    wait_for(lambda: is_live(lab))
    server.becomes("running")
    server.log("lamp is warm")
    wait_for(lambda: any(isinstance(e, QueueLog) and e.message == "lamp is warm" for e in heard.events))
    assert any(isinstance(e, ScanStatus) and e.status == "running" for e in heard.events)


def test_a_gap_is_fetched_and_a_double_dropped(server, lab, wait_for):
    server.measure(4)
    heard = Heard(lab)
    wait_for(lambda: is_live(lab))
    lab.watch(SCAN)
    wait_for(server.is_watched)
    server.measure(5)
    wait_for(lambda: len(heard.indexes) == 5)
    server.measure(5, heard=False)
    server.tell_readings(4, 5)
    server.measure(5)
    wait_for(lambda: len(heard.indexes) == 15)
    assert heard.indexes == list(range(4, 19))


def test_a_dropped_connection_leaves_no_gap_and_no_double(server, lab, wait_for):
    heard = Heard(lab)
    wait_for(lambda: is_live(lab))
    lab.watch(SCAN)
    wait_for(server.is_watched)
    server.measure(6)
    wait_for(lambda: len(heard.indexes) == 6)
    server.drop_everybody()
    server.measure(7, heard=False)
    wait_for(lambda: len(heard.indexes) == 13, what="the readings taken while nobody listened")
    wait_for(lambda: is_live(lab) and server.is_watched())
    server.measure(3)
    wait_for(lambda: len(heard.indexes) == 16)
    assert heard.indexes == list(range(16))
    states = [e.state for e in heard.events if hasattr(e, "state")]
    assert ConnectionState.RECONNECTING in states


def test_readings_are_exact_and_paged(server, lab, wait_for):
    wait_for(lambda: is_live(lab))
    server.measure(10, heard=False)
    page = lab.readings(SCAN, "meter", start=3, max_points=4)
    assert (page.first_index, page.count) == (3, 4)
    assert list(page.values["current (A)"]) == [6, 8, 10, 12]


def test_a_refused_token_is_a_sentence(server, wait_for):
    lab = RemoteLab(server.url, "wrong token", pauses=(0.05,))
    try:
        wait_for(lambda: "refused the token" in lab.connection.message)
        assert lab.connection.state is ConnectionState.OFFLINE
        with pytest.raises(ServerUnavailableError, match="refused the token"):
            lab.snapshot()
    finally:
        lab.close()


def test_no_server_is_told_calmly_and_found_when_it_starts(server, wait_for):
    running: list[tuple[str, str]] = []

    def find() -> tuple[str, str]:
        if not running:
            raise ServerUnavailableError("No server is running. Start one with run_web.py.")
        return running[0]

    lab = RemoteLab(find=find, pauses=(0.05,))
    try:
        wait_for(lambda: "run_web.py" in lab.connection.message)
        with pytest.raises(ServerUnavailableError, match="run_web"):
            lab.command("start", QUEUE)
        running.append((server.url, TOKEN))
        wait_for(lambda: is_live(lab))
    finally:
        lab.close()


def test_commands_answer_or_are_refused(server, lab, wait_for):
    wait_for(lambda: is_live(lab))
    lab.command("start", QUEUE)
    assert server.commands == [(QUEUE, "start")]
    server.refuses = True
    with pytest.raises(IllegalTransitionError, match="cannot be paused"):
        lab.command("pause", QUEUE)
    with pytest.raises(NotFoundError, match="no command"):
        lab.command("dance", QUEUE)
    with pytest.raises(PyBirchError, match="station: did not answer"):
        lab.stop_everything()


def test_a_silent_station_makes_the_view_stale(server, lab, wait_for):
    wait_for(lambda: is_live(lab))
    server.sockets.emit("station_status", {"station": "station", "state": "not_answering"})
    wait_for(lambda: lab.connection.state is ConnectionState.STALE)
    assert "does not answer" in lab.connection.message
    server.sockets.emit("station_status", {"station": "station", "state": "live"})
    wait_for(lambda: is_live(lab))


def test_a_scan_is_shown_before_anything_else_is_known(qtbot, server, open_window):
    server.measure(3)
    window = open_window(server_url=server.url, token=TOKEN)
    window.show_scan(SCAN)
    assert window.follower.scan_id == SCAN
    qtbot.waitUntil(lambda: window.scan_page.title.whole == "far scan")
    qtbot.waitUntil(lambda: window.follower.points() == 3)


def test_the_window_shows_and_commands_the_server(qtbot, server, open_window):
    server.measure(3)
    window = open_window(server_url=server.url, token=TOKEN)
    window.go_to("queue")
    qtbot.waitUntil(lambda: window.frame.connection.text == "live")
    qtbot.waitUntil(lambda: window.follower.points() == 3)
    qtbot.waitUntil(server.is_watched)
    button = window.queue_page.buttons.buttons["start"]
    qtbot.waitUntil(button.isEnabled)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.queue_page.chip.text == "running")
    server.measure(4)
    qtbot.waitUntil(lambda: window.follower.points() == 7)
    server.becomes("paused")  # from the browser
    qtbot.waitUntil(lambda: window.queue_page.chip.text == "paused")
    assert window.queue_page.table.rows[0]["status"] == "paused"
    server.refuses = True
    qtbot.waitUntil(window.queue_page.buttons.buttons["resume"].isEnabled)
    qtbot.mouseClick(window.queue_page.buttons.buttons["resume"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "cannot be paused" in window.frame.notice.text)
    assert "stage" in [row["name"] for row in window.instruments_page._desk.view.instruments.values()]
    server.drop_everybody()
    server.measure(5, heard=False)
    qtbot.waitUntil(lambda: window.follower.points() == 12, timeout=8000)
    held = window.follower.records["meter"].scalars()["current (A)"]
    assert list(held) == [2.0 * i for i in range(12)]
