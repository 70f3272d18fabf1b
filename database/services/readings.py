"""Readings: appended in groups that are durable when the call returns, read back exactly.

db.readings.append(scan_id, [readings], writer="bench:5f3a", progress=0.5)
db.readings.read(scan_id, "iv", 0, 100)
db.readings.overview(scan_id, "iv", max_points=2000)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from database import codec
from database.codec import Column
from database.models.measurement import MeasurementDataArray, MeasurementObject
from database.services import append, blocks, layout, merging, overview, replacements
from database.services.append import ScanKey
from database.services.blocks import Owner
from database.services.overview import Overview
from database.session import Database
from pybirch.blocks import part
from pybirch.errors import FieldError, NotFoundError
from pybirch.events import Readings
from pybirch.replacing import Run, hidden, newest_parts, replaces_of

_BLOCKS_AT_ONCE = 8


class ReadingsService:
    """Stores and reads readings. Thread-safe.

    Args:
        most_rows: readings a merged block may have.
    """

    def __init__(self, database: Database, most_rows: int = merging.MOST_ROWS) -> None:
        self._db = database
        self.most_rows = most_rows

    def append(
        self,
        scan_id: ScanKey,
        readings: Iterable[Readings],
        *,
        writer: str | None = None,
        progress: float | None = None,
    ) -> int:
        """Store readings in one transaction; those stored already are passed over.

        Returns:
            How many readings were new.

        Raises:
            StaleWriterError: `writer` is given and the scan is not, or no longer, its own.
            FieldError: a column is wrong, or the indexes leave a gap.
            NotFoundError: no such scan.
        """
        prepared = [layout.prepare(r, self.most_rows) for r in readings if r.count]
        return self._db.transact_core(
            lambda connection: append.store(connection, scan_id, prepared, writer, progress, self.most_rows),
            repeatable=True,
        )

    def measurements(self, scan_id: ScanKey) -> list[MeasurementObject]:
        """The scan's measurements, in the order in which they first appeared."""
        with self._db.read() as session:
            number, _ = append.find_scan(session.connection(), scan_id)
            query = select(MeasurementObject).where(
                MeasurementObject.scan_id == number, MeasurementObject.archived_at.is_(None)
            )
            return list(session.scalars(query.order_by(MeasurementObject.id)))

    def last_indexes(self, scan_id: ScanKey) -> dict[str, int]:
        """Measurement -> last sequence_index stored; -1 where there is none yet."""
        return {m.name: m.last_index for m in self.measurements(scan_id)}

    def read(
        self,
        scan_id: ScanKey,
        measurement: str,
        start: int = 0,
        end: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Readings:
        """The readings ``start … end - 1`` (all, without bounds), as far as they exist.

        Raises:
            DamagedDataError: the database no longer holds what was stored.
            NotFoundError: no such scan or measurement.
        """
        with self._db.read() as session:
            connection = session.connection()
            owner, found = self._owner(connection, scan_id, measurement)
            start, end = _bounds(start, end, found.next_index)
            rows = blocks.fetch(connection, owner.id, start, end) if end > start else []
            runs = replacements.fetch(connection, owner.id, start, end) if found.replaced else []
        return _marked(_assemble(owner, found.layout, rows, start, end, columns), runs)

    def iter_blocks(
        self,
        scan_id: ScanKey,
        measurement: str,
        start: int = 0,
        end: int | None = None,
        columns: Sequence[str] | None = None,
        *,
        newest: bool = False,
    ) -> Iterator[Readings]:
        """The readings piece by piece; no session is open while the consumer works.

        Args:
            newest: without those that were repeated after a rewind.
        """
        with self._db.read() as session:
            owner, found = self._owner(session.connection(), scan_id, measurement)
            runs = replacements.fetch(session.connection(), owner.id) if found.replaced else []
        gone = hidden(runs) if newest else hidden(())
        at, end = _bounds(start, end, found.next_index)
        while at < end:
            with self._db.read() as session:
                rows = blocks.fetch(session.connection(), owner.id, at, end, _BLOCKS_AT_ONCE)
            until = min(end, rows[-1].first_index + rows[-1].held) if rows else end
            block = _marked(_assemble(owner, found.layout, rows, at, until, columns), runs)
            for first, last in newest_parts(gone, at, until):
                yield part(block, first - at, last - at)
            at = until

    def replacements(self, scan_id: ScanKey, measurement: str, start: int, end: int) -> list[Run]:
        """Which of the readings ``start … end - 1`` repeat which."""
        with self._db.read() as session:
            owner, found = self._owner(session.connection(), scan_id, measurement)
            runs = replacements.fetch(session.connection(), owner.id, start, end) if found.replaced else []
        return [run for whole in runs if (run := whole.between(start, end)).count > 0]

    def replaced(self, scan_id: ScanKey, measurement: str) -> NDArray[np.int64]:
        """The readings that were repeated after a rewind: rows of first index and one past the last."""
        with self._db.read() as session:
            owner, found = self._owner(session.connection(), scan_id, measurement)
            return hidden(replacements.fetch(session.connection(), owner.id) if found.replaced else [])

    def overview(
        self,
        scan_id: ScanKey,
        measurement: str,
        max_points: int = 2000,
        columns: Sequence[str] | None = None,
        start: int = 0,
        end: int | None = None,
        *,
        newest: bool = False,
    ) -> Overview:
        """The range in at most about `max_points` points, no extreme lost; see `Overview`.

        Args:
            newest: without the readings that were repeated after a rewind; each stretch between
                them has bins of its own.
        """
        if max_points < 2:
            raise FieldError("max_points", f"{max_points} is too few; 2 or more")
        if newest and len(gone := self.replaced(scan_id, measurement)):
            start, end = _bounds(start, end, self.last_indexes(scan_id)[measurement] + 1)
            return self._overview_of_newest(scan_id, measurement, max_points, columns, start, end, gone)
        with self._db.read() as session:
            connection = session.connection()
            owner, found = self._owner(connection, scan_id, measurement)
            start, end = _bounds(start, end, found.next_index)
            chosen = layout.chosen(found.layout, columns)
            arrays = any(found.layout[i]["shape"] for i in chosen)
            if arrays and end > start:
                return overview.of_arrays(connection, owner, found.layout, columns, start, end, max_points)
            if end - start > max_points:
                return overview.of_scalars(connection, owner, found.layout, columns, start, end, max_points)
            rows = blocks.fetch(connection, owner.id, start, end) if end > start else []
        return overview.every_reading(_assemble(owner, found.layout, rows, start, end, columns))

    def _overview_of_newest(
        self,
        scan_id: ScanKey,
        measurement: str,
        max_points: int,
        columns: Sequence[str] | None,
        start: int,
        end: int,
        gone: NDArray[np.int64],
    ) -> Overview:
        """Each stretch between what is gone in its share of the points."""
        parts = newest_parts(gone, start, end) or [(start, start)]
        whole = max(1, sum(last - first for first, last in parts))
        shares = [max(2, max_points * (last - first) // whole) for first, last in parts]
        found = [
            self.overview(scan_id, measurement, share, columns, first, last)
            for share, (first, last) in zip(shares, parts, strict=True)
        ]
        return overview.joined(found, start, end)

    def compact(self, scan_id: ScanKey) -> None:
        """Merge what is still in small pieces; worth it once a scan has ended."""
        for measurement in self.measurements(scan_id):
            self._db.transact_core(lambda c, m=measurement.id: append.compact(c, m), repeatable=True)

    def add_array(
        self,
        measurement_object_id: int,
        data: Any,
        *,
        name: str = "",
        sequence_index: int | None = None,
    ) -> MeasurementDataArray:
        """Keep an array of any shape and number type beside the measurement's readings."""
        return self._db.transact(
            lambda session: append.add_array(session, measurement_object_id, data, name, sequence_index)
        )

    def arrays(self, measurement_object_id: int, name: str | None = None) -> list[MeasurementDataArray]:
        """The arrays kept beside a measurement, oldest first; `.data` decodes one."""
        query = select(MeasurementDataArray).where(
            MeasurementDataArray.measurement_object_id == measurement_object_id
        )
        if name is not None:
            query = query.where(MeasurementDataArray.name == name)
        with self._db.read() as session:
            return list(session.scalars(query.order_by(MeasurementDataArray.id)))

    def _owner(
        self, connection: Connection, scan_id: ScanKey, measurement: str
    ) -> tuple[Owner, append.Target]:
        number, text = append.find_scan(connection, scan_id)
        for target in append.targets(connection, number):
            if target.name == measurement:
                return Owner(target.id, text, measurement), target
        raise NotFoundError(f"scan {text} has no measurement {measurement!r}")


def _bounds(start: int, end: int | None, stored: int) -> tuple[int, int]:
    start = max(0, start)
    return start, max(start, stored if end is None else min(end, stored))


def _marked(readings: Readings, runs: Sequence[Run]) -> Readings:
    if not runs:
        return readings
    return replace(readings, replaces=replaces_of(runs, readings.first_index, readings.end_index))


def _assemble(
    owner: Owner,
    columns: layout.Layout,
    rows: Sequence[Any],
    start: int,
    end: int,
    wanted: Sequence[str] | None,
) -> Readings:
    parts = [part for _, part in blocks.cut_out(rows, owner, start, end)]
    held = sum(len(part[-1]) for part in parts)
    if held < end - start:
        blocks.missing(owner, start + held, end)
    joined = _joined(parts, columns)
    return layout.to_readings(owner.scan_id, owner.measurement, start, columns, joined, wanted)


def _joined(parts: Sequence[list[Column]], columns: layout.Layout) -> list[Column]:
    """Columns end to end, as arrays of their own (blocks give read-only views)."""
    if not parts:
        return layout.empty_columns(columns)
    return (
        codec.join(parts)
        if len(parts) > 1
        else [c.copy() if isinstance(c, np.ndarray) else c for c in parts[0]]
    )
