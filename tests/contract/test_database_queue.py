"""`DatabaseQueue` and the extensions that keep scans and queues in the database."""

from __future__ import annotations

from typing import Any

import pytest

from database.services import DatabaseService
from pybirch.database_integration import (
    DatabaseExtension,
    DatabaseQueue,
    DatabaseQueueExtension,
    ScanManager,
)
from pybirch.errors import FieldError, NotFoundError
from pybirch.queue.queue import Queue, QueueState, ScanState
from pybirch.queue.samples import Sample
from pybirch.scan.scan import Scan
from tests.lab import Meter, Stage, line_scan, settings

WAIT = 20.0


class Live:
    """An update server that remembers."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def publish(self, event: Any) -> None:
        self.events.append(event)


def run(queue: Queue) -> None:
    queue.start()
    assert queue.wait_for_completion(WAIT)


def test_it_is_a_queue_whose_arguments_have_names(db: DatabaseService) -> None:
    queue = DatabaseQueue(QID="Q", db_service=db)
    assert isinstance(queue, Queue)
    assert DatabaseQueue(db_service=db, QID="Q").QID == DatabaseQueue(db, "Q").QID == queue.QID == "Q"
    assert DatabaseQueue(db).QID != DatabaseQueue(db).QID
    with pytest.raises(FieldError, match="db_service"):
        DatabaseQueue("Q", db)  # type: ignore[arg-type]


def test_defaults_are_given_to_scans_that_name_none(db: DatabaseService) -> None:
    project = db.projects.create(name="P")
    sample = db.samples.create(sample_id="S-1")
    own = line_scan(Stage(), Meter(), 2, sample=Sample("S-2"), owner="me")
    bare = line_scan(Stage(), Meter(), 2)
    queue = DatabaseQueue(
        db, QID="Q", project_id=project.id, sample_id="S-1", operator="ada", scans=[own, bare]
    )
    assert queue.size() == 2
    rows = db.get_queue_with_scans("Q").scans
    assert [row.scan_id for row in rows] == [own.scan_id, bare.scan_id]
    assert [row.project_id for row in rows] == [project.id, project.id]
    assert [row.sample and row.sample.sample_id for row in rows] == ["S-2", "S-1"]
    assert [row.owner for row in rows] == ["me", "ada"]
    assert rows[1].sample_id == sample.id
    with pytest.raises(NotFoundError):
        DatabaseQueue(db, project_id=99)
    with pytest.raises(NotFoundError):
        DatabaseQueue(db, sample_id="nobody")


def test_the_same_id_takes_up_the_record(db: DatabaseService) -> None:
    first = DatabaseQueue(db, "Q", scans=[line_scan(Stage(), Meter(), 2)])
    run(first)
    again = DatabaseQueue(db, "Q")
    again.enqueue(line_scan(Stage(), Meter(), 3))
    run(again)
    row = db.get_queue_with_scans("Q")
    assert len(db.list_queues()) == 1
    assert [scan.status for scan in row.scans] == ["completed", "completed"]
    assert [db.get_data_point_count(scan.id) for scan in row.scans] == [2, 3]
    assert [line.message for line in row.logs].count("queue idle") == 2


def test_from_database_runs_nothing_and_finds_instruments_by_name(db: DatabaseService) -> None:
    stage, meter = Stage(), Meter()
    first = DatabaseQueue(db, "Q", max_parallel_scans=2)
    done = first.enqueue(line_scan(stage, meter, 2, sample=Sample("S-1", "Si", ["diode"]), owner="me"))
    run(first)
    waits = first.enqueue(line_scan(stage, meter, 3))

    queue = DatabaseQueue.from_database(db, "Q", instruments={"x": stage, "meter": meter})
    assert queue.state is QueueState.IDLE
    assert [(h.scan_id, h.state) for h in queue.handles] == [(done, "completed"), (waits, "queued")]
    assert queue.get_handle(0).duration > 0
    assert queue.max_parallel_scans == 2
    recalled = queue.get_handle(0).scan
    assert recalled.sample == Sample("S-1", "Si", ["diode"])
    assert (recalled.owner, recalled.points_done, recalled.progress) == ("me", 2, 1.0)
    assert recalled.started_at is not None
    assert recalled.started_at.endswith("Z")
    assert meter.taken == 2

    run(queue)
    assert db.scans.get(waits).status is ScanState.COMPLETED
    assert db.get_data_point_count(waits) == 3
    with pytest.raises(NotFoundError):
        DatabaseQueue.from_database(db, "nobody's")


def test_from_database_takes_instruments_as_a_list_too(db: DatabaseService) -> None:
    stage, meter = Stage(), Meter()
    DatabaseQueue(db, "Q", scans=[line_scan(stage, meter, 2)])
    queue = DatabaseQueue.from_database(db, "Q", [stage, meter])
    run(queue)
    assert queue.get_handle(0).state is ScanState.COMPLETED


def test_the_order_of_the_record_is_that_of_the_queue(db: DatabaseService) -> None:
    scans = [line_scan(Stage(), Meter(), 2) for _ in range(4)]
    queue = DatabaseQueue(db, "Q", scans=scans[:3])
    queue.move_scan(2, 0)
    queue.replace_scan(1, scans[3])
    queue.dequeue(scans[1].scan_id)
    expected = [handle.scan_id for handle in queue.handles]
    assert expected == [scans[2].scan_id, scans[3].scan_id]
    assert [row.scan_id for row in db.get_queue_with_scans("Q").scans] == expected
    assert [h.scan_id for h in DatabaseQueue.from_database(db, "Q").handles] == expected


def test_a_scan_that_is_replaced_by_one_leaves_its_place_to_it(db: DatabaseService) -> None:
    scans = [line_scan(Stage(), Meter(), 2) for _ in range(4)]
    queue = DatabaseQueue(db, "Q", scans=scans[:3])
    queue.replace_scan(0, scans[3])
    expected = [scans[3].scan_id, scans[1].scan_id, scans[2].scan_id]
    assert [handle.scan_id for handle in queue.handles] == expected
    assert [row.scan_id for row in db.get_queue_with_scans("Q").scans] == expected


def test_incomplete_scans_are_detached_rows_and_can_be_marked_failed(db: DatabaseService) -> None:
    queue = DatabaseQueue(db, "Q")
    scan_id = queue.enqueue(line_scan(Stage(), Meter(), 2))
    db.update_scan_status(scan_id, "running")  # and then the program was gone

    again = DatabaseQueue.from_database(db, "Q")
    assert again.get_handle(0).state is ScanState.INTERRUPTED
    [row] = again.get_incomplete_scans()
    assert (row.scan_id, row.status, row.queue.queue_id, row.sample) == (scan_id, "running", "Q", None)
    assert again.mark_incomplete_scans_failed() == 1
    assert again.get_incomplete_scans() == []
    assert db.scans.get(scan_id).status is ScanState.FAILED
    assert db.scans.get(scan_id).error


def test_live_updates_are_switched_on_and_off(db: DatabaseService) -> None:
    live = Live()
    queue = DatabaseQueue(db, "Q", update_server=live)
    queue.enable_websocket_integration(live)
    scan_id = queue.enqueue(line_scan(Stage(), Meter(), 3))
    run(queue)
    told = [event for event in live.events if event.kind == "scan_status" and event.status == "completed"]
    assert [event.scan_id for event in told] == [scan_id], "attached twice, heard once"
    assert sum(event.count for event in live.events if event.kind == "data_block") == 3
    queue.disable_websocket_integration()
    queue.disable_websocket_integration()
    count = len(live.events)
    queue.enqueue(line_scan(Stage(), Meter(), 3))
    run(queue)
    assert len(live.events) == count


@pytest.mark.parametrize("key", ["id", "scan_id"])
def test_database_extension_keeps_a_scan_by_number_or_text(db: DatabaseService, key: str) -> None:
    scan = line_scan(Stage(), Meter(), 4)
    row = ScanManager(db).create_scan(scan.settings, owner="me")
    scan.extensions.append(DatabaseExtension(db, getattr(row, key)))
    scan.run()
    assert db.scans.get(row.id).status is ScanState.COMPLETED
    assert db.get_data_point_count(row.scan_id) == 4
    with pytest.raises(NotFoundError):
        DatabaseExtension(db, 99)
    with pytest.raises(NotFoundError):
        DatabaseExtension(db, scan_id="nobody")


def test_database_extension_takes_keywords(db: DatabaseService) -> None:
    row = ScanManager(db).create_scan(settings(None))
    scan = Scan(settings(None), extensions=[DatabaseExtension(scan_id=row.id, db_service=db)])
    scan.run()
    assert db.scans.get(row.id).status is ScanState.COMPLETED


def test_database_queue_extension_keeps_a_plain_queue(db: DatabaseService) -> None:
    queue = Queue("Q", extensions=[DatabaseQueueExtension(db)])
    scan_id = queue.enqueue(line_scan(Stage(), Meter(), 3))
    run(queue)
    assert db.get_queue_with_scans("Q").status is QueueState.IDLE
    assert db.get_data_point_count(scan_id) == 3


def test_database_queue_extension_takes_up_a_queue_that_is_there(db: DatabaseService) -> None:
    queue = Queue("Q", [line_scan(Stage(), Meter(), 2)])
    DatabaseQueueExtension(db).take_up(queue)
    queue.enqueue(line_scan(Stage(), Meter(), 3))
    run(queue)
    rows = db.get_queue_with_scans("Q").scans
    assert [db.get_data_point_count(row.id) for row in rows] == [2, 3]
