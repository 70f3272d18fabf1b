"""Small blocks that a crash or a scan's end left unmerged become large ones, without delaying anybody.

    compact_scan(database, "S1")

Blocks are read, joined and encoded with no lock held; then one short transaction puts the large block
where the small ones still are as they were. A kill between leaves one or the other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, Table, func, select, update

from database import codec
from database.codec import Column
from database.errors import DamagedDataError
from database.models.measurement import MeasurementObject
from database.models.scan import Scan
from database.services import append, blocks, merging, summaries
from database.services.append import ScanKey
from database.services.blocks import FULL, Owner
from database.session import Database
from pybirch.states import ScanState

log = logging.getLogger(__name__)

MOST_SECONDS = 0.05
"""What a transaction may take; pieces are chosen so that it takes much less."""
BREATH = 2.0
"""After each transaction others get this many times as long."""

ENDED = tuple(state for state in ScanState if state.is_finished)

_objects = cast(Table, MeasurementObject.__table__)
_scans = cast(Table, Scan.__table__)
_blocks = blocks.blocks

Rest = Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stored block, less its payload: enough to tell whether it is still the same."""

    first: int
    count: int
    level: int
    checksum: int

    @property
    def end(self) -> int:
        return self.first + self.count


@dataclass(frozen=True, slots=True)
class Merged:
    """Neighbours joined and encoded, on their way to the database."""

    pieces: Sequence[Piece]
    columns: list[Column]
    count: int
    level: int
    codec: int
    payload: bytes


def unfinished(database: Database, most: int = 100) -> list[int]:
    """Measurement objects of ended scans that were not merged to their end; a quick look."""
    query = (
        select(_objects.c.id)
        .join(_scans, _scans.c.id == _objects.c.scan_id)
        .where(_objects.c.open_blocks > 0, _scans.c.status.in_(ENDED), _scans.c.archive.is_(None))
        .order_by(_objects.c.id)
        .limit(most)
    )
    with database.read() as session:
        return list(session.scalars(query))


def scattered(database: Database) -> list[int]:
    """Measurement objects of ended scans with small blocks side by side; looks at every block's row."""
    small = (
        select(_blocks.c.measurement_object_id)
        .where(_blocks.c.level < FULL)
        .group_by(_blocks.c.measurement_object_id)
        .having(func.count() > 1)
    )
    query = (
        select(_objects.c.id)
        .join(_scans, _scans.c.id == _objects.c.scan_id)
        .where(_objects.c.id.in_(small), _scans.c.status.in_(ENDED), _scans.c.archive.is_(None))
    )
    with database.read() as session:
        found = set(session.scalars(query))
    return sorted(found | set(unfinished(database, 1 << 30)))


def compact_scan(database: Database, scan_id: ScanKey, most_rows: int = merging.MOST_ROWS) -> int:
    """Merge what a scan still has in small pieces; gives how many blocks fewer there are."""
    with database.read() as session:
        number, _ = append.find_scan(session.connection(), scan_id)
        targets = append.targets(session.connection(), number)
    return sum(compact(database, target.id, most_rows) for target in targets)


def compact_all(
    database: Database,
    numbers: Iterable[int],
    most_rows: int = merging.MOST_ROWS,
    rest: Rest = time.sleep,
) -> int:
    """`compact` of several; others get their turn between transactions."""
    return sum(compact(database, number, most_rows, rest) for number in numbers)


def compact(
    database: Database, number: int, most_rows: int = merging.MOST_ROWS, rest: Rest | None = None
) -> int:
    """Merge a measurement's small blocks; gives how many blocks fewer there are.

    Nothing is done while its scan runs or is paused, nor to blocks that are damaged.
    """
    saved = 0
    owner, groups = _plan(database, number, most_rows)
    for group in groups:
        merged = _joined(database, owner, group, most_rows)
        if merged is None:
            continue
        begun = time.perf_counter()
        done = database.transact_core(lambda c, m=merged: _replace(c, owner, m))
        if not done:
            return saved
        saved += len(group) - 1
        if rest is not None:
            rest(BREATH * (time.perf_counter() - begun))
    database.transact_core(lambda connection: _settle(connection, owner), repeatable=True)
    return saved


