"""Frames are taken once, stored in order, and refused from lives that are over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pybirch.events import InstrumentStatus, QueueLog, ScanStatus
from pybirch.states import InstrumentState, ScanState
from pybirch.wire import to_block, to_wire


@pytest.fixture
def send(lab: Any) -> Any:
    """POST a frame of station "script"; gives the answer."""
    client, headers = lab.app.test_client(), lab.token("station")

    def post(seq: int, *items: dict[str, Any], epoch: str = "e1", store: bool = True) -> Any:
        frame = {"station": "script", "epoch": epoch, "seq": seq, "store": store, "items": list(items)}
        return client.post("/api/ingest", json=frame, headers=headers)

    return post


def opened(scan_id: str = "S") -> dict[str, Any]:
    settings = {"project_name": "P", "scan_name": "first", "scan_type": "iv", "job_type": "", "scan_tree": [],
                "extensions": [], "additional_tags": ["t"], "user_fields": {"a": 1}}  # fmt: skip
    shape = {"scan_id": scan_id, "settings": settings, "owner": "me", "points_total": 6, "queue_id": "Q",
             "sample": {"ID": "GaAs-1", "material": "GaAs", "tags": []}}  # fmt: skip
    return {"kind": "scan_opened", "payload": shape}


def queue_opened() -> dict[str, Any]:
    return {"kind": "queue_opened", "payload": {"queue_id": "Q", "name": "my queue", "order": ["S"]}}


def event(made: Any) -> dict[str, Any]:
    return {"kind": made.kind, "payload": to_wire(made)}


def block(make_readings: Any, first: int, count: int) -> dict[str, Any]:
    return event(to_block(make_readings("S", first, count), "float64"))


def running() -> dict[str, Any]:
    return event(ScanStatus(scan_id="S", status=ScanState.RUNNING, progress=0.0))


def test_a_scripts_queue_is_recorded(lab: Any, send: Any, make_readings: Any) -> None:
    answer = send(
        0,
        queue_opened(),
        opened(),
        running(),
        block(make_readings, 0, 4),
        block(make_readings, 4, 2),
        event(QueueLog(queue_id="Q", level="INFO", message="nearly there")),
        event(ScanStatus(scan_id="S", status=ScanState.COMPLETED, progress=1.0)),
    )
    assert answer.json == {"ok": True, "seq": 0, "duplicate": False, "instruments": []}
    row = lab.db.scans.get("S")
    assert (row.status, row.points_done, row.writer) == (ScanState.COMPLETED, 6, "script:e1")
    assert (row.queue.queue_id, row.queue.station, row.sample.sample_id) == ("Q", "script", "GaAs-1")
    assert (row.scan_name, row.extra_data["user_fields"]) == ("first", {"a": 1})
    stored = lab.db.readings.read("S", "iv")
    assert np.array_equal(stored.values["voltage (V)"], make_readings("S", 0, 6).values["voltage (V)"])
    assert [line.message for line in lab.db.logs.list("Q")] == ["nearly there"]


def test_a_frame_that_comes_twice_counts_once(lab: Any, send: Any, make_readings: Any) -> None:
    viewer = lab.socket(lab.browser("viewer"))
    send(0, queue_opened(), opened(), running())
    viewer.get_received()
    frame = (
        block(make_readings, 0, 4),
        event(QueueLog(queue_id="Q", level="INFO", message="once")),
        running(),
    )
    assert send(1, *frame).json["duplicate"] is False
    assert send(1, *frame).json == {"ok": True, "seq": 1, "duplicate": True, "instruments": []}
    assert len(lab.db.logs.list("Q")) == 1
    assert [e["name"] for e in viewer.get_received()].count("scan_status") == 1


def test_a_frame_that_comes_again_after_a_restart_adds_no_reading(
    lab: Any, send: Any, make_readings: Any
) -> None:
    from database.web.ingest import Ingest

    send(0, queue_opened(), opened(), running(), block(make_readings, 0, 4))
    object.__setattr__(lab.parts, "ingest", Ingest())
    done = event(ScanStatus(scan_id="S", status=ScanState.COMPLETED, progress=1.0))
    assert send(1, running(), block(make_readings, 0, 4), done).status_code == 200
    object.__setattr__(lab.parts, "ingest", Ingest())
    assert send(1, running(), block(make_readings, 0, 4), done).status_code == 200
    assert lab.db.readings.last_indexes("S") == {"iv": 3}
    assert lab.db.scans.get("S").status is ScanState.COMPLETED


def test_a_frame_that_failed_half_way_goes_on_where_it_stopped(
    lab: Any, send: Any, make_readings: Any
) -> None:
    send(0, queue_opened(), opened(), running())
    line = event(QueueLog(queue_id="Q", level="INFO", message="once"))
    refused = send(1, line, block(make_readings, 7, 2))
    assert (refused.status_code, refused.json["error"]["field"]) == (400, "items[1]")
    assert send(1, line, block(make_readings, 0, 2)).status_code == 200
    assert len(lab.db.logs.list("Q")) == 1


def test_what_the_station_stored_itself_is_only_broadcast(lab: Any, send: Any, make_readings: Any) -> None:
    lab.scan("S", rows=4)
    viewer = lab.socket(lab.browser("viewer"))
    send(0, event(ScanStatus(scan_id="S", status=ScanState.PAUSED)), block(make_readings, 4, 4), store=False)
    assert lab.db.scans.get("S").status is ScanState.RUNNING
    assert lab.db.readings.last_indexes("S") == {"iv": 3}
    assert "scan_status" in [e["name"] for e in viewer.get_received()]


def test_a_life_of_the_past_may_write_nothing(lab: Any, send: Any) -> None:
    assert send(0, queue_opened(), opened(), running()).status_code == 200
    assert send(0, epoch="e2").status_code == 200
    assert lab.db.scans.get("S").status is ScanState.INTERRUPTED
    refused = send(1, running())
    assert refused.status_code == 409
    assert "e1" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "scan_status", "payload": {"scan_id": "S", "status": "hopeful"}},
        {"kind": "scan_status", "payload": {"status": "running"}},
        {"kind": "rumour", "payload": {}},
        {"kind": "scan_status"},
        {"kind": "data_block", "payload": {"scan_id": "S", "measurement": "iv", "first_index": 0, "count": 1,
                                           "columns": [], "encoding": "json"}},
    ],
)  # fmt: skip
def test_malformed_items_are_named(send: Any, item: dict[str, Any]) -> None:
    answer = send(0, item)
    assert (answer.status_code, answer.json["error"]["field"]) == (400, "items[0]")


def test_instruments_get_their_numbers(lab: Any, send: Any) -> None:
    seen = {"kind": "instrument_seen", "payload": {"name": "stage", "adapter": "fake", "kind": "movement"}}
    told = send(0, seen, store=False).json["instruments"]
    assert told == [{"name": "stage", "adapter": "fake", "instrument_id": told[0]["instrument_id"]}]
    number = told[0]["instrument_id"]
    moving = InstrumentStatus(instrument_id=number, instrument_name="stage", status=InstrumentState.MOVING)
    send(1, event(moving))
    assert lab.db.equipment.snapshot()[0]["status"] == "moving"


def test_a_known_exit_interrupts_and_disconnects(lab: Any, send: Any) -> None:
    seen = {"kind": "instrument_seen", "payload": {"name": "stage", "adapter": "fake", "kind": "movement"}}
    send(0, queue_opened(), opened(), running(), seen)
    viewer = lab.socket(lab.browser("viewer"))
    client, headers = lab.app.test_client(), lab.token("station")
    exit_ = {"station": "script", "epoch": "e1", "code": -9}
    assert client.post("/api/station/exited", json={**exit_, "epoch": "e0"}, headers=headers).json == {
        "ok": False
    }
    assert client.post("/api/station/exited", json=exit_, headers=headers).json == {"ok": True}
    assert lab.db.scans.get("S").status is ScanState.INTERRUPTED
    assert lab.db.equipment.snapshot()[0]["status"] == "disconnected"
    told = {e["name"]: e["args"][0] for e in viewer.get_received()}
    assert told["scan_status"]["status"] == "interrupted"
    assert told["instrument_status"]["status"] == "disconnected"
    assert told["station_status"]["state"] == "exited"
    assert send(1, running()).status_code == 409
