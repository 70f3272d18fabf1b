from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text

from database.care.compaction import compact_scan
from database.errors import DamagedDataError
from database.services import DatabaseService
from pybirch.database_integration import DataManager
from pybirch.errors import FieldError, NotFoundError, StaleWriterError
from pybirch.events import Readings
from tests.database.racing import at_once

MakeReadings = Callable[..., Readings]


@pytest.fixture(autouse=True)
def _scan(db: DatabaseService) -> None:
    db.scans.create(scan_id="S1")


def assert_same(found: Readings, wanted: Readings) -> None:
    assert (found.scan_id, found.measurement, found.first_index) == (
        (wanted.scan_id, wanted.measurement, wanted.first_index)
    )
    np.testing.assert_array_equal(found.steps, wanted.steps)
    np.testing.assert_array_equal(found.times, wanted.times)
    for a, b in ((found.positions, wanted.positions), (found.values, wanted.values)):
        assert list(a) == list(b)
        for name in a:
            if isinstance(b[name], list):
                for x, y in zip(a[name], b[name], strict=True):
                    np.testing.assert_array_equal(x, y)
            else:
                np.testing.assert_array_equal(a[name], b[name])


def spectra(first: int, count: int, lengths: list[int]) -> Readings:
    values: Any = [np.arange(n) + 100.0 * (first + i) for i, n in enumerate(lengths)]
    if len(set(lengths)) == 1:
        values = np.stack(values)
    return Readings(
        scan_id="S1",
        measurement="spectrum",
        first_index=first,
        steps=np.arange(first, first + count),
        times=np.arange(first, first + count, dtype=float),
        positions={},
        values={"counts": values},
    )


@pytest.mark.parametrize("count", [1, 63, 64, 1000])
def test_what_goes_in_comes_out(db: DatabaseService, make_readings: MakeReadings, count: int) -> None:
    readings = make_readings(0, count)
    readings.values["voltage (V)"][0] = np.nan
    readings.values["current (A)"][-1] = -np.inf
    assert db.readings.append("S1", [readings], progress=0.25) == count
    assert_same(db.readings.read("S1", "iv"), readings)
    scan = db.scans.get("S1")
    assert (scan.points_done, scan.progress) == (count, 0.25)
    assert db.get_data_point_count("S1") == count
    [measurement] = db.readings.measurements(scan.id)
    assert measurement.columns == ["x", "voltage", "current"]
    assert measurement.units == ["mm", "V", "A"]
    assert measurement.layout[0] == {"name": "x", "unit": "mm", "role": "position", "shape": []}


def test_ranges_and_columns(db: DatabaseService, make_readings: MakeReadings) -> None:
    for first in range(0, 300, 30):
        db.readings.append("S1", [make_readings(first, 30)])
    assert_same(db.readings.read("S1", "iv", 25, 95), make_readings(25, 70))
    assert db.readings.read("S1", "iv", 290, 999).count == 10
    assert db.readings.read("S1", "iv", 400).count == 0
    some = db.readings.read("S1", "iv", 5, 6, columns=["voltage", "x (mm)"])
    assert (list(some.positions), list(some.values)) == (["x (mm)"], ["voltage (V)"])
    with pytest.raises(FieldError, match="there is no column 'colour'"):
        db.readings.read("S1", "iv", columns=["colour"])
    with pytest.raises(NotFoundError, match="'spectrum'"):
        db.readings.read("S1", "spectrum")
    with pytest.raises(NotFoundError, match="'S9'"):
        db.readings.read("S9", "iv")


def test_the_same_readings_again_are_stored_once(db: DatabaseService, make_readings: MakeReadings) -> None:
    db.readings.append("S1", [make_readings(0, 10)])
    assert db.readings.append("S1", [make_readings(0, 10)]) == 0
    assert db.readings.append("S1", [make_readings(4, 10), make_readings(12, 4)]) == 6
    assert_same(db.readings.read("S1", "iv"), make_readings(0, 16))
    assert db.scans.get("S1").points_done == 16


