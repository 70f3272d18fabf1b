"""A scan that was interrupted goes on after the last step in the record, when somebody says so."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.errors import IllegalTransitionError, StaleWriterError
from pybirch.queue.queue import Queue, QueueState, ScanState
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanSettings
from tests.lab import Doorway, Ear, Meter, Stage, line_scan

WAIT = 30.0


class Life:
    """One life of the program that owns the instruments."""

    def __init__(self, door_at: int | None = None, trouble: dict[str, BaseException] | None = None) -> None:
        self.door = Doorway()
        self.outer, self.inner = Stage("outer"), Stage("inner", trouble=trouble or {})
        self.meter = Meter(
            answer=lambda n: np.array([[self.inner.position + 100 * self.outer.position]]),
            doors={} if door_at is None else {door_at: self.door},
        )
        self.instruments = [self.outer, self.inner, self.meter]

    def scan(self) -> Scan:
        inner = MovementItem(self.inner, range(5), children=[MeasurementItem(self.meter)])
        tree = [MovementItem(self.outer, range(4), children=[inner])]
        return Scan(ScanSettings("P", "map", "map", "test", tree))

    def take_up(self, db: DatabaseService) -> DatabaseQueue:
        return DatabaseQueue.from_database(db, "Q", self.instruments)


@pytest.fixture
def interrupted(db: DatabaseService) -> str:
    """A map of 20 points of which 12 are in the record when its program dies; its scan_id."""
    life = Life(door_at=12)
    scan = life.scan()
    queue = DatabaseQueue(db, "Q", scans=[scan])
    queue.start()
    life.door.wait_until_entered()
    scan.flush()
    db.scans.mark_interrupted([scan.scan_id], "the power failed")
    life.door.open()  # what this life still measures is refused by the record
    queue.wait_for_completion(WAIT)
    return scan.scan_id


def test_it_goes_on_and_every_point_is_there_once(db: DatabaseService, interrupted: str) -> None:
    life = Life()
    queue = life.take_up(db)
    handle = queue.get_handle_by_id(interrupted)
    assert (handle.state, handle.scan.points_done) == (ScanState.INTERRUPTED, 12)
    assert life.outer.visited == life.inner.visited == [], "nothing moves before somebody says so"
    ear = Ear(queue.bus)
    queue.resume(interrupted)
    assert queue.wait_for_completion(WAIT)
    scan = queue.get_handle_by_id(interrupted).scan
    assert (scan.state, scan.points_done, scan.progress) == (ScanState.COMPLETED, 20, 1.0)
    assert life.outer.visited == [2.0, 3.0]
    assert life.inner.visited == [2.0, 3.0, 4.0, *range(5)]
    assert life.meter.taken == 8
    frame = scan.data["meter"]
    assert list(frame.index) == list(range(20))
    assert list(frame["voltage (V)"]) == [100 * y + x for y in range(4) for x in range(5)]
    assert list(frame["outer (mm)"]) == [y for y in range(4) for _ in range(5)]
    row = db.scans.get(interrupted)
    assert (row.status, row.points_done, row.error) == (ScanState.COMPLETED, 20, None)
    assert list(db.readings.read(interrupted, "meter").steps) == list(range(20))
    assert ear.indexes() == list(range(12, 20))
    begun = next(event for event in ear.events if getattr(event, "status", None) is ScanState.RUNNING)
    assert begun.message is None, "the old error is history"
    assert any("goes on" in line.message for line in db.get_queue_with_scans("Q").logs)


def test_instruments_that_are_not_ready_leave_it_interrupted(db: DatabaseService, interrupted: str) -> None:
    life = Life(trouble={"connect": ConnectionError("no answer from the stage")})
    queue = life.take_up(db)
    queue.resume(interrupted)
    assert queue.wait_for_completion(WAIT)
    handle = queue.get_handle_by_id(interrupted)
    assert handle.state is ScanState.INTERRUPTED
    assert "no answer" in str(handle.error)
    row = db.scans.get(interrupted)
    assert (row.status, row.points_done) == (ScanState.INTERRUPTED, 12)
    assert life.outer.is_safe
    life.inner.trouble.clear()
    queue.resume(interrupted)
    assert queue.wait_for_completion(WAIT)
    assert queue.get_handle_by_id(interrupted).state is ScanState.COMPLETED
    assert len(db.readings.read(interrupted, "meter").times) == 20


def test_it_may_be_interrupted_and_go_on_again_and_again(db: DatabaseService, interrupted: str) -> None:
    for _ in range(3):
        life = Life(door_at=2)
        queue = life.take_up(db)
        queue.resume(interrupted)
        life.door.wait_until_entered()
        queue.get_handle_by_id(interrupted).scan.flush()
        db.scans.mark_interrupted([interrupted], "again")
        life.door.open()
        queue.wait_for_completion(WAIT)
    last = Life()
    queue = last.take_up(db)
    queue.resume(interrupted)
    assert queue.wait_for_completion(WAIT)
    frame = queue.get_handle_by_id(interrupted).scan.data["meter"]
    assert list(frame["voltage (V)"]) == [100 * y + x for y in range(4) for x in range(5)]


def test_an_abort_reaches_it_before_and_after_it_goes_on(db: DatabaseService, interrupted: str) -> None:
    life = Life(door_at=1)
    queue = life.take_up(db)
    queue.resume(interrupted)
    life.door.wait_until_entered()
    with pytest.raises(IllegalTransitionError):
        queue._reopen(queue.get_handle_by_id(interrupted))
    queue.abort(interrupted)
    life.door.open()
    assert queue.wait_for_completion(WAIT)
    assert queue.get_handle_by_id(interrupted).state is ScanState.ABORTED
    assert db.scans.get(interrupted).status is ScanState.ABORTED
    with pytest.raises(IllegalTransitionError, match="aborted"):
        queue.resume(interrupted)


def test_it_waits_for_its_turn_and_may_be_taken_back(db: DatabaseService, interrupted: str) -> None:
    life, door = Life(), Doorway()
    queue = life.take_up(db)
    queue.enqueue(line_scan(Stage(), Meter(doors={1: door}), 3))
    queue.start([1])
    door.wait_until_entered()
    queue.resume(interrupted)
    queue.abort(interrupted)
    assert queue.get_handle_by_id(interrupted).state is ScanState.INTERRUPTED
    queue.resume(interrupted)
    assert life.outer.visited == []
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert queue.state is QueueState.IDLE
    assert [handle.state for handle in queue.handles] == [ScanState.COMPLETED] * 2


def test_without_a_record_it_cannot_go_on() -> None:
    scan = line_scan(Stage(), Meter(), 3)
    recalled = Scan.recall(scan.settings, scan_id="S", state=ScanState.INTERRUPTED)
    queue = Queue("Q")
    queue.recall([recalled])
    queue.resume("S")
    assert queue.wait_for_completion(WAIT)
    handle = queue.get_handle(0)
    assert handle.state is ScanState.INTERRUPTED
    assert "record cannot be read" in str(handle.error)
    with pytest.raises(IllegalTransitionError, match="queued"):
        scan.to_go_on()


OTHER = """
import sys, time
from pybirch.database_integration.writers import new_writer

print(new_writer(), flush=True)
time.sleep(60)
"""


def test_what_another_living_program_measures_is_not_taken_from_it(
    db: DatabaseService, interrupted: str
) -> None:
    """To this process it looks interrupted, and it is not."""
    other = subprocess.Popen([sys.executable, "-c", OTHER], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        writer = other.stdout.readline().strip()
        db.scans.claim(interrupted, writer, force=True)
        db.scans.set_status(interrupted, "running")
        queue = Life().take_up(db)
        assert queue.get_incomplete_scans() == []
        with pytest.raises(StaleWriterError, match="is being written by"):
            queue.resume(interrupted)
        assert (db.scans.get(interrupted).status, db.scans.get(interrupted).writer) == ("running", writer)
    finally:
        other.kill()
        other.communicate()
    assert [row.scan_id for row in queue.get_incomplete_scans()] == [interrupted]
    queue.resume(interrupted)
    assert queue.wait_for_completion(WAIT)
    assert db.scans.get(interrupted).status is ScanState.COMPLETED
