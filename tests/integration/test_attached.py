"""A script's plain queue beside a real server: recorded there, commanded from there."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from pybirch.database_integration import DatabaseQueue, setup_websocket_integration
from pybirch.database_integration.sync.frames import Frames
from pybirch.errors import FieldError, ServerUnavailableError
from pybirch.frames import join_frames
from pybirch.queue.queue import Queue, ScanState
from tests.conftest import until
from tests.lab import Doorway, Meter, Stage, failing, line_scan

WAIT = 30.0


def attach(queue: Queue, server: Any) -> Any:
    return setup_websocket_integration(queue, server_url=server.url, token=server.token)


def stored(server: Any, scan_id: str) -> Any:
    return join_frames([server.db.readings.read(scan_id, "meter")])


def test_a_plain_queue_is_recorded_exactly(server: Any) -> None:
    meter = Meter(answer=lambda n: np.array([[n / 7]]) if n != 3 else np.array([[np.nan]]))
    scan = line_scan(Stage(), meter, 200, owner="me")
    queue = Queue("script", [scan])
    bridge = attach(queue, server)
    assert attach(queue, server) is bridge
    queue.start()
    assert queue.wait_for_completion(WAIT)
    bridge.unregister()
    row = server.db.scans.get(scan.scan_id)
    assert (row.status, row.points_done, row.progress, row.owner) == ("completed", 200, 1.0, "me")
    assert stored(server, scan.scan_id).equals(scan.data["meter"])
    recorded = server.db.queues.get("script")
    assert recorded.status == "idle"
    assert "queue idle" in [line.message for line in recorded.logs]


def test_a_failure_is_recorded_with_its_text(server: Any) -> None:
    scan = line_scan(Stage(), Meter(answer=failing(4, RuntimeError("lamp burnt out"))), 10)
    queue = Queue("script")
    bridge = attach(queue, server)
    queue.enqueue(scan)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    bridge.unregister()
    row = server.db.scans.get(scan.scan_id)
    assert (row.status, row.error, row.points_done) == ("failed", "lamp burnt out", 4)


def test_a_server_that_is_gone_in_the_middle_costs_nothing(server: Any) -> None:
    doors = {50: Doorway(), 150: Doorway()}
    scan = line_scan(Stage(), Meter(doors=doors), 200)
    queue = Queue("script", [scan])
    bridge = attach(queue, server)
    queue.start()
    doors[50].wait_until_entered()
    server.stop()
    doors[50].open()
    doors[150].wait_until_entered()
    until(lambda: not bridge.update_server.link.connected, what="the line is down while it measures")
    server.start()
    doors[150].open()
    assert queue.wait_for_completion(WAIT)
    assert scan.state is ScanState.COMPLETED, scan.error
    bridge.unregister()
    assert stored(server, scan.scan_id).equals(scan.data["meter"])
    assert server.db.scans.get(scan.scan_id).points_done == 200


def test_an_abort_is_heard_while_the_server_is_gone(server: Any) -> None:
    door = Doorway()
    stage = Stage()
    scan = line_scan(stage, Meter(doors={5: door}), 50)
    queue = Queue("script", [scan])
    bridge = attach(queue, server)
    queue.start()
    door.wait_until_entered()
    server.stop()
    queue.abort()
    door.open()
    until(lambda: stage.is_safe, what="the stage is safe")
    server.start()
    assert queue.wait_for_completion(WAIT)
    bridge.unregister()
    assert server.db.scans.get(scan.scan_id).status is ScanState.ABORTED


def test_commands_of_the_server_reach_the_queue(server: Any) -> None:
    door = Doorway()
    queue = Queue("script", [line_scan(Stage(), Meter(doors={5: door}), 50)])
    bridge = attach(queue, server)
    stations = server.parts.stations
    assert stations.command("script script", "start", queue_id="script")["ok"]
    door.wait_until_entered()
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert stations.command("script script", "stop_everything")["queues"][0]["status"] == "idle"
    bridge.unregister()


def test_a_queue_that_is_let_go_goes_on_and_may_be_attached_again(server: Any) -> None:
    door = Doorway()
    under_way, waits = line_scan(Stage(), Meter(doors={5: door}), 20), line_scan(Stage("y"), Meter("m"), 20)
    queue = Queue("script", [under_way, waits])
    bridge = attach(queue, server)
    queue.start()
    door.wait_until_entered()
    bridge.unregister()
    assert queue.extensions == []
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert [handle.state for handle in queue.handles] == ["completed", "completed"]
    row = server.db.scans.get(under_way.scan_id)
    assert (row.status, row.points_done) == ("completed", 20), "what was under way is recorded to its end"
    assert server.db.scans.get(waits.scan_id).points_done == 0

    again = attach(queue, server)
    third = line_scan(Stage(), Meter(), 20)
    queue.enqueue(third)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    again.unregister()
    assert server.db.scans.get(third.scan_id).points_done == 20


def test_a_scan_under_way_when_its_queue_is_attached_is_shown(server: Any) -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={5: door}), 20)
    queue = Queue("script", [scan])
    queue.start()
    door.wait_until_entered()
    bridge = attach(queue, server)
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert bridge.update_server.link.frames.flush(5)
    assert server.parts.updates.latest_scan(scan.scan_id).status == "completed"
    assert server.db.scans.get(scan.scan_id).status == "completed"
    bridge.unregister()


def test_a_recorded_queue_is_shown_and_not_recorded_twice(server: Any) -> None:
    queue = DatabaseQueue(server.db, "Q", scans=[line_scan(Stage(), Meter(), 30)])
    bridge = attach(queue, server)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    assert bridge.update_server.link.frames.flush(5)
    scan_id = queue.get_handle(0).scan_id
    until(lambda: (told := server.parts.updates.latest_scan(scan_id)) and told.status == "completed")
    assert server.db.scans.get(scan_id).points_done == 30
    bridge.unregister()


def test_a_server_that_is_not_there_or_a_missing_token_is_said_at_once(server: Any) -> None:
    with pytest.raises(FieldError, match="token"):
        setup_websocket_integration(Queue("script"), server_url=server.url)
    with pytest.raises(ServerUnavailableError, match="refuses the token"):
        setup_websocket_integration(Queue("script"), server_url=server.url, token="wrong", timeout=0.3)


def test_spectra_larger_than_a_frame_are_stored_whole(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybirch.database_integration.item_store.PUT_NUMBERS", 3_000)
    meter = Meter(answer=lambda n: np.full((1_000, 1), float(n)))
    queue = Queue("Q", [line_scan(Stage(), meter, 20)])
    bridge = attach(queue, server)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    scan = queue.get_handle(0).scan
    assert scan.state is ScanState.COMPLETED
    assert [cell[0] for cell in stored(server, scan.scan_id)["voltage (V)"]] == list(range(20))
    bridge.unregister()


def test_a_single_step_that_is_too_large_is_named(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybirch.database_integration.item_store.PUT_NUMBERS", 500)
    monkeypatch.setattr("pybirch.database_integration.item_store.MOST_NUMBERS", 900)
    queue = Queue("Q", [line_scan(Stage(), Meter(answer=lambda n: np.zeros((1_000, 1))), 3)])
    bridge = attach(queue, server)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    scan = queue.get_handle(0).scan
    assert scan.state is ScanState.FAILED
    assert "meter" in str(scan.error)
    assert "1,003 numbers" in str(scan.error)
    bridge.unregister()


@pytest.mark.parametrize("end", ["completed", "failed", "aborted"])
def test_an_end_the_server_does_not_hear_in_time_is_told_when_it_is_back(
    server: Any, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    door = Doorway()
    answer = failing(3, RuntimeError("the lamp went out")) if end == "failed" else None
    queue = Queue("Q", [line_scan(Stage(), Meter(answer=answer, doors={3: door}), 4)])
    bridge = attach(queue, server)
    queue.start()
    door.wait_until_entered()
    scan = queue.get_handle(0).scan
    scan.flush()
    server.stop()
    patient = Frames.keep
    monkeypatch.setattr(Frames, "keep", lambda self, items, patience=60.0: patient(self, items, 0.3))
    if end == "aborted":
        scan.abort()
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert scan.state.is_finished
    server.start()
    until(lambda: server.db.scans.get(scan.scan_id).status is scan.state, WAIT)
    bridge.unregister()


SCRIPT = """
import sys
from pybirch.database_integration.sync.remote import RemoteUpdateServer

updates = RemoteUpdateServer(sys.argv[1], sys.argv[2])
assert updates.link.wait_connected(20)
updates.broadcast_scan_status(sys.argv[3], "running")
updates.broadcast_scan_status(sys.argv[3], "completed")
print(updates.link.station)
"""


def test_scripts_that_just_end_are_gone_in_order_and_silence_nobody(server: Any) -> None:
    """Two at a time, each under a name of its own, neither of which says goodbye."""
    scripts = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, server.url, server.token, scan_id],
            stdout=subprocess.PIPE,
            text=True,
        )
        for scan_id in ("one", "two")
    ]
    names = [script.communicate(timeout=WAIT)[0].strip() for script in scripts]
    assert [script.returncode for script in scripts] == [0, 0]
    assert len(set(names)) == 2
    assert [server.db.scans.get(scan_id).status for scan_id in ("one", "two")] == ["completed"] * 2
    for name in names:
        until(lambda name=name: server.db.stations.get(name).ended_in_order)
