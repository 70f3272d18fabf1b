"""What follows from the rest of the record is made anew: summaries from blocks, counts from what is there.

Readings are never touched. Each step is a short transaction that leaves the record better than it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from sqlalchemy import Connection, Table, delete, func, select, update

from database.care.check import check_scan
from database.care.findings import Finding, Kind
from database.care.leftovers import remove_leftovers
from database.care.measurement import facts, repeats
from database.care.summaries import disagreement
from database.errors import DamagedDataError
from database.models.measurement import MeasurementObject
from database.models.scan import Scan
from database.services import append, blocks, summaries
from database.services.blocks import FULL, Owner
from database.session import Database

_scans = cast(Table, Scan.__table__)
_objects = cast(Table, MeasurementObject.__table__)
_blocks = blocks.blocks
_rows = summaries.summaries


def repair(database: Database, findings: Iterable[Finding]) -> list[Finding]:
    """Mend what can be mended of `findings`; gives those of the same scans that are still there."""
    found = list(findings)
    for owner in _owners(found, Kind.LEFTOVER):
        remove_leftovers(database, owner)
    for owner in _owners(found, Kind.SUMMARY):
        rebuild_summaries(database, owner)
    for scan in sorted({f.scan for f in found if f.kind is Kind.COUNT and f.scan is not None}):
        database.transact_core(lambda connection, n=scan: _count(connection, n), repeatable=True)
    scans = sorted({f.scan for f in found if f.scan is not None})
    return [f for f in found if f.scan is None] + [f for scan in scans for f in check_scan(database, scan)]


def _owners(findings: Iterable[Finding], kind: Kind) -> list[int]:
    return sorted({f.owner for f in findings if f.kind is kind and f.owner is not None})


def _lock(connection: Connection, scan: int) -> None:
    """The lock that an append takes."""
    connection.execute(select(_scans.c.id).where(_scans.c.id == scan).with_for_update())


def _count(connection: Connection, scan: int) -> None:
    """A scan's counts, and those of its measurements, from what is there."""
    _lock(connection, scan)
    for target in append.targets(connection, scan):
        end, _, _ = facts(connection, target.id, target)
        ahead = max(target.next_index, end)
        start, still = _open_tail(connection, target.id, ahead)
        values = {"next_index": ahead, "open_from": start, "open_blocks": still}
        values["replaced"] = repeats(connection, target.id)
        connection.execute(update(_objects).where(_objects.c.id == target.id).values(values))
    sums = select(
        func.coalesce(func.sum(_objects.c.next_index), 0), func.coalesce(func.sum(_objects.c.replaced), 0)
    ).where(_objects.c.scan_id == scan)
    done, replaced = connection.execute(sums).one()
    change = update(_scans).where(_scans.c.id == scan)
    connection.execute(change.values(points_done=done, points_replaced=replaced))


def _open_tail(connection: Connection, number: int, end: int) -> tuple[int, int]:
    """Where the blocks begin that were not merged yet, and how many they are."""
    start, still = end, 0
    for row in blocks.before(connection, number, end, 64):
        if row.level != blocks.OPEN or row.first_index + row.held != start:
            break
        start, still = row.first_index, still + 1
    return start, still


def rebuild_summaries(database: Database, number: int) -> None:
    """Summaries that do not say what their blocks say, made anew; then all that stand above."""
    with database.read() as session:
        connection = session.connection()
        owner, _ = append.target_by_id(connection, number)
        scan = connection.execute(select(_objects.c.scan_id).where(_objects.c.id == number)).scalar_one()
    for first in _full_blocks(database, owner):
        database.transact_core(lambda c, at=first: _one(c, scan, owner, at), repeatable=True)
    database.transact_core(lambda c: _clear(c, scan, owner), repeatable=True)
    tier = 0
    while database.transact_core(lambda c, t=tier: _raise(c, scan, owner, t)):
        while database.transact_core(lambda c, t=tier: _raise(c, scan, owner, t)):
            pass
        tier += 1


def _full_blocks(database: Database, owner: Owner) -> Iterator[int]:
    query = select(_blocks.c.first_index).where(
        _blocks.c.measurement_object_id == owner.id, _blocks.c.level == FULL
    )
    at = -1
    while True:
        with database.read() as session:
            page = query.where(_blocks.c.first_index > at).order_by(_blocks.c.first_index).limit(256)
            rows = list(session.scalars(page))
        yield from rows
        if not rows:
            return
        at = rows[-1]


def _one(connection: Connection, scan: int, owner: Owner, first: int) -> None:
    """The summary of the block that begins at `first`, if it is not right."""
    _lock(connection, scan)
    rows = blocks.fetch(connection, owner.id, first, first + 1, 1)
    if not rows or rows[0].first_index != first or rows[0].level != FULL:
        return
    try:
        columns = blocks.take_out(rows[0], owner)
    except DamagedDataError:
        return
    size, bins = summaries.of_block(first, columns)
    held = summaries.fetch(connection, owner, 0, first, first + 1)
    if held and held[0].held == rows[0].held and not disagreement(held[0], owner, [(size, bins)]):
        return
    inside = _rows.c.first_index >= first, _rows.c.first_index < first + rows[0].held
    mine = _rows.c.measurement_object_id == owner.id, _rows.c.tier == 0
    connection.execute(delete(_rows).where(*mine, *inside))
    summaries.insert_row(connection, owner, 0, size, bins)


def _clear(connection: Connection, scan: int, owner: Owner) -> None:
    """All above the blocks' own; of a block that is lost its summary stays, being all there is."""
    _lock(connection, scan)
    connection.execute(delete(_rows).where(_rows.c.measurement_object_id == owner.id, _rows.c.tier > 0))


def _raise(connection: Connection, scan: int, owner: Owner, tier: int) -> bool:
    _lock(connection, scan)
    return summaries.raise_next(connection, owner, tier)
