from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from database.services import DatabaseService
from database.services.tally import Waiting
from pybirch.errors import FieldError, NotFoundError
from pybirch.states import QueueState
from tests.database.racing import at_once, meanwhile


@dataclass
class CoreQueue:
    """What the services see of a `pybirch.queue.queue.Queue`."""

    QID: str = "Q1"
    max_parallel_scans: int = 2
    handles: list[Any] = field(default_factory=list)


def test_the_same_qid_takes_up_the_same_record(db: DatabaseService) -> None:
    row = db.create_queue_from_pybirch(CoreQueue(), operator="ada")
    again = db.create_queue_from_pybirch(CoreQueue(max_parallel_scans=3))
    assert again.id == row.id
    assert (again.operator, again.max_parallel_scans, again.name) == ("ada", 3, "Q1")
    assert db.queues.attach("Q1", "bench").station == "bench"


def test_a_queue_with_its_scans_in_order(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q1")
    for name in "ABC":
        db.scans.create(scan_id=name, queue_id="Q1")
    db.queues.order("Q1", ["C", "A"])
    db.add_queue_log("Q1", "info", "hello", "A")
    queue = db.get_queue_with_scans("Q1")
    assert [scan.scan_id for scan in queue.scans] == ["C", "A", "B"]
    assert [(line.level, line.message) for line in queue.logs] == [("INFO", "hello")]
    assert [line.scan_id for line in db.get_queue(queue.id).logs] == ["A"]


def test_counts_are_those_of_the_scans(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q1")
    db.queues.create(queue_id="Q2")
    for name in "ABC":
        db.scans.create(scan_id=name, queue_id="Q1")
    db.scans.set_status("A", "running")
    db.scans.set_status("A", "completed")
    assert db.queues.counts("Q1") == (1, 3)
    assert db.queues.counts_of(["Q2", "nobody"]) == {"Q2": (0, 0), "nobody": (0, 0)}


def test_states_and_times(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q1")
    scan = db.scans.create(scan_id="A", queue_id="Q1")
    running = db.queues.set_status("Q1", QueueState.RUNNING, current_scan=scan.id)
    assert (running.status, running.current_scan) == (QueueState.RUNNING, "A")
    assert running.started_at is not None
    idle = db.queues.set_status("Q1", "idle")
    assert (idle.current_scan, idle.finished_at is not None) == (None, True)
    with pytest.raises(FieldError, match="status"):
        db.queues.set_status("Q1", "asleep")
    with pytest.raises(NotFoundError):
        db.queues.set_status("Q9", "idle")


def test_a_log_is_read_from_its_end_and_onwards(db: DatabaseService) -> None:
    number = db.queues.create(queue_id="Q1").id
    db.queues.create(queue_id="Q2")
    db.logs.add("Q2", "ERROR", "elsewhere")
    ids = [db.logs.add(number, "info", f"line {i}", timestamp="2030-01-01T00:00:00Z").id for i in range(5)]
    assert [line.message for line in db.logs.list("Q1", limit=2)] == ["line 3", "line 4"]
    assert [line.message for line in db.logs.list("Q1", after_id=ids[2])] == ["line 3", "line 4"]
    assert [line.message for line in db.logs.list("Q1", 1, after_id=ids[0])] == ["line 1"]
    assert db.logs.list("Q2")[0].level == "ERROR"
    assert db.logs.list("Q1")[0].timestamp.isoformat() == "2030-01-01T00:00:00+00:00"
    with pytest.raises(NotFoundError):
        db.logs.add("Q9", "INFO", "lost")


def test_a_tally_tells_the_states_apart_and_what_waits(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q1")
    begun = datetime(2030, 1, 1, tzinfo=UTC)
    for name, kind in (("A", "line"), ("B", "line"), ("C", "line"), ("D", "line"), ("E", "map")):
        db.scans.create(
            scan_id=name, queue_id="Q1", scan_type=kind, points_total=10 if kind == "line" else None
        )
    for name in "AB":
        db.scans.set_status(name, "running", timestamp=begun, progress=0.5)
    db.scans.set_status("A", "completed", timestamp=begun + timedelta(seconds=20), points_done=10)
    db.queues.set_status("Q1", "running", current_scan="B")
    tally = db.queues.tallies_of(["Q1"])["Q1"]
    assert tally.states == {"completed": 1, "running": 1, "queued": 3}
    assert tally.progress == 1.5 / 5
    assert tally.waiting == (Waiting("line", 2, 20, 2.0), Waiting("map", 1, None, None))
    db.scans.set_status("B", "interrupted")
    db.queues.set_status("Q1", "idle")
    tally = db.queues.tallies_of(["Q1"])["Q1"]
    assert (tally.states["interrupted"], tally.progress, tally.waiting) == (1, 1 / 5, ())


def test_of_two_orders_at_once_one_holds(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q1")
    for name in "ABC":
        db.scans.create(scan_id=name, queue_id="Q1")
    with meanwhile(partial(db.queues.order, "Q1", ["B", "C", "A"])) as other:
        db.queues.order("Q1", ["A", "C", "B"])
    assert other.error is None
    assert "".join(scan.scan_id for scan in db.get_queue_with_scans("Q1").scans) in ("ACB", "BCA")


def test_of_two_states_told_at_once_one_holds(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q1", status="running")
    with meanwhile(partial(db.queues.set_status, "Q1", "idle")) as other:
        db.queues.set_status("Q1", "running", current_scan="A")
    assert other.error is None
    row = db.queues.get("Q1")
    assert (row.status, row.current_scan) in [("running", "A"), ("idle", None)]


def test_a_line_that_comes_twice_at_once_is_kept_once(db: DatabaseService) -> None:
    db.queues.create(queue_id="Q1")
    for number in range(8):
        line = partial(db.logs.add, "Q1", "info", "hello", origin=f"bench:e1:{number}:0")
        assert at_once(*[line] * 4) == []
    assert len(db.logs.list("Q1")) == 8
