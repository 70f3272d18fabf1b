from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from database.services import DatabaseService
from pybirch.errors import FieldError, NotFoundError
from pybirch.events import Readings

MakeReadings = Callable[..., Readings]


@pytest.fixture
def target(db: DatabaseService) -> int:
    db.scans.create(scan_id="S1")
    return db.create_measurement_object("S1", "iv", columns=["voltage", "current"], units=["V", "A"]).id


def point(target: int, index: int, **more: Any) -> dict[str, Any]:
    values = {"voltage": index * 0.1, "current": -index * 1.0}
    made = datetime(2030, 1, 1, 0, 0, index, tzinfo=UTC)
    return {
        "measurement_object_id": target,
        "sequence_index": index,
        "values": values,
        "timestamp": made,
    } | more


def test_points_go_into_blocks_and_come_back(db: DatabaseService, target: int) -> None:
    assert db.bulk_create_data_points([point(target, i) for i in (0, 2, 1)]) == 3
    assert db.bulk_create_data_points([point(target, i) for i in range(1, 5)]) == 2
    found = db.get_measurement_data(target)
    assert [p.sequence_index for p in found] == list(range(5))
    assert found[3].values == {"voltage": 3 * 0.1, "current": -3.0}
    assert found[3].timestamp == datetime(2030, 1, 1, 0, 0, 3, tzinfo=UTC)
    assert [p.sequence_index for p in db.get_measurement_data(target, 1, 3)] == [1, 2]
    assert db.get_data_point_count("S1") == 5
    np.testing.assert_array_equal(db.readings.read("S1", "iv").values["current (A)"], -np.arange(5.0))
    assert db.scans.get("S1").points_done == 5


def test_one_point_at_a_time(db: DatabaseService, target: int) -> None:
    made = db.create_measurement_data_point(**point(target, 0))
    assert made.values == {"voltage": 0.0, "current": 0.0}
    db.create_measurement_data_point(**point(target, 1))
    assert [p.sequence_index for p in db.list_measurement_data_points(target, limit=5, offset=1)] == [1]
    with pytest.raises(NotFoundError, match="no reading 2"):
        db.get_measurement_data_point(target, 2)


def test_columns_may_be_left_to_the_first_points(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1")
    target = db.create_measurement_object("S1", "free").id
    points = [
        {"measurement_object_id": target, "sequence_index": 0, "values": {"a (V)": 1}},
        {"measurement_object_id": target, "sequence_index": 1, "values": {"b": None}, "timestamp": 5.0},
    ]
    db.bulk_create_data_points(points)
    first, second = db.get_measurement_data(target)
    assert first.values["a"] == 1.0
    assert np.isnan(first.values["b"])
    assert np.isnan(second.values["a"])
    assert second.timestamp == datetime.fromtimestamp(5, UTC)
    assert db.readings.measurements("S1")[0].units == ["V", ""]


def test_arrays_in_points(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1")
    target = db.create_measurement_object("S1", "spectrum", ["counts"]).id
    spectra = [[1.0, 2.0], [3.0], np.array([4.0, 5.0])]
    for i, spectrum in enumerate(spectra):
        db.bulk_create_data_points(
            [{"measurement_object_id": target, "sequence_index": i, "values": {"counts": spectrum}}]
        )
    assert [list(p.values["counts"]) for p in db.get_measurement_data(target)] == [[1, 2], [3], [4, 5]]


def test_positions_and_data_of_one_name_are_both_there(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1")
    readings = Readings(
        scan_id="S1",
        measurement="iv",
        first_index=0,
        steps=np.zeros(1, dtype=np.int64),
        times=np.zeros(1),
        positions={"voltage (V)": np.array([1.0])},
        values={"voltage (V)": np.array([0.99])},
    )
    db.readings.append("S1", [readings])
    [measurement] = db.readings.measurements("S1")
    [found] = db.get_measurement_data(measurement.id)
    assert found.values == {"voltage": 0.99, "voltage (position)": 1.0}
    back = found.values
    db.bulk_create_data_points(
        [{"measurement_object_id": measurement.id, "sequence_index": 1, "values": back}]
    )
    assert db.get_measurement_data(measurement.id)[1].values == found.values


def test_what_is_wrong_with_a_point_is_named(db: DatabaseService, target: int) -> None:
    wrong = [
        ({"sequence_index": 0, "values": {}}, "points[0].measurement_object_id"),
        (point(target, 0, values={"colour": 1}), "values.colour"),
        (point(target, 0, timestamp="now"), "timestamp"),
        (point(target, 3), "iv.first_index"),
        (point(target, 0, values={"voltage": "high"}), "voltage (V)"),
    ]
    for bad, field in wrong:
        with pytest.raises(FieldError) as caught:
            db.bulk_create_data_points([bad])
        assert caught.value.field == field
    with pytest.raises(FieldError, match="a gap"):
        db.bulk_create_data_points([point(target, 0), point(target, 2)])
    with pytest.raises(NotFoundError):
        db.bulk_create_data_points([point(999, 0)])
    with pytest.raises(FieldError, match="units"):
        db.create_measurement_object("S1", "other", ["a", "b"], ["V"])
    assert db.get_data_point_count("S1") == 0


def test_the_same_name_is_the_same_measurement(db: DatabaseService, target: int) -> None:
    assert db.create_measurement_object("S1", "iv").id == target
    again = db.create_measurement_object("S1", "iv", ["t"], {"t": "s"})
    assert (again.columns, again.units) == (["t"], ["s"])
