from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from database.services import DatabaseService
from pybirch.errors import FieldError, StaleWriterError
from pybirch.events import Readings
from pybirch.states import QueueState, ScanState
from tests.database.racing import at_once, meanwhile

MakeReadings = Callable[..., Readings]


def test_a_writer_lives_while_its_stations_present_life_is_attached(db: DatabaseService) -> None:
    db.stations.attach("bench", epoch="e1")
    assert db.stations.is_living("bench:e1")
    assert not any(map(db.stations.is_living, ["bench:e0", "other:e1", "bench", "", None]))
    db.stations.detach("bench", "e1")
    assert not db.stations.is_living("bench:e1")


def test_a_new_life_interrupts_what_the_earlier_left(db: DatabaseService) -> None:
    assert db.stations.attach("bench", pid=1, host="pc", epoch="e1").interrupted == []
    db.queues.attach("Q", "bench")
    db.queues.set_status("Q", "running", current_scan="A")
    for name in "AB":
        db.scans.create(scan_id=name, writer="bench:e1", queue_id="Q")
    db.scans.set_status("A", "running", writer="bench:e1")
    station = db.stations.attach("bench", pid=2, host="pc", epoch="e2")
    assert (station.interrupted, station.epoch, station.pid) == (["A"], "e2", 2)
    assert db.scans.get("A").status is ScanState.INTERRUPTED
    assert db.scans.get("B").status is ScanState.QUEUED
    assert db.queues.get("Q").status is QueueState.IDLE
    with pytest.raises(StaleWriterError):
        db.stations.attach("bench", epoch="e1")


def test_attaching_twice_in_one_life_is_harmless(db: DatabaseService) -> None:
    db.stations.attach("bench", epoch="e1")
    db.scans.create(scan_id="A", writer="bench:e1", status="running")
    assert db.stations.attach("bench", epoch="e1").interrupted == []
    assert db.scans.get("A").status is ScanState.RUNNING


def test_a_known_exit_interrupts_at_once(db: DatabaseService) -> None:
    db.stations.attach("bench", epoch="e1")
    db.scans.create(scan_id="A", writer="bench:e1", status="running")
    db.stations.attach("other", epoch="x")
    assert db.stations.detach("bench", "e0", "old news").interrupted == []
    gone = db.stations.detach("bench", "e1", "exited with code 9")
    assert (gone.interrupted, gone.is_attached, gone.detach_reason) == (["A"], False, "exited with code 9")
    assert db.scans.get("A").error == "exited with code 9"
    assert db.stations.get("other").is_attached


def test_writes_of_an_old_life_are_refused(db: DatabaseService, make_readings: MakeReadings) -> None:
    db.stations.attach("bench", epoch="e1")
    db.scans.create(scan_id="S1", writer="bench:e1", status="running")
    db.readings.append("S1", [make_readings(0, 3)], writer="bench:e1")
    db.stations.attach("bench", epoch="e2")
    with pytest.raises(StaleWriterError, match="S1"):
        db.readings.append("S1", [make_readings(3, 3)], writer="bench:e1")
    with pytest.raises(StaleWriterError):
        db.scans.set_status("S1", "completed", writer="bench:e1")
    assert db.readings.last_indexes("S1") == {"iv": 2}
    db.scans.claim("S1", "bench:e2")
    db.scans.set_status("S1", "running")
    assert db.readings.append("S1", [make_readings(3, 3)], writer="bench:e2") == 3


def test_a_life_that_is_over_takes_up_no_further_scan(db: DatabaseService) -> None:
    """The old life still drives instruments, perhaps; what it would begin next is refused."""
    db.stations.attach("bench", epoch="e1")
    db.scans.create(scan_id="S2")
    db.stations.attach("bench", epoch="e2")
    with pytest.raises(StaleWriterError, match="its life e1 is over"):
        db.scans.claim("S2", "bench:e1")
    db.scans.claim("S2", "bench:e2")


