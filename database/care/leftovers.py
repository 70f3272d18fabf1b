"""The readings of an archived scan that are still here, removed in transactions that delay nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from sqlalchemy import Connection, Table, delete, func, select

from database.models.block import MeasurementBlock, MeasurementSummary
from database.models.measurement import MeasurementDataArray, MeasurementObject
from database.models.rewind import MeasurementReplacement
from database.models.scan import Scan
from database.session import Database

MOST_BYTES = 8 << 20
"""About this much is removed at once, and no more rows than MOST_ROWS."""
MOST_ROWS = 256
BREATH = 2.0

PARTS = tuple(
    cast(Table, model.__table__)
    for model in (MeasurementBlock, MeasurementSummary, MeasurementDataArray, MeasurementReplacement)
)
"""What hangs on a measurement object and goes to the archive; the object itself stays."""

_scans = cast(Table, Scan.__table__)
_objects = cast(Table, MeasurementObject.__table__)


def remove_leftovers(database: Database, number: int, rest: Callable[[float], object] = time.sleep) -> None:
    """Remove what a measurement object still has; nothing, unless its scan is archived."""
    while True:
        begun = time.perf_counter()
        if not database.transact_core(lambda connection: _remove_some(connection, number), repeatable=True):
            return
        rest(BREATH * (time.perf_counter() - begun))


def _remove_some(connection: Connection, number: int) -> bool:
    scan = select(_scans.c.archive).join(_objects, _objects.c.scan_id == _scans.c.id)
    if connection.execute(scan.where(_objects.c.id == number).with_for_update(of=_scans)).scalar() is None:
        return False
    for table in PARTS:
        size = func.length(table.c.payload) if "payload" in table.c else 1
        query = select(table.c.id, size).where(table.c.measurement_object_id == number)
        chosen: list[int] = []
        total = 0
        for row, weight in connection.execute(query.order_by(table.c.id).limit(MOST_ROWS)):
            chosen.append(row)
            total += weight
            if total > MOST_BYTES:
                break
        if chosen:
            connection.execute(delete(table).where(table.c.id.in_(chosen)))
            return True
    return False


def remove_all_leftovers(database: Database, rest: Callable[[float], object] = time.sleep) -> None:
    """`remove_leftovers` of every archived scan: what a kill left of a move."""
    query = select(_objects.c.id).join(_scans, _objects.c.scan_id == _scans.c.id)
    with database.read() as session:
        numbers = list(session.scalars(query.where(_scans.c.archive.is_not(None))))
    for number in numbers:
        remove_leftovers(database, number, rest)