def _plan(database: Database, number: int, most_rows: int) -> tuple[Owner, list[list[Piece]]]:
    """Whose, and which neighbours are to become one."""
    with database.read() as session:
        connection = session.connection()
        owner, _ = append.target_by_id(connection, number)
        pieces = _pieces(connection, number)
        limit = _limit(connection, owner, pieces, most_rows)
    return owner, [group for group in _groups(pieces, limit) if len(group) > 1]


def _pieces(connection: Connection, number: int, first: int = 0, end: int = 1 << 62) -> list[Piece]:
    query = (
        select(_blocks.c.first_index, _blocks.c.count, _blocks.c.level, _blocks.c.checksum)
        .where(
            _blocks.c.measurement_object_id == number,
            _blocks.c.level < FULL,
            _blocks.c.first_index >= first,
            _blocks.c.first_index < end,
        )
        .order_by(_blocks.c.first_index)
    )
    return [Piece(*row) for row in connection.execute(query)]


def _limit(connection: Connection, owner: Owner, pieces: Sequence[Piece], most_rows: int) -> int:
    """Rows a merged block of these columns may have."""
    for piece in pieces:
        row = blocks.fetch(connection, owner.id, piece.first, piece.end, 1)[0]
        try:
            return merging.most_rows(blocks.take_out(row, owner), piece.count, most_rows)
        except DamagedDataError:
            continue
    return most_rows


def _groups(pieces: Sequence[Piece], limit: int) -> Iterator[list[Piece]]:
    """Neighbours without a gap, as many as one block may hold."""
    group: list[Piece] = []
    for piece in pieces:
        goes_on = bool(group) and group[-1].end == piece.first and piece.end - group[0].first <= limit
        if group and not goes_on:
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _joined(database: Database, owner: Owner, group: Sequence[Piece], most_rows: int) -> Merged | None:
    """The blocks as one, encoded; None where one is damaged or they have changed."""
    first, end = group[0].first, group[-1].end
    with database.read() as session:
        rows = blocks.fetch(session.connection(), owner.id, first, end)
    try:
        columns = codec.join([columns for _, columns in blocks.cut_out(rows, owner, first, end)])
    except DamagedDataError as error:
        log.error("not merged: %s", error)
        return None
    count = end - first
    if len(columns[-1]) != count:
        return None
    kind, payload = codec.encode(columns, count, merging.CAREFUL)
    full = 2 * count >= min(most_rows, merging.most_rows(columns, count, most_rows))
    level = FULL if full else max(piece.level for piece in group) + 1
    return Merged(group, columns, count, level, kind, payload)


def _replace(connection: Connection, owner: Owner, merged: Merged) -> bool:
    """Put the large block where the small ones are; False if they, or the scan, have moved on."""
    first, end = merged.pieces[0].first, merged.pieces[-1].end
    if not _has_ended(connection, owner) or _pieces(connection, owner.id, first, end) != merged.pieces:
        return False
    blocks.remove(connection, owner.id, first, end)
    blocks.add(connection, owner.id, first, merged.count, merged.level, merged.codec, merged.payload)
    if merged.level == FULL:
        summaries.add(connection, owner, first, merged.columns)
    _move_tail(connection, owner, end)
    return True


def _has_ended(connection: Connection, owner: Owner) -> bool:
    """Whether nobody adds to the scan; takes the lock that an append takes."""
    query = select(_scans.c.status).where(_scans.c.scan_id == owner.scan_id).with_for_update()
    return connection.execute(query).scalar_one() in ENDED


def _move_tail(connection: Connection, owner: Owner, end: int | None = None) -> None:
    """The measurement's open blocks begin at `end`, or behind everything."""
    target = append.target_by_id(connection, owner.id)[1]
    start = target.next_index if end is None else max(target.open_from, end)
    still = _blocks.c.measurement_object_id == owner.id, _blocks.c.first_index >= start
    left = connection.execute(select(func.count()).where(*still)).scalar_one()
    if (start, left) != (target.open_from, target.open_blocks):
        change = update(_objects).where(_objects.c.id == owner.id)
        connection.execute(change.values(open_from=start, open_blocks=left))


def _settle(connection: Connection, owner: Owner) -> None:
    """All is done that can be: what is damaged is left, and not tried again."""
    if _has_ended(connection, owner):
        _move_tail(connection, owner)
