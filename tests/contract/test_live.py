"""The live road: bridges, scan extensions, handlers, and where the update server is found."""

from __future__ import annotations

import gc
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from pybirch.database_integration import (
    InstrumentEventHandler,
    QueueEventHandler,
    ScanEventHandler,
    ScanUpdateServer,
    WebSocketQueueBridge,
    WebSocketScanExtension,
    create_websocket_scan_extension,
    setup_websocket_integration,
)
from pybirch.errors import FieldError, ServerUnavailableError
from pybirch.instruments.simulated import FakeStage
from pybirch.queue.queue import Queue
from pybirch.scan.scan import Scan
from tests.lab import Meter, Stage, line_scan, settings

WAIT = 20.0


class Socketio:
    def __init__(self) -> None:
        self.emitted: list[tuple[str, dict[str, Any], list[str]]] = []

    def emit(self, event: str, payload: Any, *, to: list[str]) -> None:
        self.emitted.append((event, payload, to))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [payload for name, payload, _ in self.emitted if name == kind]


@pytest.fixture
def sockets() -> Socketio:
    return Socketio()


def updates(sockets: Socketio) -> ScanUpdateServer:
    return ScanUpdateServer(sockets, paced=False)


def test_attaching_twice_is_harmless(sockets: Socketio) -> None:
    server, queue = updates(sockets), Queue("Q")
    bridge = setup_websocket_integration(queue, server)
    assert isinstance(bridge, WebSocketQueueBridge)
    assert setup_websocket_integration(queue, update_server=server) is bridge
    scan_id = queue.enqueue(line_scan(Stage(), Meter(), 4))
    queue.start()
    assert queue.wait_for_completion(WAIT)
    bridge.unregister()
    bridge.unregister()
    server.close()
    states = [told["status"] for told in sockets.of("scan_status")]
    assert [states.count(state) for state in ("queued", "completed")] == [1, 1]
    indexes = [point["sequence_index"] for point in sockets.of("data_point")]
    assert indexes == sorted(set(indexes))
    assert {point["scan_id"] for point in sockets.of("data_point")} == {scan_id}
    assert "queue idle" in [told["message"] for told in sockets.of("queue_log")]
    count = len(sockets.emitted)
    queue.enqueue(line_scan(Stage(), Meter(), 4))
    queue.bus.flush(5)
    assert len(sockets.emitted) == count


def test_attaching_again_after_unregistering_works(sockets: Socketio) -> None:
    server, queue = updates(sockets), Queue("Q")
    setup_websocket_integration(queue, server).unregister()
    bridge = setup_websocket_integration(queue, server)
    queue.enqueue(line_scan(Stage(), Meter(), 1))
    queue.bus.flush(5)
    assert sockets.of("scan_status")
    bridge.unregister()


def shown(sockets: Socketio, extension: Any, points: int = 10) -> list[int]:
    scan = line_scan(Stage(), Meter(), points, extensions=[extension])
    scan.run()
    extension.update_server.close()
    return [point["sequence_index"] for point in sockets.of("data_point")]


def test_a_scan_extension_shows_a_scan_that_no_queue_runs(sockets: Socketio) -> None:
    extension = create_websocket_scan_extension(updates(sockets), "S")
    assert isinstance(extension, WebSocketScanExtension)
    assert shown(sockets, extension)
    assert {payload["scan_id"] for _, payload, _ in sockets.emitted} == {"S"}
    assert [told["status"] for told in sockets.of("scan_status")][-1] == "completed"


def test_every_third_point(sockets: Socketio) -> None:
    extension = WebSocketScanExtension(updates(sockets), "S", data_point_interval=3)
    assert shown(sockets, extension) == [0, 3, 6, 9]
    assert {point["stride"] for point in sockets.of("data_point")} == {3}
    with pytest.raises(FieldError, match="data_point_interval"):
        WebSocketScanExtension(updates(sockets), "S", 0)


def test_a_scan_refused_before_it_began_is_shown_as_failed(sockets: Socketio) -> None:
    extension = WebSocketScanExtension(updates(sockets), "S")
    scan = line_scan(Stage(limits=(0.0, 1.0)), Meter(), 5, extensions=[extension])
    with pytest.raises(FieldError):
        scan.run()
    [told] = sockets.of("scan_status")
    assert told["status"] == "failed"
    assert "limits" in told["message"]


