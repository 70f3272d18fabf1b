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
from database.models.measurement import MeasurementObject
from database.services import append, blocks, bulk, layout, merging, overview, replacements
from database.services.append import ScanKey
from database.services.blocks import Owner
from database.services.overview import Overview
from database.session import Database
from pybirch.blocks import part
from pybirch.errors import FieldError, NotFoundError
from pybirch.events import Readings
from pybirch.replacing import Run, hidden, newest_parts, replaces_of

_BLOCKS_AT_ONCE = 32


class ReadingsService:
    """Stores and reads readings. Thread-safe.

    Args:
        most_rows: readings a merged block may have, unless an append says otherwise.
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
        merged_rows: int | None = None,
    ) -> int:
        """Store readings in one transaction; those stored already are passed over.

        Args:
            merged_rows: readings a block has at most after merging.

        Returns:
            How many readings were new.

        Raises:
            StaleWriterError: `writer` is given and the scan is not, or no longer, its own.
            FieldError: a column is wrong, or the indexes leave a gap.
            NotFoundError: no such scan.
        """
        most = merged_rows or self.most_rows
        prepared = [layout.prepare(block, most) for block in readings if block.count]
        return self._db.transact_core(
            lambda connection: append.store(connection, scan_id, prepared, writer, progress, most),
            repeatable=True,
        )

    def add(self, scan_id: ScanKey, readings: Readings, *, merged_rows: int | None = None) -> int:
        """Store readings whose indexes and steps count from 0 behind those there are, whoever adds others
        meanwhile; gives how many.

        Args:
            merged_rows: readings a block has at most after merging.

        Raises:
            FieldError: a column is wrong.
            NotFoundError: no such scan.
        """
        most = merged_rows or self.most_rows

        def work(connection: Connection) -> int:
            first = append.next_index(connection, scan_id, readings.measurement)
            behind = replace(readings, first_index=first, steps=readings.steps + first)
            return append.store(connection, scan_id, [layout.prepare(behind, most)], None, None, most)

        return self._db.transact_core(work) if readings.count else 0

    def bulk(self, scan_id: ScanKey, blocks: Iterable[Readings], *, writer: str | None = None) -> int:
        """Store a long row of blocks of any size, for import, restore and forwarding.

        They are joined to pieces that fill the record's own blocks, each a transaction like that of
        `append`; so what is broken off keeps its whole pieces, and the same blocks again go on there.

        Returns:
            How many readings were new.
        """
        pieces = bulk.pieces(blocks, self.most_rows)
        return sum(self.append(scan_id, [piece], writer=writer) for piece in pieces)

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
            InArchiveError: the scan's readings lie in an archive.
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
            connection = session.connection()
            owner, found = self._owner(connection, scan_id, measurement)
            runs = replacements.fetch(connection, owner.id) if found.replaced else []
            at, end = _bounds(start, end, found.next_index)
            rows = blocks.fetch(connection, owner.id, at, end, _BLOCKS_AT_ONCE) if at < end else []
        gone = hidden(runs) if newest else hidden(())
        while at < end:
            until = min(end, rows[-1].first_index + rows[-1].held) if rows else end
            block = _marked(_assemble(owner, found.layout, rows, at, until, columns), runs)
            for first, last in newest_parts(gone, at, until):
                yield part(block, first - at, last - at)
            at = until
            if at < end:
                with self._db.read() as session:
                    rows = blocks.fetch(session.connection(), owner.id, at, end, _BLOCKS_AT_ONCE)

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
        with self._db.moment() as session:
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

    def _owner(
        self, connection: Connection, scan_id: ScanKey, measurement: str
    ) -> tuple[Owner, append.Target]:
        number, text = append.find_readings(connection, scan_id)
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
    whole = codec.Joined(end - start)
    for _, piece in blocks.cut_out(rows, owner, start, end, lasting=False):
        whole.add(piece)
    if whole.count < end - start:
        blocks.missing(owner, start + whole.count, end)
    joined = whole.columns or layout.empty_columns(columns)
    return layout.to_readings(owner.scan_id, owner.measurement, start, columns, joined, wanted)