def test_a_gap_is_refused_and_nothing_of_the_group_kept(
    db: DatabaseService, make_readings: MakeReadings
) -> None:
    with pytest.raises(ValueError, match="reading 7 would leave a gap: 5 comes next"):
        db.readings.append("S1", [make_readings(0, 5), make_readings(7, 1)])
    assert db.readings.last_indexes("S1") == {}


def test_a_measurement_keeps_its_columns(db: DatabaseService, make_readings: MakeReadings) -> None:
    first = make_readings(0, 3)
    db.readings.append("S1", [first])
    turned = make_readings(3, 3)
    turned = replace(turned, values=dict(reversed(turned.values.items())))
    db.readings.append("S1", [turned])
    assert_same(db.readings.read("S1", "iv"), make_readings(0, 6))
    other = replace(make_readings(6, 3), positions={})
    with pytest.raises(FieldError, match=r"iv\.columns.*x \(mm\)"):
        db.readings.append("S1", [other])


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"a": np.zeros(2)}, "2 values for 3"),
        ({"a": ["x", "y", "z"]}, "not numbers"),
        ({"a": np.zeros(3, dtype=complex)}, "complex"),
        ({"a": np.zeros((3, 2, 2))}, "dimensions"),
    ],
)
def test_bad_columns_are_named(
    db: DatabaseService, make_readings: MakeReadings, values: Any, what: str
) -> None:
    with pytest.raises(FieldError, match=what) as caught:
        db.readings.append("S1", [replace(make_readings(0, 3), values=values)])
    assert caught.value.field == "a"


def test_several_measurements_in_one_group(db: DatabaseService, make_readings: MakeReadings) -> None:
    group = [make_readings(0, 3), make_readings(0, 5, measurement="dmm"), make_readings(3, 2)]
    assert db.readings.append("S1", group) == 10
    assert db.readings.last_indexes("S1") == {"iv": 4, "dmm": 4}


def test_the_writer_must_hold_the_scan(db: DatabaseService, make_readings: MakeReadings) -> None:
    with pytest.raises(StaleWriterError, match="nobody"):
        db.readings.append("S1", [make_readings(0, 1)], writer="me")
    db.scans.claim("S1", "me")
    assert db.readings.append("S1", [make_readings(0, 1)], writer="me") == 1
    with pytest.raises(StaleWriterError, match="written by me"):
        db.readings.append("S1", [make_readings(1, 1)], writer="you")
    with pytest.raises(NotFoundError):
        db.readings.append("S9", [make_readings(0, 1)])


def test_nothing_new_is_added_to_a_scan_that_has_ended(
    db: DatabaseService, make_readings: MakeReadings
) -> None:
    db.scans.claim("S1", "me")
    for state in ("running", "completed"):
        assert db.readings.append("S1", [make_readings(0, 2)], writer="me") in (2, 0)
        db.scans.set_status("S1", state)
    assert db.readings.append("S1", [make_readings(0, 2)], writer="me") == 0, "what comes again is no harm"
    with pytest.raises(StaleWriterError, match="completed"):
        db.readings.append("S1", [make_readings(0, 3)], writer="me")
    assert db.readings.last_indexes("S1") == {"iv": 1}


def test_arrays_and_their_lengths(db: DatabaseService) -> None:
    even = spectra(0, 70, [5] * 70)
    db.readings.append("S1", [even])
    assert_same(db.readings.read("S1", "spectrum"), even)
    assert db.readings.measurements("S1")[0].layout[0]["shape"] == [5]
    db.readings.append("S1", [spectra(70, 3, [4, 0, 6])])
    assert db.readings.measurements("S1")[0].layout[0]["shape"] == [None]
    assert_same(db.readings.read("S1", "spectrum", 68), spectra(68, 5, [5, 5, 4, 0, 6]))