def test_a_scan_aborted_before_it_began_is_shown_as_aborted(sockets: Socketio) -> None:
    scan = Scan(settings(None), extensions=[WebSocketScanExtension(updates(sockets), "S")])
    scan.abort()
    assert [told["status"] for told in sockets.of("scan_status")] == ["aborted"]


class Failing:
    """An update server that cannot."""

    def publish(self, event: Any) -> None:
        raise OSError("no network")


@pytest.mark.filterwarnings("ignore")
def test_an_update_server_that_fails_never_fails_the_scan() -> None:
    queue = Queue("Q", [line_scan(Stage(), Meter(), 3)])
    bridge = setup_websocket_integration(queue, Failing())
    scan = line_scan(Stage(), Meter(), 3, extensions=[WebSocketScanExtension(Failing(), "S")])
    scan.run()
    queue.start()
    assert queue.wait_for_completion(WAIT)
    assert [scan.state, queue.get_handle(0).state] == ["completed", "completed"]
    bridge.unregister()


def test_handlers_turn_callbacks_into_broadcasts(sockets: Socketio) -> None:
    server, queue = updates(sockets), Queue("Q")
    handler = QueueEventHandler(server, "Q")
    queue.add_log_callback(handler.on_log)
    queue.add_state_callback(handler.on_state)
    queue.add_progress_callback(handler.on_progress)
    scan = line_scan(Stage(), Meter(), 3)
    queue.enqueue(scan)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    states = [told["status"] for told in sockets.of("scan_status")]
    assert states[-1] == "completed"
    assert "running" in states
    assert sockets.of("queue_log")
    handler.on_queue_state("idle", None, 1, 1)
    assert sockets.of("queue_status")[-1]["completed_scans"] == 1

    alone = ScanEventHandler(server, scan.scan_id)
    alone.on_data(scan.data["meter"], "meter")
    alone.on_error(ValueError("no light"))
    assert sockets.of("scan_status")[-1]["message"] == "no light"
    server.close()
    assert [p["sequence_index"] for p in sockets.of("data_point")] == [0, 1, 2]


def test_an_instruments_handler(sockets: Socketio) -> None:
    handler = InstrumentEventHandler(updates(sockets), instrument_id=3, instrument_name="stage")
    handler.on_status("moving")
    handler.on_position({"x (mm)": 1.0}, {"x (mm)": 2.0}, True)
    assert [(kind, payload["instrument_id"]) for kind, payload, _ in sockets.emitted] == [
        ("instrument_status", 3),
        ("instrument_position", 3),
    ]


def test_a_moving_stage_that_is_not_registered_is_nobodys_business(sockets: Socketio) -> None:
    queue = Queue("Q", [line_scan(FakeStage("x"), Meter(), 2)])
    bridge = setup_websocket_integration(queue, updates(sockets))
    queue.start()
    assert queue.wait_for_completion(WAIT)
    bridge.unregister()
    assert not sockets.of("instrument_status")


def test_the_update_server_of_this_process_is_the_apps(tmp_path: Path, empty_record: Path) -> None:
    from database.web.app import create_app, get_scan_update_server

    shutil.copy(empty_record, tmp_path / "lab.db")
    app = create_app(
        {
            "TESTING": True,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'lab.db'}",
            "DATA_STORAGE_PATH": str(tmp_path / "data"),
        }
    )
    server = get_scan_update_server()
    assert server is app.extensions["pybirch"].updates
    server.broadcast_scan_status("never heard of", "running", 0.5)
    db = app.extensions["pybirch"].db
    assert db.scans.get("never heard of").status == "running"
    server.broadcast_queue_status("new queue", "running")
    assert db.queues.get("new queue").status == "running"
    app.extensions["pybirch"].close()


def test_without_an_app_it_is_a_proxy_for_the_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from database.web.app import get_scan_update_server
    from pybirch.database_integration.sync import RemoteUpdateServer

    monkeypatch.setattr("database.web.app._newest", None)
    gc.collect()
    monkeypatch.setenv("DATA_STORAGE_PATH", str(tmp_path))
    with pytest.raises(ServerUnavailableError):
        get_scan_update_server()
    (tmp_path / "run").mkdir(exist_ok=True)
    runtime = {"url": "http://127.0.0.1:9", "pid": os.getpid(), "token": "t", "started_at": "now"}
    (tmp_path / "run" / "server.json").write_text(json.dumps(runtime))
    proxy = get_scan_update_server()
    assert isinstance(proxy, RemoteUpdateServer)
    proxy.broadcast_scan_status("S", "running")
    proxy.close()
