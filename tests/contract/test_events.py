"""The events of the wire: names, keys, rooms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pybirch.database_integration.sync import ScanUpdateServer
from pybirch.events import (
    DataBlock,
    DataPoint,
    Event,
    InstrumentPosition,
    InstrumentStatus,
    QueueLog,
    QueueStatus,
    Readings,
    ScanStatus,
)
from pybirch.states import InstrumentState, QueueState, ScanState, Wish
from pybirch.wire import from_wire, to_block, to_wire


class Socketio:
    """Remembers what is emitted; nobody is in any room unless it is in `rooms`."""

    def __init__(self) -> None:
        self.emitted: list[tuple[str, dict[str, Any], list[str]]] = []

    def emit(self, event: str, payload: Any, *, to: list[str]) -> None:
        self.emitted.append((event, payload, to))


READINGS = Readings(
    scan_id="S",
    measurement="meter",
    first_index=3,
    steps=np.array([3, 4]),
    times=np.array([1.0, 2.0]),
    positions={"x (mm)": np.array([0.5, 1.0])},
    values={"voltage (V)": np.array([1.5, np.nan])},
)

EVENTS: list[tuple[Event, str, str]] = [
    (
        ScanStatus(scan_id="S", status=ScanState.RUNNING, requested=Wish.PAUSE),
        "scan_status",
        "scan_id status progress message requested",
    ),
    (
        QueueStatus(queue_id="Q", status=QueueState.IDLE),
        "queue_status",
        "queue_id status current_scan completed_scans total_scans",
    ),
    (
        DataPoint(scan_id="S", measurement="m", data={"v": 1.0}, position={"x": 0.0}, sequence_index=0),
        "data_point",
        "scan_id measurement data position sequence_index stride",
    ),
    (
        DataPoint(scan_id="S", measurement="m", data={"v": 1.0}, position={}, sequence_index=5, replaces=0),
        "data_point",
        "scan_id measurement data position sequence_index stride replaces",
    ),
    (to_block(READINGS), "data_block", "scan_id measurement first_index count columns encoding"),
    (
        to_block(replace(READINGS, replaces=np.array([0, 1]))),
        "data_block",
        "scan_id measurement first_index count columns encoding replaces",
    ),
    (
        QueueLog(queue_id="Q", level="INFO", message="hello"),
        "queue_log",
        "queue_id level message scan_id",
    ),
    (
        InstrumentStatus(instrument_id=1, instrument_name="x", status=InstrumentState.IDLE),
        "instrument_status",
        "instrument_id instrument_name status position target value error",
    ),
    (
        InstrumentPosition(instrument_id=1, instrument_name="x", position={"x (mm)": 1.0}),
        "instrument_position",
        "instrument_id instrument_name position target is_moving",
    ),
]


@pytest.mark.parametrize(("event", "name", "keys"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_an_event_has_its_name_and_keys_and_comes_back(event: Event, name: str, keys: str) -> None:
    payload = to_wire(event)
    assert event.kind == name
    assert set(payload) == {*keys.split(), "timestamp"}
    assert from_wire(name, payload) == event


@pytest.mark.parametrize(("event", "name", "keys"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_its_timestamp_is_utc_and_its_own(event: Event, name: str, keys: str) -> None:
    moment = datetime.fromisoformat(event.timestamp)
    assert event.timestamp.endswith("Z")
    assert datetime.now(UTC) - moment < timedelta(hours=1)


def test_instruments_have_the_states_of_the_contract() -> None:
    named = ["connected", "disconnected", "idle", "moving", "measuring", "busy", "error"]
    assert [state.value for state in InstrumentState] == named


ROOMS = {
    "scan_status": ["scan_S", "global"],
    "queue_status": ["queue_Q", "global"],
    "queue_log": ["queue_Q"],
    "data_point": ["scan_S"],
    "instrument_status": ["instrument_1", "instruments", "global"],
    "instrument_position": ["instrument_1", "instruments"],
}


@pytest.mark.parametrize("name", ROOMS)
def test_an_event_is_emitted_once_to_its_rooms(name: str) -> None:
    sockets = Socketio()
    event = next(event for event, kind, _ in EVENTS if kind == name)
    ScanUpdateServer(sockets, paced=False).publish(event)
    assert [(kind, rooms) for kind, _, rooms in sockets.emitted] == [(name, ROOMS[name])]


def test_readings_go_as_a_block_and_as_points_and_never_to_global() -> None:
    sockets = Socketio()
    server = ScanUpdateServer(sockets, clock=lambda: 0.0, paced=False)
    server.publish(READINGS)
    server.close()
    kinds = [(kind, rooms) for kind, _, rooms in sockets.emitted]
    assert kinds == [
        ("data_block", ["scan_S_blocks"]),
        ("data_point", ["scan_S"]),
        ("data_point", ["scan_S"]),
    ]
    point = sockets.emitted[1][1]
    assert point["data"] == {"voltage": 1.5}
    assert point["position"] == {"x": 0.5}
    assert point["sequence_index"] == 3
    assert "stride" not in point, "said only when it is more than 1"
    assert sockets.emitted[2][1]["data"] == {"voltage": None}, "no bare NaN on the wire"


BROADCASTS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    (
        "broadcast_scan_status",
        {"scan_id": "S", "status": "running", "progress": 0.5, "message": "half"},
        "scan_status",
        {"scan_id": "S", "status": "running", "progress": 0.5, "message": "half", "requested": None},
    ),
    (
        "broadcast_queue_status",
        {
            "queue_id": "Q",
            "status": "running",
            "current_scan": "S",
            "completed_scans": 1,
            "total_scans": 2,
        },
        "queue_status",
        {
            "queue_id": "Q",
            "status": "running",
            "current_scan": "S",
            "completed_scans": 1,
            "total_scans": 2,
        },
    ),
    (
        "broadcast_instrument_status",
        {
            "instrument_id": 4,
            "instrument_name": "stage",
            "status": "moving",
            "settings": {"target": {"x": 2}},
        },
        "instrument_status",
        {
            "instrument_id": 4,
            "instrument_name": "stage",
            "status": "moving",
            "position": None,
            "target": {"x": 2},
            "value": None,
            "error": None,
        },
    ),
    (
        "broadcast_instrument_position",
        {
            "instrument_id": 4,
            "instrument_name": "stage",
            "position": {"x": 1.0},
            "target_position": {"x": 2.0},
            "is_moving": True,
        },
        "instrument_position",
        {
            "instrument_id": 4,
            "instrument_name": "stage",
            "position": {"x": 1.0},
            "target": {"x": 2.0},
            "is_moving": True,
        },
    ),
    (
        "broadcast_queue_log",
        {"queue_id": "Q", "level": "WARNING", "message": "hot", "scan_id": "S"},
        "queue_log",
        {"queue_id": "Q", "level": "WARNING", "message": "hot", "scan_id": "S"},
    ),
]


@pytest.mark.parametrize(
    ("method", "arguments", "kind", "payload"), BROADCASTS, ids=[b[0] for b in BROADCASTS]
)
def test_broadcasts(method: str, arguments: dict[str, Any], kind: str, payload: dict[str, Any]) -> None:
    sockets = Socketio()
    getattr(ScanUpdateServer(sockets, paced=False), method)(**arguments)
    [(name, sent, _)] = sockets.emitted
    assert name == kind
    assert {key: value for key, value in sent.items() if key != "timestamp"} == payload
    assert sent["timestamp"].endswith("Z")


def test_points_without_an_index_are_counted() -> None:
    sockets = Socketio()
    server = ScanUpdateServer(sockets, clock=lambda: 0.0, paced=False)
    for value in (1.0, 2.0, 3.0):
        server.broadcast_data_point("S", "meter", {"voltage (V)": value})
    server.broadcast_data_point("S", "spectrum", {"counts": [1.0, 2.0]}, sequence_index=7)
    server.close()
    points = [
        (p["measurement"], p["sequence_index"], p["data"]) for k, p, _ in sockets.emitted if k == "data_point"
    ]
    assert points == [
        ("meter", 0, {"voltage": 1.0}),
        ("meter", 1, {"voltage": 2.0}),
        ("meter", 2, {"voltage": 3.0}),
        ("spectrum", 7, {"counts": [1.0, 2.0]}),
    ]


def test_a_block_may_be_announced_as_such() -> None:
    sockets = Socketio()
    server = ScanUpdateServer(sockets, paced=False)
    block = to_block(READINGS)
    assert isinstance(block, DataBlock)
    server.publish(block)
    server.close()
    assert [kind for kind, _, _ in sockets.emitted].count("data_block") == 1
