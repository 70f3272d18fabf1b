"""A station in this process: instruments, queues, record; safe and detached when it closes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from database.services import DatabaseService
from pybirch.errors import FieldError
from pybirch.queue.lab import Lab, load_lab
from pybirch.queue.queue import ScanState
from pybirch.scan.scan import Scan
from pybirch.station import Station
from tests.lab import Doorway, Meter, Stage, line_scan

WAIT = 30.0


def station(lab: Lab, db: DatabaseService, folder: Path) -> Station:
    return Station(lab, db, name="bench", data_dir=folder)


def test_it_opens_runs_and_leaves_everything_in_order(db: DatabaseService, tmp_path: Path) -> None:
    stage, meter = Stage(), Meter()

    def scans() -> list[Scan]:
        return [line_scan(stage, meter, 10), line_scan(stage, meter, 5)]

    lab = Lab("Lab", [stage, meter], {"main": scans}, autostart=True)
    one = station(lab, db, tmp_path)
    one.open()
    [queue] = one.queues
    assert queue.wait_for_completion(WAIT)
    one.close()
    row = db.stations.get("bench")
    assert (row.epoch, row.is_attached) == (one.epoch, False)
    recorded = db.get_queue_with_scans("main")
    assert recorded.station == "bench"
    assert [(scan.status, scan.points_done) for scan in recorded.scans] == [
        ("completed", 10),
        ("completed", 5),
    ]
    assert {found.name: found.status.status for found in db.list_equipment()} == {
        "x": "disconnected",
        "meter": "disconnected",
    }
    assert stage.instrument_id > 0

    again = station(lab, db, tmp_path)
    again.open()
    assert again.queues[0].wait_for_completion(WAIT)
    states = [handle.state for handle in again.queues[0].handles]
    assert states == ["completed"] * 4, (
        "a lab that starts by itself does so whenever it is started on purpose"
    )
    again.close()


def test_after_a_crash_nothing_is_silently_run_again(db: DatabaseService, tmp_path: Path) -> None:
    stage, meter = Stage(), Meter()
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 3)]}, autostart=True)
    one = station(lab, db, tmp_path)
    one.open()
    assert one.queues[0].wait_for_completion(WAIT)
    one.close("the station's process ended (exit code -9)")

    again = station(lab, db, tmp_path)
    again.open()
    assert [handle.state for handle in again.queues[0].handles] == ["completed"]
    assert again.queues[0].state == "idle"
    again.close()


def test_a_lab_that_does_not_start_by_itself_is_taken_up_as_it_is(
    db: DatabaseService, tmp_path: Path
) -> None:
    stage, meter = Stage(), Meter()
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 3)]})
    for _ in range(2):
        one = station(lab, db, tmp_path)
        one.open()
        assert [handle.state for handle in one.queues[0].handles] == ["queued"]
        one.close()


def test_closing_aborts_and_is_safe(db: DatabaseService, tmp_path: Path) -> None:
    door = Doorway()
    stage, meter = Stage(), Meter(doors={3: door})
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 10)]}, autostart=True)
    one = station(lab, db, tmp_path)
    one.open()
    door.wait_until_entered()
    queue = one.queues[0]
    queue.add_state_callback(lambda scan_id, state: None)
    queue.abort()
    door.open()
    one.close("asked to")
    assert queue.get_handle(0).state is ScanState.ABORTED
    assert stage.is_safe
    assert meter.is_safe
    assert db.scans.get(queue.get_handle(0).scan_id).status is ScanState.ABORTED
    assert db.stations.get("bench").detach_reason == "asked to"


def test_a_life_that_ended_without_a_word_leaves_its_scan_interrupted(
    db: DatabaseService, tmp_path: Path
) -> None:
    stage, meter = Stage(), Meter()
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 10)]})
    first = station(lab, db, tmp_path)
    first.open()
    scan_id = first.queues[0].get_handle(0).scan_id
    first.db.scans.set_status(scan_id, "running")  # and then its process was gone
    second = station(lab, db, tmp_path)
    second.open()
    assert db.scans.get(scan_id).status is ScanState.INTERRUPTED
    assert second.queues[0].get_handle(0).state is ScanState.INTERRUPTED
    assert [row.scan_id for row in second.queues[0].get_incomplete_scans()] == [scan_id]
    second.close()
    first.close()
    assert db.stations.get("bench").epoch == second.epoch


def test_a_station_beside_a_real_server_takes_its_commands(server: Any, tmp_path: Path) -> None:
    stage, meter = Stage(), Meter()
    lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 10)]})
    one = Station(lab, server.db, name="bench", data_dir=tmp_path, server_url=server.url, token=server.token)
    one.open()
    assert one._link is not None
    assert one._link.wait_connected(WAIT)
    answer = server.parts.stations.command("bench", "start", queue_id="main")
    assert answer["ok"]
    assert one.queues[0].wait_for_completion(WAIT)
    one.close()
    scan_id = one.queues[0].get_handle(0).scan_id
    assert server.db.scans.get(scan_id).points_done == 10
    assert server.parts.updates.latest_scan(scan_id).status == "completed"


def test_a_lab_is_refused_by_its_field(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match="instruments"):
        Lab("Lab", [Stage("same"), Meter("same")])
    with pytest.raises(FieldError, match="lab_file"):
        load_lab(tmp_path / "nothing.py")
    file = tmp_path / "my_lab.py"
    file.write_text("lab = 3\n")
    with pytest.raises(FieldError, match=r"my_lab\.py"):
        load_lab(file)
    file.write_text("from pybirch.queue.lab import Lab\ndef lab():\n    return Lab('mine')\n")
    assert load_lab(file).name == "mine"
