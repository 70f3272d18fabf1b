from __future__ import annotations

from collections.abc import Callable

import pytest

from database.services import DatabaseService
from pybirch.errors import FieldError, StaleWriterError
from pybirch.events import Readings
from pybirch.states import QueueState, ScanState

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
