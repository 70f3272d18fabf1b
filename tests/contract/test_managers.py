"""The managers: the record, one noun at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from database.services import DatabaseService
from pybirch.database_integration import (
    DataManager,
    EquipmentManager,
    QueueManager,
    SampleManager,
    ScanManager,
)
from pybirch.database_integration.testing import FakeMultimeter, FakeStage
from pybirch.errors import IllegalTransitionError, NotFoundError
from pybirch.queue.queue import Queue, QueueState, ScanState
from pybirch.queue.samples import Sample
from tests.lab import Meter, Stage, line, settings


def test_a_scans_life_by_number_and_by_text(db: DatabaseService) -> None:
    scans = ScanManager(db)
    queue = QueueManager(db).create_queue("Q")
    sample = db.samples.create(sample_id="S-1")
    project = db.projects.create(name="P")
    row = scans.create_scan(
        settings(line(Stage(), Meter(), 2)),
        sample_id=sample.id,
        queue_id=queue.id,
        project_id=project.id,
        owner="me",
    )
    assert isinstance(row.id, int)
    assert isinstance(row.scan_id, str)
    assert (row.status, row.owner, row.sample_id, row.project_id) == ("queued", "me", sample.id, project.id)
    assert scans.start_scan(row.id).status is ScanState.RUNNING
    assert scans.pause_scan(row.scan_id).status is ScanState.PAUSED
    assert scans.resume_scan(row.id).status is ScanState.RUNNING
    assert scans.complete_scan(row.scan_id).status is ScanState.COMPLETED
    with pytest.raises(IllegalTransitionError):
        scans.start_scan(row.id)
    assert [found.scan_id for found in scans.get_scans_for_queue("Q")] == [row.scan_id]
    assert [found.id for found in scans.get_scans_for_queue(queue.id)] == [row.id]


def test_a_scan_may_name_sample_queue_and_project_by_text(db: DatabaseService) -> None:
    QueueManager(db).create_queue("Q")
    db.samples.create(sample_id="S-1")
    db.projects.create(name="P")
    row = ScanManager(db).create_scan(settings(None), "S-1", "Q", "P")
    assert row.sample is not None
    assert row.queue is not None
    assert (row.sample.sample_id, row.queue.queue_id) == ("S-1", "Q")


def test_failed_and_aborted_scans_say_why(db: DatabaseService) -> None:
    scans = ScanManager(db)
    failed, aborted = scans.create_scan(settings(None)), scans.create_scan(settings(None))
    scans.start_scan(failed.id)
    assert scans.fail_scan(failed.id, "no light").error == "no light"
    assert scans.abort_scan(aborted.scan_id, "enough").message == "enough"


def test_queues(db: DatabaseService) -> None:
    queues = QueueManager(db)
    row = queues.create_queue(Queue("Q", max_parallel_scans=7))
    assert (row.queue_id, row.max_parallel_scans) == ("Q", 7)
    assert queues.create_queue("Q").id == row.id
    assert queues.update_status(row.id, "running").status is QueueState.RUNNING
    queues.log("Q", "WARNING", "hot")
    assert [(line.level, line.message) for line in queues.get_queue("Q").logs] == [("WARNING", "hot")]


def test_equipment(db: DatabaseService) -> None:
    equipment = EquipmentManager(db)
    stage = FakeStage("stage")
    row = equipment.register(stage)
    assert stage.instrument_id == row.id
    assert (row.name, row.type, row.pybirch_class) == ("stage", "movement", "FakeStage")
    assert equipment.register(FakeMultimeter("meter")).type == "measurement"
    assert equipment.register(instrument=stage).id == row.id
    status = equipment.update_status(row.id, "moving", target={"stage (mm)": 2.0})
    assert (status.status, status.target) == ("moving", {"stage (mm)": 2.0})


def test_discovery_lists_addresses(require: object) -> None:
    pytest.importorskip("pyvisa_sim")
    found = EquipmentManager.__new__(EquipmentManager).discover_instruments("@sim")
    assert found == sorted(found)
    assert any(address.endswith("::INSTR") for address in found)


def test_samples_go_to_the_record_and_come_back(db: DatabaseService) -> None:
    samples = SampleManager(db)
    row = samples.to_db(Sample("S-1", "Si", ["diode"], "photo.png"))
    assert samples.from_db(row.id) == samples.from_db("S-1") == Sample("S-1", "Si", ["diode"], "photo.png")
    merged = samples.sync(Sample("S-1", additional_tags=["cleaned"]))
    assert (merged.material, merged.tags) == ("Si", ["diode", "cleaned"])
    assert samples.from_db("S-1").tags == ["diode", "cleaned"]
    assert samples.sync(Sample("S-2", "GaAs")) == samples.from_db("S-2")
    with pytest.raises(NotFoundError):
        samples.from_db("nobody")


def test_data_is_kept_and_read_back_in_order(db: DatabaseService) -> None:
    data, row = DataManager(db), ScanManager(db).create_scan(settings(None))
    data.save_data_point(row.id, "iv", {"voltage (V)": 1.0, "current (A)": float("nan")})
    data.save_data_point(row.scan_id, "iv", {"voltage (V)": 2.0, "current (A)": 5e-3})
    data.save_dataframe(row.id, "iv", pd.DataFrame({"voltage (V)": [3.0, 4.0], "current (A)": [0.0, 1.0]}))
    data.save_data_point(row.scan_id, "iv", {"voltage (V)": 5.0, "current (A)": 2.0})
    data.flush()
    assert db.get_data_point_count(row.id) == 5
    frame = data.get_data(row.scan_id, "iv")
    assert list(frame["voltage (V)"]) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert np.isnan(frame["current (A)"].iloc[0])
    assert list(frame.index) == [0, 1, 2, 3, 4]


def test_get_data_stores_what_waits_first(db: DatabaseService) -> None:
    data, row = DataManager(db), ScanManager(db).create_scan(settings(None))
    data.save_data_point(row.scan_id, "iv", {"voltage (V)": 1.0})
    assert len(data.get_data(row.id, "iv")) == 1


def test_points_of_arrays_of_differing_length(db: DatabaseService) -> None:
    data, row = DataManager(db), ScanManager(db).create_scan(settings(None))
    data.save_data_point(row.id, "traces", {"counts": [1.0, 2.0]})
    data.save_data_point(row.id, "traces", {"counts": [3.0, 4.0, 5.0]})
    stored = [list(cell) for cell in data.get_data(row.id, "traces")["counts"]]
    assert stored == [[1.0, 2.0], [3.0, 4.0, 5.0]]


def test_a_point_with_other_columns_is_refused_and_costs_no_other(db: DatabaseService) -> None:
    data, row = DataManager(db), ScanManager(db).create_scan(settings(None))
    data.save_data_point(row.id, "iv", {"voltage (V)": 1.0})
    with pytest.raises(ValueError, match="current"):
        data.save_data_point(row.id, "iv", {"current (A)": 1.0})
    with pytest.raises(ValueError, match="voltage"):
        data.save_data_point(row.id, "iv", {"voltage (V)": "high"})
    data.save_data_point(row.id, "iv", {"voltage (V)": 2.0})
    assert list(data.get_data(row.id, "iv")["voltage (V)"]) == [1.0, 2.0]


def test_an_array_of_any_shape_lies_beside_the_readings(db: DatabaseService) -> None:
    data, row = DataManager(db), ScanManager(db).create_scan(settings(None))
    image = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    stored = data.save_array(row.scan_id, "camera", image)
    assert stored.data.dtype == image.dtype
    assert np.array_equal(stored.data, image)
