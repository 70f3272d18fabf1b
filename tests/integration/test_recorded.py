"""A queue and its record, end to end: what was measured, what was shown and what is stored agree."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from database.errors import DatabaseUnavailableError
from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.database_integration.sync.commands import Commands
from pybirch.errors import StaleWriterError
from pybirch.events import EventBus, Readings, ScanStatus
from pybirch.frames import join_frames
from pybirch.queue.queue import ExecutionMode, ScanState
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan
from tests.conftest import until
from tests.lab import Diary, Doorway, Ear, Meter, Stage, failing, line, line_scan, settings

WAIT = 60.0


def run(queue: DatabaseQueue, mode: ExecutionMode = ExecutionMode.SERIAL) -> None:
    queue.start(mode=mode)
    assert queue.wait_for_completion(WAIT)


def stored(db: DatabaseService, scan_id: str, measurement: str = "meter") -> Any:
    return join_frames([db.readings.read(scan_id, measurement)])


def same(one: Any, other: Any) -> bool:
    """Two frames hold the same, arrays in cells and NaN included."""
    return list(one.columns) == list(other.columns) and all(
        np.array_equal(np.asarray(a, dtype=float), np.asarray(b, dtype=float), equal_nan=True)
        for column in one.columns
        for a, b in zip(one[column], other[column], strict=True)
    )


def test_readings_are_stored_exactly_with_arrays_and_several_measurements(db: DatabaseService) -> None:
    numbers = Meter(
        "numbers", lambda n: np.array([[np.nan if n == 3 else n / 3, np.inf]]), ["a", "b"], ["V", "A"]
    )
    spectrum = Meter("spectrum", lambda n: np.linspace(n, n + 1, 64).reshape(-1, 1), ["counts"], [""])
    ragged = Meter("ragged", lambda n: np.arange(n % 3 + 1.0).reshape(-1, 1), ["trace"], ["V"])
    inner = MovementItem(Stage("y"), range(4), children=[MeasurementItem(numbers), MeasurementItem(spectrum)])
    tree = [MovementItem(Stage("x"), [1.0, 2.5, 4.0], children=[MeasurementItem(ragged), inner])]
    scan = Scan(settings(tree))
    queue = DatabaseQueue(db, "Q", scans=[scan])
    run(queue)
    for name, count in (("numbers", 12), ("spectrum", 12), ("ragged", 3)):
        assert len(scan.data[name]) == len(stored(db, scan.scan_id, name)) == count
        assert same(scan.data[name], stored(db, scan.scan_id, name))
    row = db.scans.get(scan.scan_id)
    assert (row.points_done, row.points_total, row.progress) == (27, 27, 1.0)
    assert db.get_data_point_count(row.id) == scan.points_done == 27


def test_twenty_scans_in_four_queues_before_thirty_observers(db: DatabaseService) -> None:
    bus = EventBus()
    ears = [Ear(bus) for _ in range(30)]
    scans = [line_scan(Stage(f"x{i}"), Meter(f"meter{i}"), 40 + i) for i in range(20)]
    queues = [DatabaseQueue(db, f"Q{i}", scans=scans[i::4], max_parallel_scans=5, bus=bus) for i in range(4)]
    for queue in queues:
        queue.start(mode=ExecutionMode.PARALLEL)
    for queue in queues:
        assert queue.wait_for_completion(WAIT)
    assert bus.flush(20)
    for i, scan in enumerate(scans):
        expected = list(range(40 + i))
        assert scan.state is ScanState.COMPLETED
        assert same(stored(db, scan.scan_id, f"meter{i}"), scan.data[f"meter{i}"])
        assert len(scan.data[f"meter{i}"]) == len(expected)
        for ear in ears:
            assert ear.indexes(f"meter{i}", scan.scan_id) == expected
            assert ear.states(scan.scan_id) == ["queued", "running", "completed"]
    for i, queue in enumerate(queues):
        row = db.get_queue_with_scans(queue.QID)
        assert row.status == "idle"
        assert [scan.scan_id for scan in row.scans] == [scan.scan_id for scan in scans[i::4]]
    bus.close()


class StoredFirst:
    """An observer that looks into the database whenever it hears of something."""

    def __init__(self, db: DatabaseService) -> None:
        self.db = db
        self.early: list[Any] = []

    def hear(self, event: Any) -> None:
        if isinstance(event, Readings):
            last = self.db.readings.last_indexes(event.scan_id).get(event.measurement, -1)
            if last < event.end_index - 1:
                self.early.append(event)
        if isinstance(event, ScanStatus) and event.status is not ScanState.QUEUED:
            row = self.db.scans.get(event.scan_id)
            if row.status is ScanState.QUEUED or (
                event.status.is_finished and row.status is not event.status
            ):
                self.early.append((event, row.status))


def test_what_is_recorded_is_read_from_the_record(db: DatabaseService) -> None:
    queue = DatabaseQueue(db, "Q", scans=[line_scan(Stage(), Meter(), 100)])
    run(queue)
    scan = queue.get_handle(0).scan
    assert not scan._memory._blocks, "nothing is kept twice"
    assert same(scan.data["meter"], stored(db, scan.scan_id))
    again = DatabaseQueue.from_database(db, "Q").get_handle(0).scan
    assert same(again.data["meter"], scan.data["meter"])
    assert again.counts == {"meter": 100}


def test_nothing_is_shown_before_it_is_stored(db: DatabaseService) -> None:
    queue = DatabaseQueue(db, "Q")
    observer, door = StoredFirst(db), Doorway()
    queue.bus.subscribe(observer.hear)
    queue.enqueue(line_scan(Stage(), Meter(doors={20: door}), 40))
    queue.start()
    door.wait_until_entered()
    queue.pause()
    door.open()
    assert queue.get_handle(0).scan.wait_for(lambda s: s.state is ScanState.PAUSED, WAIT)
    queue.get_handle(0).scan.flush()
    assert queue.bus.flush(WAIT)
    assert db.scans.get(queue.get_handle(0).scan_id).status is ScanState.PAUSED
    queue.resume()
    assert queue.wait_for_completion(WAIT)
    assert observer.early == []


def test_a_measurement_that_raises(db: DatabaseService) -> None:
    scan = line_scan(Stage(), Meter(answer=failing(5, RuntimeError("lamp burnt out"))), 10)
    run(DatabaseQueue(db, "Q", scans=[scan]))
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.error, row.points_done) == ("failed", "lamp burnt out", 5)
    assert same(stored(db, scan.scan_id), scan.data["meter"])
    errors = [line for line in db.queues.get("Q").logs if line.level == "ERROR"]
    assert [(line.scan_id, "lamp burnt out" in line.message) for line in errors] == [(scan.scan_id, True)]


def test_an_extension_that_raises(db: DatabaseService) -> None:
    scan = line_scan(Stage(), Meter(), 10, extensions=[Diary({"save_data": OSError("disk full")})])
    run(DatabaseQueue(db, "Q", scans=[scan]))
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.error) == ("failed", "disk full")
    assert len(stored(db, scan.scan_id)) == len(scan.data["meter"]) > 0


def test_a_writer_from_whom_the_scan_was_taken(db: DatabaseService) -> None:
    queue, door, meter = DatabaseQueue(db, "Q"), Doorway(), Meter()
    meter.doors = {10: door}
    ear = Ear(queue.bus)
    scan = line_scan(stage := Stage(), meter, 20)
    queue.enqueue(scan)
    queue.start()
    door.wait_until_entered()
    scan.flush()
    db.scans.mark_interrupted([scan.scan_id], "its station is gone")
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert scan.state is ScanState.FAILED
    assert isinstance(scan.failure, StaleWriterError)
    assert "interrupted" in str(scan.error)
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.points_done) == ("interrupted", 10)
    queue.bus.flush(WAIT)
    assert ear.indexes() == list(range(10)), "what the record refused, nobody saw"
    assert stage.is_safe


@pytest.mark.filterwarnings("ignore:.*closed database")
def test_a_record_that_refuses(db: DatabaseService, place: Path) -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={10: door}), 20)
    queue = DatabaseQueue(db, "Q", scans=[scan])
    ear = Ear(queue.bus)
    queue.start()
    door.wait_until_entered()
    scan.flush()
    with closing(sqlite3.connect(place)) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON measurement_blocks "
            "BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        )
        other.commit()
    door.open()
    assert queue.wait_for_completion(WAIT)
    queue.bus.flush(WAIT)
    row = db.scans.get(scan.scan_id)
    assert row.status is ScanState.FAILED
    assert "disk is full" in str(row.error)
    assert row.points_done == 10
    assert ear.indexes() == list(range(10))
    assert ear.states()[-1] is ScanState.FAILED


def test_a_record_that_is_locked_for_a_moment_loses_nothing(db: DatabaseService, place: Path) -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={10: door}), 200)
    queue = DatabaseQueue(db, "Q", scans=[scan])
    queue.start()
    door.wait_until_entered()
    scan.flush()
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        door.open()
        assert not queue.wait_for_completion(0.3)
        other.execute("ROLLBACK")
    assert queue.wait_for_completion(WAIT)
    assert scan.state is ScanState.COMPLETED
    assert same(stored(db, scan.scan_id), scan.data["meter"])
    assert len(stored(db, scan.scan_id)) == 200


def test_a_locked_record_delays_no_queues_abort(db: DatabaseService, place: Path) -> None:
    stages, doors = [Stage(f"x{n}") for n in range(2)], [Doorway(), Doorway()]
    queues = [
        DatabaseQueue(db, f"Q{n}", scans=[line_scan(stage, Meter(doors={3: door}), 10**6)])
        for n, (stage, door) in enumerate(zip(stages, doors, strict=True))
    ]
    commands = Commands()
    for queue, door in zip(queues, doors, strict=True):
        commands.add(queue)
        queue.start()
        door.wait_until_entered()
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for door in doors:
            door.open()
        commands.perform({"action": "stop_everything"})
        until(lambda: all(stage.is_safe for stage in stages), what="safe, though nothing can be written")
        other.execute("ROLLBACK")
    for queue in queues:
        assert queue.wait_for_completion(WAIT)
        [row] = db.get_queue_with_scans(queue.queue_id).scans
        assert row.status is ScanState.ABORTED
        lines = [line.message for line in db.get_queue_with_scans(queue.queue_id).logs]
        assert "queue aborted: stop everything" in lines


def test_what_a_living_station_runs_is_not_marked_failed(db: DatabaseService) -> None:
    db.stations.attach("bench", epoch="e1")
    door = Doorway()
    queue = DatabaseQueue(db, "Q", scans=[line_scan(Stage(), Meter(doors={1: door}), 3)], writer="bench:e1")
    queue.start()
    door.wait_until_entered()
    onlooker = DatabaseQueue.from_database(db, "Q")
    assert onlooker.mark_incomplete_scans_failed() == 0
    door.open()
    run(queue)
    assert queue.get_handle(0).state is ScanState.COMPLETED


def test_a_restarted_scan_names_its_origin_in_the_record(db: DatabaseService) -> None:
    meter = Meter(answer=failing(1, RuntimeError("broken")))
    queue = DatabaseQueue(db, "Q", scans=[line_scan(Stage(), meter, 3)])
    run(queue)
    old = queue.get_handle(0).scan_id
    meter.answer = lambda n: np.array([[1.0]])
    new = queue.restart(old)
    run(queue)
    row = db.scans.get(new)
    assert (row.restarted_from, row.status, row.points_done) == (old, "completed", 3)
    assert db.scans.get(old).status is ScanState.FAILED


def test_a_scan_whose_instrument_is_missing_is_shown_and_refused_by_name(db: DatabaseService) -> None:
    stage, meter = Stage("cryostat"), Meter()
    DatabaseQueue(db, "Q", scans=[Scan(settings(line(stage, meter, 3)))])
    queue = DatabaseQueue.from_database(db, "Q", [meter])
    assert queue.get_status()["scans"][0]["name"] == "a scan"
    run(queue)
    row = db.scans.get(queue.get_handle(0).scan_id)
    assert row.status is ScanState.FAILED
    assert "cryostat" in str(row.error)
    assert meter.taken == 0


def test_an_end_the_record_does_not_take_in_time_is_kept_later(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybirch.database_integration.database_queue.TO_SEND", 0.0)
    scan = line_scan(Stage(), Meter(), 3)
    queue = DatabaseQueue(db, "Q", scans=[scan])
    set_status, away = db.scans.set_status, [True]

    def refusing(scan_id: Any, state: Any, **fields: Any) -> Any:
        if away[0] and ScanState(state).is_finished:
            raise DatabaseUnavailableError("database is locked")
        return set_status(scan_id, state, **fields)

    monkeypatch.setattr(db.scans, "set_status", refusing)
    run(queue)
    assert scan.state is ScanState.COMPLETED, "it is kept, on this computer's disk"
    assert db.scans.get(scan.scan_id).status is ScanState.RUNNING
    away[0] = False
    until(lambda: db.scans.get(scan.scan_id).status is ScanState.COMPLETED, 20)
