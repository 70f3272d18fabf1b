"""Frames are taken once, stored in order, and refused from lives that are over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from database.web.attachment import attach_station
from database.web.stations import StationState
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
                "extensions": [], "additional_tags": ["t"], "user_fields": {"a": 1},
                "on_pause": "safe"}  # fmt: skip
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
    assert row.settings["on_pause"] == "safe"
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
    client, headers = lab.app.test_client(), lab.token("admin")
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


def test_what_a_station_said_of_its_end_is_told(lab: Any, send: Any) -> None:
    send(0, queue_opened(), opened(), running())
    viewer = lab.socket(lab.browser("viewer"))
    client, headers = lab.app.test_client(), lab.token("admin")
    exit_ = {"station": "script", "epoch": "e1", "code": 1, "reason": "the pump has stopped"}
    assert client.post("/api/station/exited", json=exit_, headers=headers).json == {"ok": True}
    told = [e["args"][0] for e in viewer.get_received() if e["name"] == "station_status"]
    assert [(t["state"], t["reason"]) for t in told] == [("exited", "the pump has stopped (exit code 1)")]
    assert not lab.db.stations.get("script").ended_in_order, "its own words do not make it orderly"


def test_a_station_that_ended_before_it_could_attach_is_told(lab: Any) -> None:
    viewer = lab.socket(lab.browser("viewer"))
    client, headers = lab.app.test_client(), lab.token("station")

    def post(**what: Any) -> bool:
        return client.post("/api/station/exited", json={"station": "cryo", **what}, headers=headers).json[
            "ok"
        ]

    bare = {"epoch": "e1", "code": 5}
    assert not post(**bare), "nothing is known of it but that it has gone"
    assert post(**bare, reason="lab.py, line 3: invalid syntax")
    told = [e["args"][0] for e in viewer.get_received() if e["name"] == "station_status"]
    reason = "lab.py, line 3: invalid syntax (exit code 5)"
    assert [(t["state"], t["reason"]) for t in told] == [("exited", reason)]
    stations = client.get("/api/overview", headers=headers).json["stations"]
    assert [(s["name"], s["state"], s["reason"]) for s in stations] == [("cryo", "exited", reason)]

    assert post(epoch="e2", code=5, reason="lab.py, line 4: invalid syntax")
    assert lab.db.stations.find("cryo") is None, "how the life before it ended still counts"
    attach_station(lab.parts, "cryo", "e3", "sid")
    assert not post(epoch="e4", code=5, reason="another beside the living one")
    assert lab.parts.stations.get("cryo").state is StationState.LIVE
    attach_station(lab.parts, "cryo", "e5", "sid")
    lab.parts.stations.exited("cryo", "e5")
    assert not post(epoch="e3", code=5, reason="late"), "of an earlier life"


def test_a_line_that_comes_again_to_a_new_server_is_kept_once(lab: Any, send: Any) -> None:
    line = event(QueueLog(queue_id="Q", level="INFO", message="once"))
    assert send(1, queue_opened(), line, line).status_code == 200
    lab.parts.ingest._lines.clear()  # the server died before it answered; its successor knows nothing
    assert send(1, queue_opened(), line, line).json["duplicate"] is False
    assert [row.message for row in lab.db.logs.list("Q")] == ["once", "once"], "two were said, two are kept"
    assert send(2, line).status_code == 200
    assert len(lab.db.logs.list("Q")) == 3


def test_only_stations_may_send_much(lab: Any) -> None:
    much = b'{"items": [' + b"{}," * 500_000 + b"{}]}"
    client, content = lab.app.test_client(), {"Content-Type": "application/json"}
    refused = client.post("/api/ingest", data=much, headers=lab.token("read") | content)
    assert refused.status_code == 403
    assert client.post("/api/ingest", data=much, headers=content).status_code == 401


def test_a_frame_of_too_many_items_is_refused_by_name(send: Any) -> None:
    refused = send(1, *[{"kind": "k", "payload": {}}] * 5_001)
    assert refused.status_code == 400
    assert "items" in refused.json["error"]["field"]


def test_a_stations_name_is_that_of_the_token_which_bore_it_first(lab: Any, send: Any) -> None:
    assert send(0, queue_opened(), opened(), running()).status_code == 200
    client, stranger = lab.app.test_client(), lab.token("station")
    frame = {"station": "script", "epoch": "evil", "seq": 0, "items": []}
    for where, body in (
        ("/api/ingest", frame),
        ("/api/station/exited", {"station": "script", "epoch": "e1"}),
    ):
        refused = client.post(where, json=body, headers=stranger)
        assert refused.status_code == 403
        assert "script" in refused.json["error"]["message"]
    assert lab.db.scans.get("S").status is ScanState.RUNNING
    assert client.post("/api/ingest", json={**frame, "station": "other"}, headers=stranger).status_code == 200
    assert send(1, running()).status_code == 200
    machine = lab.token("station", "operate", "read", "admin")
    assert client.post("/api/ingest", json={**frame, "seq": 1}, headers=machine).status_code == 200


def test_nobody_adds_to_a_scan_that_has_ended(lab: Any, send: Any, make_readings: Any) -> None:
    ended = event(ScanStatus(scan_id="S", status=ScanState.COMPLETED, progress=1.0))
    told = send(0, queue_opened(), opened(), running(), block(make_readings, 0, 4), ended)
    assert told.status_code == 200
    refused = send(1, opened(), block(make_readings, 4, 2))
    assert refused.status_code == 409
    assert "completed" in refused.json["error"]["message"]
    assert lab.db.readings.last_indexes("S") == {"iv": 3}
