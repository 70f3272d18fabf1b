"""What a script tells its queue is in the audit trail, once."""

from __future__ import annotations

import getpass
import socket

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.errors import PyBirchError
from pybirch.queue.policy import QueuePolicy
from pybirch.queue.queue import QueueState
from tests.lab import Doorway, Meter, Stage, failing, line_scan

WAIT = 30.0


def told(db: DatabaseService) -> list[tuple[str, str, str]]:
    return [(line.actor, line.action, line.thing) for line in db.audit.list()]


def test_a_script_is_noted_by_its_operator_account_and_computer(db: DatabaseService) -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={2: door}), 5)
    queue = DatabaseQueue(db, "Q", operator="ada", scans=[scan])
    queue.start()
    door.wait_until_entered()
    queue.pause(why="lunch")
    queue.resume(by="bob")  # from a page: the server noted it
    queue.abort(scan.scan_id)
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert told(db) == [("ada", action, "queue:Q") for action in ("start", "pause", "abort")]
    lines = db.audit.list()
    assert {line.address for line in lines} == {f"{getpass.getuser()}@{socket.gethostname()}"}
    assert [line.detail for line in lines] == [{}, {"why": "lunch"}, {"scan_id": scan.scan_id}]


def test_without_an_operator_it_is_the_account(db: DatabaseService) -> None:
    queue = DatabaseQueue(db, "Q", scans=[line_scan(Stage(), Meter(), 2)])
    queue.start()
    assert queue.wait_for_completion(WAIT)
    assert told(db) == [(getpass.getuser(), "start", "queue:Q")]


def test_what_a_queue_does_by_itself_is_nobodys_act(db: DatabaseService) -> None:
    broken = line_scan(Stage(), Meter(answer=failing(0, RuntimeError("lamp"))), 2)
    queue = DatabaseQueue(db, "Q", scans=[broken, line_scan(Stage("y"), Meter("n"), 2)])
    queue.policy = QueuePolicy(on_failure="stop")
    queue.start(by="bob")
    assert queue.wait_for_completion(WAIT)
    assert queue.state is QueueState.IDLE
    assert told(db) == []


def test_a_record_that_cannot_be_written_keeps_nobody_from_an_abort(db: DatabaseService) -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={2: door}), 5)
    queue = DatabaseQueue(db, "Q", scans=[scan])
    queue.start()
    door.wait_until_entered()

    def full(*_: object, **_more: object) -> None:
        raise PyBirchError("the disk is full")

    db.audit.add = full  # type: ignore[assignment, method-assign]
    queue.abort()
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert scan.state == "aborted"
