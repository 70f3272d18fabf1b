"""Records with something of everything in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from sqlalchemy import func, select, text

from database.care.check import check
from database.care.findings import Finding
from database.models import Base
from database.services import DatabaseService
from database.services.readings import ReadingsService
from database.session import Database
from pybirch.events import Readings

MERGED = 64
"""Rows of a merged block in these tests, so that there are many."""
FULL = 18 * MERGED


def readings(scan_id: str, measurement: str, first: int, count: int) -> Readings:
    index = np.arange(first, first + count)
    return Readings(
        scan_id=scan_id,
        measurement=measurement,
        first_index=first,
        steps=index,
        times=1.7e9 + index * 1e-3,
        positions={"x (mm)": index * 0.5},
        values={"voltage (V)": np.sin(index * 0.37) * index, "counts": np.outer(index, [1.0, 2.0])},
    )


def fill(db: DatabaseService, scan_id: str = "S1", *, status: str = "completed", count: int = FULL) -> None:
    """A scan with full blocks, two tiers of summaries, open blocks, arrays, repeats and an analysis."""
    db.scans.create(scan_id=scan_id, scan_name=f"scan {scan_id}")
    db.scans.set_status(scan_id, "running")
    service = ReadingsService(db.database, MERGED)
    full = [readings(scan_id, "iv", first, MERGED) for first in range(0, count, MERGED)]
    small = [readings(scan_id, "iv", first, 2) for first in range(count, count + 6, 2)]
    service.append(scan_id, [*full, *small])
    service.append(scan_id, [readings(scan_id, "map", 0, 10)])
    again = replace(readings(scan_id, "map", 10, 3), replaces=np.array([2, 3, 4]))
    service.append(scan_id, [again])
    number = db.readings.measurements(scan_id)[0].id
    db.arrays.create(number, np.arange(5000.0).reshape(50, 100), name="image")
    db.arrays.create(number, np.arange(3), name="small")
    db.scans.note_rewind(scan_id, 2)
    db.analyses.create(scan_id=db.scans.get(scan_id).id, name=f"fit of {scan_id}")
    if status != "running":
        db.scans.set_status(scan_id, status)


def found(place: Database | str | Path) -> list[Finding]:
    """All that a check finds."""
    if isinstance(place, Database):
        return list(check(place))
    database = Database(place)
    try:
        return list(check(database))
    finally:
        database.dispose()


def require_readings(db: DatabaseService, scan_id: str = "S1", count: int = FULL + 6) -> None:
    """Every reading is there, as it was measured."""
    for measurement, many in (("iv", count), ("map", 13)):
        whole = readings(scan_id, measurement, 0, many)
        held = db.readings.read(scan_id, measurement)
        assert held.count == many
        for name, values in whole.values.items():
            np.testing.assert_array_equal(held.values[name], values)
    arrays = db.arrays.of(db.readings.measurements(scan_id)[0].id)
    np.testing.assert_array_equal(arrays[0].data, np.arange(5000.0).reshape(50, 100))


def rows_of(database: Database) -> dict[str, int]:
    """Rows of every table."""
    with database.read() as session:
        return {
            table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }


def do(db: DatabaseService, statement: str, **given: object) -> None:
    """What somebody's SQL, or a broken disk, does."""
    with db.database.write() as session:
        session.execute(text(statement), given)
