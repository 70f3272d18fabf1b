"""A scan whose project or sample is archived does not begin, whoever records it; nothing has moved."""

from __future__ import annotations

from typing import Any

import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue, setup_websocket_integration
from pybirch.errors import ArchivedError, FieldError, UnknownReferenceError
from pybirch.queue.queue import Queue, ScanState
from pybirch.queue.samples import Sample
from pybirch.scan.scan import Scan
from tests.lab import Doorway, Meter, Stage, line_scan

WAIT = 30.0
GONE = "project 'project' is archived"


def run(queue: Queue) -> None:
    queue.start()
    assert queue.wait_for_completion(WAIT)


def test_a_script_without_projects_runs_as_ever(db: DatabaseService) -> None:
    scan = line_scan(Stage(), Meter(), 2, owner="somebody passing by")
    run(DatabaseQueue(db, "Q", scans=[scan]))
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.project_name, row.project_id) == ("completed", "project", None)


def test_what_is_archived_is_refused_when_it_is_queued(db: DatabaseService) -> None:
    db.samples.create(sample_id="W1")
    db.samples.archive("W1")
    project = db.projects.create(name="project")
    queue = DatabaseQueue(db, "Q")
    with pytest.raises(ArchivedError) as caught:
        queue.enqueue(line_scan(Stage(), Meter(), 2, sample=Sample("W1")))
    assert caught.value.field == "sample_id"
    db.projects.archive("project")
    with pytest.raises(ArchivedError, match=GONE) as caught:
        queue.enqueue(line_scan(Stage(), Meter(), 2))
    assert caught.value.field == "project_name"
    assert (queue.size(), db.scans.count()) == (0, 0)
    for given, kind in (
        ({"project_id": project.id}, ArchivedError),
        ({"project_id": 99}, UnknownReferenceError),
    ):
        with pytest.raises(kind) as refused:
            DatabaseQueue(db, "R", **given)
        assert refused.value.field == "project_id"


def fails_untouched(queue: Queue, scan: Scan, stage: Stage) -> None:
    run(queue)
    assert (scan.state, stage.visited) == (ScanState.FAILED, [])
    assert "connect" not in stage.life
    assert GONE in (scan.error or "")


def test_what_was_archived_meanwhile_fails_before_anything_moves(db: DatabaseService) -> None:
    db.projects.create(name="project")
    stage = Stage()
    scan = line_scan(stage, Meter(), 2)
    queue = DatabaseQueue(db, "Q", scans=[scan])
    db.projects.archive("project")
    fails_untouched(queue, scan, stage)
    row = db.scans.get(scan.scan_id)
    assert (row.status, row.points_done) == ("failed", 0)
    assert GONE in (row.error or "")


def test_an_interrupted_scan_waits_until_its_project_is_restored(db: DatabaseService) -> None:
    db.projects.create(name="project")
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={3: door}), 5)
    queue = DatabaseQueue(db, "Q", scans=[scan])
    queue.start()
    door.wait_until_entered()
    scan.flush()
    db.scans.mark_interrupted([scan.scan_id], "the power failed")
    door.open()
    queue.wait_for_completion(WAIT)
    db.projects.archive("project")

    stage, meter = Stage(), Meter()
    queue = DatabaseQueue.from_database(db, "Q", [stage, meter])
    queue.resume(scan.scan_id)
    assert queue.wait_for_completion(WAIT)
    assert (queue.get_handle(0).state, stage.visited) == (ScanState.INTERRUPTED, [])
    assert db.scans.get(scan.scan_id).status == "interrupted"
    db.projects.restore("project")
    queue.resume(scan.scan_id)
    assert queue.wait_for_completion(WAIT)
    assert db.scans.get(scan.scan_id).status == "completed"


def test_a_queue_recorded_by_a_server_hears_the_same(server: Any) -> None:
    server.db.projects.create(name="project")
    server.db.samples.create(sample_id="W1")
    server.db.samples.archive("W1")
    stage = Stage()
    scan = line_scan(stage, Meter(), 2)
    queue = Queue("script")
    bridge = setup_websocket_integration(queue, server_url=server.url, token=server.token)
    with pytest.raises(FieldError, match="archived") as caught:
        queue.enqueue(line_scan(Stage(), Meter(), 2, sample=Sample("W1")))
    assert caught.value.field == "sample_id"
    queue.enqueue(scan)
    server.db.projects.archive("project")
    fails_untouched(queue, scan, stage)
    bridge.unregister()
    assert server.db.scans.get(scan.scan_id).status == "failed"
