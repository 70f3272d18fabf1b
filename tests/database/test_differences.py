from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.errors import NotFoundError
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan
from pybirch.scan.tree import MeasurementItem
from pybirch.states import ScanState
from tests.lab import PATIENCE, Meter, Stage, settings

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def stored(
    db: DatabaseService, scan_id: str, day: int, state: str = "completed", name: str = "iv", **fields: Any
) -> None:
    """A scan of an hour on that day."""
    db.scans.create(scan_id=scan_id, scan_name=name, **{"project_name": "P"} | fields)
    db.scans.set_status(scan_id, ScanState.RUNNING, timestamp=BEGAN + day * DAY)
    db.scans.set_status(scan_id, state, timestamp=BEGAN + day * DAY + timedelta(hours=1))


def good(db: DatabaseService, scan_id: str) -> str | None:
    row = db.scans.last_good(scan_id)
    return None if row is None else row.scan_id


def test_the_last_good_one_is_of_the_same_name_and_project_and_before(db: DatabaseService) -> None:
    stored(db, "first", 1)
    stored(db, "second", 2)
    stored(db, "other name", 3, name="map")
    stored(db, "other project", 4, project_name="Q")
    stored(db, "aborted", 5, "aborted")
    stored(db, "gone", 6)
    db.scans.archive("gone")
    stored(db, "mine", 7, "failed")
    stored(db, "later", 8)
    assert good(db, "mine") == "second"
    assert good(db, "second") == "first"
    assert good(db, "first") is None
    assert [row.scan_id for row in db.scans.good_before("mine")] == ["second", "first"]
    other, found = db.scans.changes("first")
    assert (other, list(found), found.remarks) == (None, [], [])


def test_a_scan_that_waits_looks_at_all_there_are(db: DatabaseService) -> None:
    stored(db, "done", 1)
    db.scans.create(scan_id="waits", scan_name="iv", project_name="P")
    assert good(db, "waits") == "done"


def test_without_a_project_the_queue_decides(db: DatabaseService) -> None:
    for queue in ("Q", "R"):
        db.queues.create(queue_id=queue)
    stored(db, "here", 1, project_name="", queue_id="Q")
    stored(db, "there", 2, project_name="", queue_id="R")
    stored(db, "nowhere", 3, project_name="")
    stored(db, "mine", 4, "failed", project_name="", queue_id="Q")
    stored(db, "free", 5, "failed", project_name="")
    assert (good(db, "mine"), good(db, "free")) == ("here", "nowhere")


def test_two_measured_scans_are_compared_with_all_they_ran_under(db: DatabaseService) -> None:
    def measured(stop: int, nplc: int, state: ScanState = ScanState.COMPLETED, **trouble: Any) -> str:
        meter = Meter(**trouble)
        meter.settings = {"nplc": nplc}
        tree = [MovementItem(Stage(), {"linear": [0, stop, 3]}, children=[MeasurementItem(meter)])]
        scan = Scan(settings(tree, "iv"))
        queue = DatabaseQueue(db, f"Q{stop}", scans=[scan])
        queue.start()
        assert queue.wait_for_completion(PATIENCE)
        assert scan.state is state
        return scan.scan_id

    def broken(_: int) -> Any:
        raise RuntimeError("lamp burnt out")

    first, second = measured(10, 1), measured(12, 10, ScanState.FAILED, answer=broken)
    words = [str(change) for change in db.scans.differences(first, second)]
    assert words == [
        "scan_tree[0] movement x: positions.stop 10 -> 12 mm",
        "meter: settings.nplc 1 -> 10",
    ]
    other, found = db.scans.changes(second)
    assert other is not None
    assert (other.scan_id, [str(change) for change in found]) == (first, words)
    assert db.scans.changes(second, first)[1] == found
    with pytest.raises(NotFoundError, match="'none'"):
        db.scans.differences(first, "none")
    with pytest.raises(NotFoundError, match="'none'"):
        db.scans.changes(first, "none")
