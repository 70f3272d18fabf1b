"""What a scan ran under is in the record the same way, whoever stores it."""

from __future__ import annotations

from typing import Any

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue, setup_websocket_integration
from pybirch.queue.queue import Queue, ScanState
from pybirch.samples import Sample
from pybirch.scan.scan import Scan
from tests.lab import Doorway, Meter, Stage, line_scan

WAIT = 30.0


def measured(queue: Queue) -> None:
    queue.start()
    assert queue.wait_for_completion(WAIT)


def scan() -> Scan:
    meter = Meter()
    meter.settings = {"nplc": 10}
    return line_scan(Stage(), meter, 3, sample=Sample("S-1", "GaAs"), owner="me")


def test_the_database_and_the_server_keep_the_same(db: DatabaseService, server: Any) -> None:
    straight, through = scan(), scan()
    measured(DatabaseQueue(db, "Q", scans=[straight]))
    queue = Queue("script", [through])
    bridge = setup_websocket_integration(queue, server_url=server.url, token=server.token)
    measured(queue)
    bridge.unregister()
    (one,) = db.conditions.of(straight.scan_id)
    (other,) = server.db.conditions.of(through.scan_id)
    assert one.conditions == other.conditions
    assert (one.why, other.why) == ("start", "start")
    assert one.conditions["instruments"][1]["settings"] == {"nplc": 10}
    assert (one.conditions["operator"], one.conditions["sample"]["material"]) == ("me", "GaAs")


def test_a_scan_that_goes_on_after_a_crash_tells_again(db: DatabaseService) -> None:
    door = Doorway()
    first = line_scan(Stage(), Meter(doors={3: door}), 6)
    queue = DatabaseQueue(db, "Q", scans=[first])
    queue.start()
    door.wait_until_entered()
    first.flush()
    db.scans.mark_interrupted([first.scan_id], "the power failed")
    door.open()
    queue.wait_for_completion(WAIT)
    meter = Meter()
    meter.settings = {"nplc": 1}
    again = DatabaseQueue.from_database(db, "Q", [Stage(), meter])
    again.resume(first.scan_id)
    assert again.wait_for_completion(WAIT)
    assert again.get_handle(0).state is ScanState.COMPLETED
    kept = db.conditions.of(first.scan_id)
    assert [one.why for one in kept] == ["start", "resume"]
    assert kept[1].conditions["instruments"][1]["settings"] == {"nplc": 1}
