"""What the update server sends, to whom, how often, and that it is never a double or a bare NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pybirch.database_integration.sync.event_handlers import (
    InstrumentEventHandler,
    QueueEventHandler,
    ScanEventHandler,
)
from pybirch.database_integration.sync.websocket_server import ScanUpdateServer
from pybirch.events import QueueLog, Readings, ScanStatus
from pybirch.states import InstrumentState, ScanState
from pybirch.wire import DataBlock, dumps, from_block, to_block


class FakeSocketIO:
    """Keeps what is emitted."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any], list[str]]] = []

    def emit(self, event: str, *args: Any, **kwargs: Any) -> None:
        self.sent.append((event, args[0], kwargs["to"]))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [payload for event, payload, _ in self.sent if event == kind]


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def socketio() -> FakeSocketIO:
    return FakeSocketIO()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(socketio: FakeSocketIO, clock: FakeClock) -> ScanUpdateServer:
    return ScanUpdateServer(socketio, clock=clock, paced=False)


def readings(first: int, count: int, value: float = 1.0, measurement: str = "iv") -> Readings:
    return Readings(
        scan_id="S",
        measurement=measurement,
        first_index=first,
        steps=np.arange(first, first + count),
        times=np.arange(count) + 1e9,
        positions={"x (mm)": np.arange(first, first + count, dtype=float)},
        values={"voltage (V)": np.full(count, value)},
    )


def test_each_event_is_one_emit_with_all_its_rooms(server: ScanUpdateServer, socketio: FakeSocketIO) -> None:
    server.broadcast_scan_status("S", "running", 0.5)
    server.broadcast_queue_status("Q", "running", current_scan="S", completed_scans=0, total_scans=2)
    server.broadcast_queue_log("Q", "INFO", "hello", scan_id="S")
    server.broadcast_instrument_status(7, "stage", "moving")
    server.broadcast_instrument_position(7, "stage", {"x": 1.0}, {"x": 2.0}, is_moving=True)
    assert [(event, rooms) for event, _, rooms in socketio.sent] == [
        ("scan_status", ["scan_S", "global"]),
        ("queue_status", ["queue_Q", "global"]),
        ("queue_log", ["queue_Q"]),
        ("instrument_status", ["instrument_7", "instruments", "global"]),
        ("instrument_position", ["instrument_7", "instruments"]),
    ]
    assert all(payload["timestamp"].endswith("Z") for _, payload, _ in socketio.sent)


def test_an_unknown_state_is_refused(server: ScanUpdateServer) -> None:
    with pytest.raises(ValueError, match="hopeful"):
        server.broadcast_scan_status("S", "hopeful")


def test_blocks_of_one_tick_are_joined_and_points_complete(
    server: ScanUpdateServer, socketio: FakeSocketIO
) -> None:
    for first in range(0, 30, 3):
        server.publish(readings(first, 3))
    server.tick()
    (block,) = socketio.of("data_block")
    assert (block["first_index"], block["count"]) == (0, 30)
    points = socketio.of("data_point")
    assert [p["sequence_index"] for p in points] == list(range(30))
    assert "stride" not in points[0]
    assert points[0]["data"] == {"voltage": 1.0}
    assert points[3]["position"] == {"x": 3.0}


def test_at_most_twenty_blocks_a_second(
    server: ScanUpdateServer, socketio: FakeSocketIO, clock: FakeClock
) -> None:
    for tick in range(1000):
        server.publish(readings(tick, 1))
        server.tick()
        clock.now += 0.001
    server.close()
    assert len(socketio.of("data_block")) <= 22
    assert sum(block["count"] for block in socketio.of("data_block")) == 1000


def test_points_are_thinned_with_a_stride_that_explains_every_gap(
    server: ScanUpdateServer, socketio: FakeSocketIO, clock: FakeClock
) -> None:
    for tick in range(40):
        server.publish(readings(tick * 500, 500))
        clock.now += 0.05
        server.tick()
    points = socketio.of("data_point")
    assert len(points) <= 200 + 2 * 200 + 2 * 40
    last = -1
    for point in points:
        assert point["sequence_index"] - last <= point.get("stride", 1)
        last = point["sequence_index"]
    assert last == 40 * 500 - 1


def test_a_terminal_status_comes_after_the_last_block(
    server: ScanUpdateServer, socketio: FakeSocketIO
) -> None:
    server.publish(readings(0, 5))
    server.publish(ScanStatus(scan_id="S", status=ScanState.COMPLETED, progress=1.0))
    kinds = [event for event, _, _ in socketio.sent]
    assert kinds.index("data_block") < kinds.index("scan_status")


def test_a_gap_is_not_papered_over(server: ScanUpdateServer, socketio: FakeSocketIO) -> None:
    server.publish(readings(0, 5))
    server.publish(readings(9, 5))
    server.tick()
    assert [(b["first_index"], b["count"]) for b in socketio.of("data_block")] == [(0, 5), (9, 5)]


