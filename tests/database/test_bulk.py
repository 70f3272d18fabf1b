from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from sqlalchemy import text

from database.services import DatabaseService, bulk
from database.services.readings import ReadingsService
from pybirch.errors import StaleWriterError
from pybirch.events import Readings

MakeReadings = Callable[..., Readings]


@pytest.fixture
def small(db: DatabaseService) -> ReadingsService:
    """The readings of S1, whose full blocks have 100 rows."""
    db.scans.create(scan_id="S1")
    return ReadingsService(db.database, most_rows=100)


def block_sizes(db: DatabaseService) -> list[int]:
    with db.database.read() as session:
        found = session.execute(text("SELECT count FROM measurement_blocks ORDER BY first_index"))
        return [row[0] for row in found]


def test_blocks_of_any_size_fill_those_of_the_record(
    db: DatabaseService, small: ReadingsService, make_readings: MakeReadings
) -> None:
    firsts = [0, 1, 30, 107, 240, 245, 530, 531]
    blocks = [make_readings(a, b - a) for a, b in zip(firsts, [*firsts[1:], 560], strict=True)]
    assert small.bulk("S1", blocks) == 560
    assert block_sizes(db) == [100, 100, 100, 100, 100, 60]
    found = small.read("S1", "iv")
    np.testing.assert_array_equal(found.steps, np.arange(560))
    np.testing.assert_array_equal(found.values["voltage (V)"], make_readings(0, 560).values["voltage (V)"])
    assert db.scans.get("S1").points_done == 560


def test_measurements_that_take_turns(
    db: DatabaseService, small: ReadingsService, make_readings: MakeReadings
) -> None:
    names = ("iv", "dmm")
    blocks = (make_readings(10 * i, 10, measurement=name) for i in range(30) for name in names)
    assert small.bulk("S1", blocks) == 600
    assert small.last_indexes("S1") == {"iv": 299, "dmm": 299}


def test_what_is_broken_off_goes_on_with_the_same_blocks(
    db: DatabaseService, small: ReadingsService, make_readings: MakeReadings
) -> None:
    def broken() -> Iterator[Readings]:
        yield from (make_readings(10 * i, 10) for i in range(25))
        raise OSError("the disk was pulled")

    with pytest.raises(OSError, match="pulled"):
        small.bulk("S1", broken())
    assert small.last_indexes("S1") == {"iv": 199}
    assert small.bulk("S1", (make_readings(10 * i, 10) for i in range(30))) == 100
    np.testing.assert_array_equal(small.read("S1", "iv").steps, np.arange(300))


def test_only_the_writer_may(small: ReadingsService, make_readings: MakeReadings) -> None:
    with pytest.raises(StaleWriterError):
        small.bulk("S1", [make_readings(0, 10)], writer="me")
    assert small.bulk("S1", []) == small.bulk("S1", [make_readings(0, 0)]) == 0


def test_arrays_are_given_out_before_they_fill_the_memory(
    small: ReadingsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_BYTES", 8_000)
    spectra = [
        Readings(
            scan_id="S1",
            measurement="spectrum",
            first_index=i,
            steps=np.array([i]),
            times=np.array([float(i)]),
            positions={},
            values={"counts": np.full((1, 500), float(i))},
        )
        for i in range(10)
    ]
    assert [piece.count for piece in bulk.pieces(spectra, 100)] == [4, 4, 2]
    assert small.bulk("S1", spectra) == 10