def test_blocks_one_by_one(db: DatabaseService, make_readings: MakeReadings) -> None:
    for first in range(0, 5000, 40):
        db.readings.append("S1", [make_readings(first, 40)])
    found = list(db.readings.iter_blocks("S1", "iv", 10, 4990))
    assert len(found) > 1
    assert [r.first_index for r in found] == [10, *(r.end_index for r in found[:-1])]
    assert found[-1].end_index == 4990
    np.testing.assert_array_equal(np.concatenate([r.steps for r in found]), np.arange(10, 4990))


def test_merging_while_somebody_reads_loses_nothing(db: DatabaseService, make_readings: MakeReadings) -> None:
    for first in range(200):
        db.readings.append("S1", [make_readings(first, 1)])
    reading = db.readings.iter_blocks("S1", "iv")
    seen = [next(reading)]
    db.scans.set_status("S1", "aborted")
    compact_scan(db.database, "S1")
    seen += list(reading)
    np.testing.assert_array_equal(np.concatenate([r.steps for r in seen]), np.arange(200))


def test_damage_is_told_with_scan_measurement_and_indexes(
    db: DatabaseService, make_readings: MakeReadings
) -> None:
    for first in (0, 100):
        db.readings.append("S1", [make_readings(first, 100)])
    with db.database.write() as session:
        session.execute(
            text("UPDATE measurement_blocks SET payload = :bytes WHERE first_index = 100"), {"bytes": b"?"}
        )
    with pytest.raises(DamagedDataError, match=r"S1.*'iv'.*100 to 199.*checksum"):
        db.readings.read("S1", "iv")
    assert db.readings.read("S1", "iv", 0, 100).count == 100
    with db.database.write() as session:
        session.execute(text("DELETE FROM measurement_blocks WHERE first_index = 0"))
    with pytest.raises(DamagedDataError, match="0 to 99 are missing"):
        db.readings.read("S1", "iv", 0, 150)


def test_a_damaged_block_does_not_stop_a_running_scan(
    db: DatabaseService, make_readings: MakeReadings, caplog: pytest.LogCaptureFixture
) -> None:
    db.readings.append("S1", [make_readings(0, 1)])
    with db.database.write() as session:
        session.execute(text("UPDATE measurement_blocks SET checksum = checksum + 1"))
    for first in range(1, 200):
        db.readings.append("S1", [make_readings(first, 1)])
    assert "not merged" in caplog.text
    assert_same(db.readings.read("S1", "iv", 1), make_readings(1, 199))


def test_arrays_of_any_shape_beside_the_readings(db: DatabaseService) -> None:
    measurement = db.create_measurement_object("S1", "camera")
    picture = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    db.arrays.create(measurement.id, picture, name="frame", sequence_index=3)
    db.arrays.create(measurement.id, np.linspace(0, 1, 1000) + 1j, name="fft")
    [frame] = db.arrays.of(measurement.id, "frame")
    assert (frame.sequence_index, frame.data.dtype) == (3, np.dtype("uint16"))
    np.testing.assert_array_equal(frame.data, picture)
    np.testing.assert_array_equal(db.arrays.of(measurement.id)[1].data, np.linspace(0, 1, 1000) + 1j)
    third = db.create_measurement_data_array(measurement.id, [[1, 2]], name="rows")
    assert db.get_measurement_data_array(third.id).data.tolist() == [[1, 2]]
    assert [row.name for row in db.list_measurement_data_arrays(measurement_object_id=measurement.id)] == [
        *("frame", "fft", "rows")
    ]
    with pytest.raises(FieldError, match="numbers"):
        db.arrays.create(measurement.id, ["text"])


def test_what_two_programs_add_at_once_is_all_kept(db: DatabaseService) -> None:
    frames = [pd.DataFrame({"v (V)": np.arange(10.0) + 100 * number}) for number in range(32)]
    for n in range(0, 32, 4):
        acts = [partial(DataManager(db).save_dataframe, "S1", "iv", frame) for frame in frames[n : n + 4]]
        assert at_once(*acts) == []
    held = db.readings.read("S1", "iv")
    assert sorted(held.values["v (V)"]) == [100 * number + i for number in range(32) for i in range(10)]
    assert list(held.steps) == list(range(320))