def test_a_block_from_the_wire_goes_out_exact(server: ScanUpdateServer, socketio: FakeSocketIO) -> None:
    server.publish(to_block(readings(0, 4, value=math.pi), "float64"))
    server.tick()
    (sent,) = socketio.of("data_block")
    assert from_block(DataBlock(**sent)).values["voltage (V)"].tolist() == [math.pi] * 4


def test_nan_never_reaches_the_wire(server: ScanUpdateServer, socketio: FakeSocketIO) -> None:
    server.publish(readings(0, 2, value=math.nan))
    server.broadcast_instrument_position(7, "stage", {"x": math.nan})
    server.tick()
    text = dumps([payload for _, payload, _ in socketio.sent])
    assert "NaN" not in text
    assert '"nonfinite"' in text


def test_single_points_count_on_by_themselves(server: ScanUpdateServer, socketio: FakeSocketIO) -> None:
    server.broadcast_data_point("S", "iv", {"voltage (V)": 1.0, "spectrum": [1.0, 2.0]})
    server.broadcast_data_point("S", "iv", {"voltage (V)": 2.0, "spectrum": [1.0, 2.0]})
    server.broadcast_data_point("S", "notes", {"text": "hello"})
    server.tick()
    points = socketio.of("data_point")
    assert [(p["measurement"], p["sequence_index"]) for p in points] == [("notes", 0), ("iv", 0), ("iv", 1)]
    assert points[2]["data"] == {"voltage": 2.0, "spectrum": [1.0, 2.0]}


def test_latecomers_get_a_merged_status(server: ScanUpdateServer) -> None:
    server.broadcast_scan_status("S", "running", 0.25)
    server.broadcast_scan_status("S", "paused")
    told = server.latest_scan("S")
    assert told is not None
    assert (told.status, told.progress) == (ScanState.PAUSED, 0.25)
    server.broadcast_instrument_status(7, "stage", "idle", settings={"value": {"x": 3}, "speed": 1})
    server.broadcast_instrument_position(7, "stage", {"x": 1.0}, is_moving=True)
    instrument = server.latest_instrument(7)
    assert instrument is not None
    assert (instrument.status, instrument.position, instrument.value) == (
        InstrumentState.MOVING,
        {"x": 1.0},
        {"x": 3},
    )


def test_what_registration_raises_stops_nothing(
    socketio: FakeSocketIO, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_event: object) -> None:
        raise OSError("disk full")

    server = ScanUpdateServer(socketio, register=broken, paced=False)
    server.publish(QueueLog(queue_id="Q", level="INFO", message="hello"))
    assert len(socketio.sent) == 1
    assert "disk full" in caplog.text


def test_the_pacing_thread_sends_by_itself(socketio: FakeSocketIO, wait_for: Any) -> None:
    server = ScanUpdateServer(socketio)
    for first in range(50):
        server.publish(readings(first, 1))
    wait_for(lambda: sum(b["count"] for b in socketio.of("data_block")) == 50)
    server.close()
    server.close()


def test_handlers_turn_callbacks_into_broadcasts(server: ScanUpdateServer, socketio: FakeSocketIO) -> None:
    scan = ScanEventHandler(server, "S")
    scan.on_state("S", ScanState.RUNNING)
    scan.on_state("another", ScanState.FAILED)
    scan.on_progress("S", 0.5)
    scan.on_error(RuntimeError("no light"))
    queue = QueueEventHandler(server, "Q")
    queue.on_state("S2", "running")
    queue.on_log(QueueLog(queue_id="Q", level="ERROR", message="no light", scan_id="S2"))
    queue.on_queue_state("running", total_scans=3)
    instrument = InstrumentEventHandler(server, 7, "stage")
    instrument.on_status("moving")
    instrument.on_position({"x": 1.0}, {"x": 2.0}, True)
    assert [(p["scan_id"], p["status"], p["message"]) for p in socketio.of("scan_status")] == [
        ("S", "running", None),
        ("S", "running", None),
        ("S", "failed", "no light"),
        ("S2", "running", None),
    ]
    assert socketio.of("queue_log")[0]["scan_id"] == "S2"
    assert socketio.of("queue_status")[0]["total_scans"] == 3
    assert socketio.of("instrument_position")[0]["is_moving"] is True


def test_a_frame_becomes_points(server: ScanUpdateServer, socketio: FakeSocketIO) -> None:
    import pandas as pd

    frame = pd.DataFrame({"voltage (V)": [1.0, 2.0]}, index=pd.Index([4, 5]))
    ScanEventHandler(server, "S").on_data(frame, "iv")
    server.tick()
    assert [p["sequence_index"] for p in socketio.of("data_point")] == [4, 5]
