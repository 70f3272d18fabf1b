"""A driver that hangs: what the record keeps of its scan, and how its station ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.queue.lab import Lab
from pybirch.scan import watch
from pybirch.states import ScanState
from pybirch.station import Station
from tests.conftest import until
from tests.lab import Doorway, Meter, Stage, line_scan

WAIT = 30.0
LIMIT = 0.3


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "GRACE", 0.05)
    monkeypatch.setattr("pybirch.station.SAFE_WITHIN", 0.4)


def hanging_meter(at: int) -> tuple[Meter, Doorway]:
    door = Doorway()
    meter = Meter(doors={at: door})
    meter.time_limit = LIMIT
    return meter, door


def test_what_was_measured_is_in_the_record_and_the_failure_too(db: DatabaseService) -> None:
    meter, door = hanging_meter(2)
    queue = DatabaseQueue(db, "Q", scans=[line_scan(Stage(), meter, 5)])
    scan = queue.get_handle(0).scan
    queue.start()
    assert queue.wait_for_completion(WAIT)
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.points_done, row.error) == (ScanState.FAILED, 2, scan.error)
    assert row.error == (
        f"meter did not come back from perform_measurement within {LIMIT} s; it was left as it is"
    )
    assert len(scan.data["meter"]) == 2
    door.open()
    until(lambda: not queue.hung)
    assert db.get_data_point_count(scan.scan_id) == 2


def test_a_station_that_closes_beside_it_does_not_end_in_order(db: DatabaseService, tmp_path: Path) -> None:
    meter, door = hanging_meter(0)
    heater = Stage("heater")
    lab = Lab("Lab", [heater, meter], {"main": lambda: [line_scan(heater, meter, 3)]})
    one = Station(lab, db, name="bench", data_dir=tmp_path)
    one.open()
    [queue] = one.queues
    queue.start()
    assert queue.wait_for_completion(WAIT)
    until(lambda: queue.hung)
    assert one.close() is False
    assert heater.is_safe
    assert not db.stations.get("bench").ended_in_order
    door.open()
    until(lambda: not queue.hung)
    assert meter.is_safe