def test_a_life_that_is_over_does_not_begin_what_it_had_taken_up(db: DatabaseService) -> None:
    db.stations.attach("bench", epoch="e1")
    db.scans.create(scan_id="S3")
    db.scans.claim("S3", "bench:e1")
    db.stations.attach("bench", epoch="e2")
    assert db.scans.get("S3").status == "queued"
    with pytest.raises(StaleWriterError, match="S3"):
        db.scans.set_status("S3", "running", writer="bench:e1")
    db.scans.claim("S3", "bench:e2")


@pytest.mark.parametrize(("name", "epoch"), [("", "e"), ("a:b", "e"), ("a", "")])
def test_names_that_cannot_be_fenced_are_refused(db: DatabaseService, name: str, epoch: str) -> None:
    with pytest.raises(FieldError):
        db.stations.attach(name, epoch=epoch)


def test_a_new_station_that_comes_by_several_ways_at_once(db: DatabaseService) -> None:
    """Its line and its first frame."""
    for number in range(8):
        name = f"bench {number}"
        failed = at_once(*[partial(db.stations.attach, name, epoch="e1", pid=7)] * 4)
        assert failed == []
        assert db.stations.get(name).is_attached


def test_the_end_of_an_earlier_life_ends_nothing_of_the_next(db: DatabaseService) -> None:
    db.stations.attach("bench", epoch="e1")
    db.scans.create(scan_id="A", writer="bench:e1", status="running")
    with meanwhile(partial(db.stations.attach, "bench", epoch="e2")):
        db.stations.detach("bench", "e1", "exited with code 9")
    assert db.stations.is_living("bench:e2")
    assert db.scans.get("A").status is ScanState.INTERRUPTED


@pytest.mark.parametrize("state", ["queued", "interrupted"])
def test_a_scan_that_just_begins_ends_with_its_writers_life(db: DatabaseService, state: str) -> None:
    db.stations.attach("bench", epoch="e1")
    db.queues.attach("Q", "bench")
    db.scans.create(scan_id="A", status=state, queue_id="Q")
    db.scans.claim("A", "bench:e1")
    with meanwhile(partial(db.stations.attach, "bench", epoch="e2"), before="commit") as other:
        db.scans.set_status("A", "running", writer="bench:e1")
    assert other.error is None
    assert db.scans.get("A").status is ScanState.INTERRUPTED
    with pytest.raises(StaleWriterError):
        db.scans.set_status("A", "completed", writer="bench:e1")


def test_a_queue_that_just_starts_rests_when_its_station_is_gone(db: DatabaseService) -> None:
    db.stations.attach("bench", epoch="e1")
    db.queues.attach("Q", "bench")
    with meanwhile(partial(db.stations.detach, "bench", "e1"), before="commit") as other:
        db.queues.set_status("Q", "running")
    assert other.error is None
    assert db.queues.get("Q").status is QueueState.IDLE


@pytest.mark.parametrize("state", ["queued", "interrupted"])
def test_what_is_just_taken_up_by_a_life_that_ends_is_nobodys(db: DatabaseService, state: str) -> None:
    db.stations.attach("bench", epoch="e1")
    db.scans.create(scan_id="A", status=state)
    with meanwhile(partial(db.stations.attach, "bench", epoch="e2")) as other:
        db.scans.claim("A", "bench:e1")
    assert other.error is None
    with pytest.raises(StaleWriterError, match="A"):
        db.scans.set_status("A", "running", writer="bench:e1")


def test_a_life_that_is_over_does_not_go_on_with_what_it_had_taken_up(
    db: DatabaseService, make_readings: MakeReadings
) -> None:
    db.stations.attach("bench", epoch="e1")
    db.scans.create(scan_id="A", status="interrupted")
    db.scans.claim("A", "bench:e1")
    assert db.stations.attach("bench", epoch="e2").interrupted == []
    with pytest.raises(StaleWriterError, match="taken from bench:e1"):
        db.scans.set_status("A", "running", writer="bench:e1")
    with pytest.raises(StaleWriterError):
        db.readings.append("A", [make_readings(0, 3)], writer="bench:e1")
    db.scans.claim("A", "bench:e2")
    db.stations.attach("bench", epoch="e3")
    assert db.scans.get("A").writer == "bench:e2/ended"
