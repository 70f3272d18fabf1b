"""`DatabaseService` and the models: every method the contract names, by number and by text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from database.models import Sample as SampleRow
from database.services import DatabaseService
from pybirch.database_integration.testing import FakeMultimeter, FakeStage
from pybirch.errors import FieldError, NotFoundError
from pybirch.queue.queue import Queue, ScanState
from pybirch.queue.samples import Sample
from pybirch.scan.scan import Scan, ScanSettings
from tests.lab import Meter, Stage, line


def a_scan(**known: Any) -> Scan:
    settings = ScanSettings(
        "project",
        "name",
        "map",
        "test",
        line(Stage(), Meter(), 2),
        extensions=["csv"],
        additional_tags=["tag"],
        user_fields={"grant": 7},
    )
    return Scan(settings, **known)


def test_the_schema_is_made_on_first_use(tmp_path: Path) -> None:
    with DatabaseService(tmp_path / "new.db") as db:
        assert db.list_scans() == []
    with DatabaseService(f"sqlite:///{tmp_path / 'new.db'}") as again:
        assert again.list_scans() == []


def test_a_scan_is_mapped_by_the_names_of_its_fields(db: DatabaseService) -> None:
    scan = a_scan(sample=Sample("S-1", "Si"), owner="me")
    row = db.create_scan_from_pybirch(scan)
    assert row.scan_tree_data == scan.settings.serialize()["scan_tree"]
    assert row.extra_data == {"extensions": ["csv"], "user_fields": {"grant": 7}}
    assert (row.project_name, row.scan_name, row.scan_type, row.job_type) == (
        "project",
        "name",
        "map",
        "test",
    )
    assert (row.additional_tags, row.owner, row.scan_id) == (["tag"], "me", scan.scan_id)
    assert row.sample is not None
    assert row.sample.sample_id == "S-1"
    failed = db.update_scan_status(row.id, "failed", message="no light")
    assert failed.extra_data["error"] == failed.error == "no light"
    assert row.settings == scan.settings.serialize()


@pytest.mark.parametrize("key", ["id", "scan_id"])
def test_a_scan_is_found_by_number_or_text(db: DatabaseService, key: str) -> None:
    queue = db.create_queue_from_pybirch(Queue("Q"))
    row = db.create_scan_from_pybirch(a_scan(), queue_id=queue.id)
    named = getattr(row, key)
    assert db.update_scan(named, owner="you").owner == "you"
    assert db.update_scan_status(named, "running", progress=0.5).progress == 0.5
    assert [active.scan_id for active in db.get_active_scans()] == [row.scan_id]
    iv = db.create_measurement_object(named, "iv", columns=["voltage", "current"], units=["V", "A"])
    assert (iv.columns, iv.units) == (["voltage", "current"], ["V", "A"])
    assert db.create_measurement_object(named, name="iv").id == iv.id
    assert db.get_data_point_count(named) == 0
    db.add_queue_log("Q", "INFO", "about a scan", scan_id=named)
    assert [scan.scan_id for scan in db.get_queue_with_scans("Q").scans] == [row.scan_id]
    assert [line.scan_id for line in db.get_queue_with_scans(queue.id).logs] == [row.scan_id]


def test_points_are_stored_once_and_come_back(db: DatabaseService) -> None:
    row = db.create_scan_from_pybirch(a_scan())
    iv = db.create_measurement_object(row.id, "iv", ["voltage", "current"], ["V", "A"])
    points = [
        {
            "measurement_object_id": iv.id,
            "sequence_index": i,
            "values": {"voltage": i * 0.5, "current": math.nan if i == 2 else 1.0},
            "timestamp": f"2026-01-01T00:00:0{i}Z",
        }
        for i in range(5)
    ]
    assert db.bulk_create_data_points(points) == 5
    assert db.bulk_create_data_points(points) == 0
    assert db.get_data_point_count(row.scan_id) == 5
    found = db.get_measurement_data(iv.id, start_index=1, end_index=4)
    assert [point.sequence_index for point in found] == [1, 2, 3]
    assert [point.values["voltage"] for point in found] == [0.5, 1.0, 1.5]
    assert math.isnan(found[1].values["current"])
    assert [point.timestamp.second for point in found] == [1, 2, 3]
    assert len(db.get_measurement_data(iv.id)) == 5
    with pytest.raises(FieldError):
        db.bulk_create_data_points([points[0] | {"sequence_index": 9}])


def test_instruments_are_mapped_and_remember_their_states(db: DatabaseService) -> None:
    lab = db.create_lab(name="Lab")
    stage = FakeStage("stage", adapter="TCPIP::10.0.0.7::5025::SOCKET")
    stage.settings = {"speed": 2}
    row = db.register_instrument(stage, lab_id=lab.id)
    assert (row.name, row.adapter, row.pybirch_class, row.lab_id) == (
        "stage",
        "TCPIP::10.0.0.7::5025::SOCKET",
        "FakeStage",
        lab.id,
    )
    assert row.specifications["settings"] == {"speed": 2}
    db.register_instrument(FakeMultimeter("meter"))
    assert [found.name for found in db.get_instruments_by_type("movement")] == ["stage"]
    assert [found.name for found in db.get_instruments_by_type(type="measurement")] == ["meter"]
    status = db.update_instrument_status(row.id, "error", error="no power", settings={"speed": 1})
    assert (status.equipment_id, status.status, status.error_message) == (row.id, "error", "no power")
    assert (status.current_settings, status.last_connected) == ({"speed": 1}, None)
    db.update_instrument_status(equipment_id=row.id, status="idle")
    changes = [change.status for change in db.get_equipment(row.id).status_history]
    assert changes == ["error", "idle"]
    assert db.get_equipment(row.id).status.last_connected is not None


def test_a_sample_is_found_by_number_and_text(db: DatabaseService) -> None:
    sample = Sample("S-1", "Si", ["diode"], "photo.png")
    row = db.create_sample(sample_id="S-1", material="Si", additional_tags=["diode"], image="photo.png")
    assert db.get_sample_by_id("S-1").id == db.get_sample_by_id(row.id).id
    assert row.to_pybirch_sample() == sample
    made = SampleRow.from_pybirch_sample(sample, material="GaAs")
    assert (made.sample_id, made.material, made.image) == ("S-1", "GaAs", "photo.png")


NOUNS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "lab": ("labs", {"name": "Lab"}, {"location": "cellar"}),
    "project": ("projects", {"name": "P"}, {"description": "d"}),
    "user": ("users", {"username": "ada"}, {"full_name": "Ada"}),
    "sample": ("samples", {"sample_id": "S-1"}, {"material": "Si"}),
    "equipment": ("equipment", {"name": "stage", "type": "movement"}, {"nickname": "st"}),
    "queue": ("queues", {"queue_id": "Q"}, {"operator": "ada"}),
    "scan": ("scans", {"scan_id": "T", "scan_name": "n"}, {"owner": "ada"}),
    "scan_template": ("scan_templates", {"name": "t"}, {"description": "d"}),
    "queue_template": ("queue_templates", {"name": "t"}, {"description": "d"}),
    "analysis": ("analyses", {"name": "fit"}, {"notes": "n"}),
}


@pytest.mark.parametrize("noun", NOUNS)
def test_every_model_is_made_read_listed_changed_and_archived(db: DatabaseService, noun: str) -> None:
    plural, fields, change = NOUNS[noun]

    def call(verb: str, *args: Any, **given: Any) -> Any:
        return getattr(db, f"{verb}_{plural if verb == 'list' else noun}")(*args, **given)

    row = call("create", **fields)
    changed = call("update", row.id, **change)
    assert {name: getattr(changed, name) for name in change} == change
    assert call("get", row.id).id == row.id
    assert [found.id for found in call("list")] == [row.id]
    assert call("archive", row.id).archived_at is not None
    assert call("list") == []
    assert [found.id for found in call("list", archived=True, limit=1, offset=0)] == [row.id]
    with pytest.raises(NotFoundError):
        call("get", 99)
    with pytest.raises(FieldError, match="nonsense"):
        call("update", row.id, nonsense=1)


def test_measurements_and_log_lines_are_made_read_and_listed(db: DatabaseService) -> None:
    scan = db.create_scan_from_pybirch(a_scan())
    iv = db.create_measurement_object(scan.id, "iv")
    assert db.get_measurement_object(iv.id).name == "iv"
    assert [found.id for found in db.list_measurement_objects(scan_id=scan.id)] == [iv.id]
    assert db.archive_measurement_object(iv.id).archived_at is not None
    db.create_queue(queue_id="Q")
    line = db.create_queue_log(queue_id="Q", level="INFO", message="hello")
    assert (line.queue_id, line.level, line.message) == (db.get_queue("Q").id, "INFO", "hello")
    assert [found.message for found in db.list_queue_logs("Q")] == ["hello"]


def test_rows_are_detached_and_loaded(db: DatabaseService) -> None:
    db.create_queue(queue_id="Q")
    scan = db.create_scan_from_pybirch(a_scan(sample=Sample("S-1")), "Q")
    db.close()
    assert scan.status is ScanState.QUEUED
    assert scan.sample is not None
    assert scan.queue is not None
    assert (scan.sample.sample_id, scan.queue.queue_id) == ("S-1", "Q")
