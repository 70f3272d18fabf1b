"""One measurement examined: its blocks one after the other, its counts, its arrays, what repeats what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import zip_longest
from typing import Any, cast

import numpy as np
from sqlalchemy import Connection, Table, func, select

from database import codec
from database.care import summaries
from database.care.findings import Finding, Kind
from database.errors import DamagedDataError
from database.models.measurement import MeasurementDataArray
from database.models.rewind import MeasurementReplacement
from database.services import append, blocks
from database.services.append import Target
from database.services.blocks import OPEN, Owner

Open = Callable[[], AbstractContextManager[Connection]]
"""Opens a short look at the database; or, to look at one moment only, gives the same one again."""

BLOCKS_AT_ONCE = 8
_blocks = blocks.blocks
_arrays = cast(Table, MeasurementDataArray.__table__)
_runs = cast(Table, MeasurementReplacement.__table__)


class Examination:
    """Reads all of one measurement, a few blocks at a time.

    Args:
        done: called with the number of readings that were looked at.
    """

    def __init__(self, look: Open, number: int, scan: int, done: Callable[[int], object]) -> None:
        self._look = look
        self._scan = scan
        self._done = done
        with look() as connection:
            self.owner, self.target = append.target_by_id(connection, number)

    def findings(self) -> Iterator[Finding]:
        yield from self._all_blocks()
        yield from self._counts()
        yield from summaries.upper(self._look, self.owner, self._finding)
        yield from self._repeats()
        yield from arrays(self._look, self.owner, self._finding)

    def leftovers(self) -> Iterator[Finding]:
        """Of an archived scan: what is still here."""
        with self._look() as connection:
            left = connection.execute(
                select(func.count()).where(_blocks.c.measurement_object_id == self.owner.id)
            ).scalar_one()
        if left:
            yield self._finding(Kind.LEFTOVER, f"{left} blocks are still here though the scan is archived")

    def _finding(self, kind: Kind, problem: str, first: int | None = None, end: int | None = None) -> Finding:
        return Finding(
            kind=kind,
            problem=problem,
            scan_id=self.owner.scan_id,
            measurement=self.owner.measurement,
            first=first,
            end=end,
            owner=self.owner.id,
            scan=self._scan,
        )

    def _all_blocks(self) -> Iterator[Finding]:
        at, stored = 0, self.target.next_index
        while at < stored:
            with self._look() as connection:
                rows = blocks.fetch(connection, self.owner.id, at, stored, BLOCKS_AT_ONCE)
                known = summaries.of_rows(connection, self.owner, rows)
            start = at
            for row, following in zip_longest(rows, rows[1:]):
                if row.first_index < start and row.first_index + row.held <= start:
                    continue  # the block before, fetched for the range it might hold
                until = following.first_index if following is not None else None
                yield from self._place(row, at)
                columns = _intact(row, self.owner)
                end = (
                    min(row.first_index + row.held, until)
                    if until is not None
                    else row.first_index + row.held
                )
                if columns is None:
                    yield self._finding(
                        Kind.DAMAGED, "damaged", row.first_index, max(end, row.first_index + 1)
                    )
                yield from summaries.of_block(row, columns, known, self.owner, self._finding)
                at = max(at, end)
            if at == start:
                at = self._next_start(start, stored)
                yield self._finding(Kind.MISSING, "missing", start, at)
            self._done(min(at, stored) - start)

    def _place(self, row: Any, at: int) -> Iterator[Finding]:
        if row.first_index > at:
            yield self._finding(Kind.MISSING, "missing", at, row.first_index)
        elif row.first_index < at:
            end = min(at, row.first_index + row.held)
            yield self._finding(Kind.DOUBLE, "stored twice", row.first_index, end)

    def _next_start(self, at: int, stored: int) -> int:
        query = select(func.min(_blocks.c.first_index)).where(
            _blocks.c.measurement_object_id == self.owner.id, _blocks.c.first_index > at
        )
        with self._look() as connection:
            found = connection.execute(query).scalar()
        return stored if found is None else min(stored, found)

    def _counts(self) -> Iterator[Finding]:
        with self._look() as connection:
            target = append.target_by_id(connection, self.owner.id)[1]
            end, still_open, outside = facts(connection, self.owner.id, target)
            repeated = repeats(connection, self.owner.id)
        if end > target.next_index:
            problem = f"next_index is {target.next_index}, and there are readings up to {end - 1}"
            yield self._finding(Kind.COUNT, problem)
        if (target.open_blocks, outside) != (still_open, 0) or target.open_from > target.next_index:
            problem = (
                f"open_blocks is {target.open_blocks} from {target.open_from} on, and {still_open} are there"
            )
            yield self._finding(Kind.COUNT, problem)
        if target.replaced != repeated:
            problem = f"replaced is {target.replaced}, and {repeated} readings repeat others"
            yield self._finding(Kind.COUNT, problem)

    def _repeats(self) -> Iterator[Finding]:
        query = (
            select(_runs.c.first_index, _runs.c.count, _runs.c.replaces)
            .where(_runs.c.measurement_object_id == self.owner.id)
            .order_by(_runs.c.first_index)
        )
        at = 0
        with self._look() as connection:
            rows = connection.execute(query).all()
            stored = max(self.target.next_index, facts(connection, self.owner.id, self.target)[0])
        for first, count, replaces in rows:
            if first < at or count < 1 or not 0 <= replaces < first or first + count > stored:
                problem = f"said to repeat those from {replaces} on, which cannot be"
                yield self._finding(Kind.DAMAGED, problem, first, first + max(1, count))
            at = first + count


def facts(connection: Connection, number: int, target: Target) -> tuple[int, int, int]:
    """One past the last reading there is, open blocks behind `open_from`, and others where they should be."""
    mine = _blocks.c.measurement_object_id == number
    last = select(_blocks.c.first_index, _blocks.c.count).where(mine)
    row = connection.execute(last.order_by(_blocks.c.first_index.desc()).limit(1)).first()
    behind = select(_blocks.c.level, func.count()).where(mine, _blocks.c.first_index >= target.open_from)
    found = {row[0]: row[1] for row in connection.execute(behind.group_by(_blocks.c.level))}
    still_open = found.pop(OPEN, 0)
    return (row[0] + row[1] if row is not None else 0), still_open, sum(found.values())


def repeats(connection: Connection, number: int) -> int:
    """How many readings repeat others."""
    query = select(func.coalesce(func.sum(_runs.c.count), 0)).where(_runs.c.measurement_object_id == number)
    return int(connection.execute(query).scalar_one())


def arrays(look: Open, owner: Owner, finding: Callable[..., Finding]) -> Iterator[Finding]:
    """The arrays beside the readings, one at a time."""
    query = select(_arrays).where(_arrays.c.measurement_object_id == owner.id).order_by(_arrays.c.id).limit(1)
    number = 0
    while True:
        with look() as connection:
            row = connection.execute(query.where(_arrays.c.id > number)).first()
        if row is None:
            return
        number = row.id
        what = f"array {row.name!r} ({row.id})"
        try:
            codec.decode_array(row.payload, row.codec, row.checksum, row.dtype, row.shape, what)
        except (DamagedDataError, ValueError, TypeError) as error:
            yield finding(Kind.DAMAGED, f"{what} is damaged ({error})")


def _intact(row: Any, owner: Owner) -> Sequence[codec.Column] | None:
    try:
        columns = blocks.take_out(row, owner)
    except DamagedDataError:
        return None
    whole = all(len(column) == row.held for column in columns) and isinstance(columns[-1], np.ndarray)
    return columns if whole else None
