"""What a pause does with the instruments is kept in the record, and known to who reads it there."""

from __future__ import annotations

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.states import PausePolicy, ScanState
from tests.lab import PATIENCE, Doorway, Meter, Stage, line

WAIT = 30.0


def a_queue(db: DatabaseService, on_pause: str) -> tuple[DatabaseQueue, Scan]:
    tree = line(Stage("x"), Meter("meter"), 3)
    scan = Scan(ScanSettings("P", "kept", "line", "test", tree, on_pause=on_pause))
    return DatabaseQueue(db, "Q", scans=[scan]), scan


def test_it_comes_back_from_the_record_and_goes_with_a_scan_that_is_run_again(db: DatabaseService) -> None:
    _, scan = a_queue(db, "safe")
    row = db.scans.get(scan.scan_id)
    assert row.extra_data["on_pause"] == row.settings["on_pause"] == "safe"
    door = Doorway()
    stage, meter = Stage("x"), Meter("meter", doors={1: door})
    queue = DatabaseQueue.from_database(db, "Q", [stage, meter])
    recalled = queue.get_handle(0).scan
    assert recalled.settings.on_pause is PausePolicy.SAFE
    queue.start()
    door.wait_until_entered()
    queue.pause()
    door.open()
    assert recalled.wait_for(lambda one: one.state is ScanState.PAUSED, PATIENCE)
    assert stage.is_safe
    queue.resume()
    assert queue.wait_for_completion(WAIT)
    assert db.get_data_point_count(scan.scan_id) == 3
    again = queue.get_handle_by_id(queue.restart(recalled.scan_id)).scan
    assert again.settings.on_pause is PausePolicy.SAFE
    assert db.scans.get(again.scan_id).settings["on_pause"] == "safe"


def test_a_scan_whose_record_does_not_say_holds(db: DatabaseService) -> None:
    _, scan = a_queue(db, "hold")
    assert "on_pause" not in db.scans.get(scan.scan_id).extra_data
    queue = DatabaseQueue.from_database(db, "Q", [Stage("x"), Meter("meter")])
    assert queue.get_handle(0).scan.settings.on_pause is PausePolicy.HOLD


def test_it_can_be_changed_in_the_record(db: DatabaseService) -> None:
    _, scan = a_queue(db, "hold")
    assert db.scans.update(scan.scan_id, on_pause="safe").settings["on_pause"] == "safe"
