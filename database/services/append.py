"""The transaction behind `readings.append`: who may write, which readings are new, where they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
from sqlalchemy import Connection, Table, bindparam, func, insert, select, update

from database import codec
from database.codec import Column
from database.errors import InArchiveError
from database.models.measurement import MeasurementObject
from database.models.scan import Scan
from database.services import layout, merging, replacements
from database.services.blocks import Owner
from database.services.layout import Layout, Prepared
from database.services.merging import Block, Tail
from pybirch.errors import FieldError, NotFoundError, StaleWriterError
from pybirch.states import TRANSITIONS

ScanKey = str | int
"""A scan's text id, or its number."""

ENDED = "/ended"
"""Stands behind a writer's name once its scan was marked interrupted: nobody has that name."""

_scans = cast(Table, Scan.__table__)
_objects = cast(Table, MeasurementObject.__table__)
_what = select(_scans.c.id, _scans.c.scan_id, _scans.c.writer, _scans.c.status, _scans.c.archive)
_SCAN_BY_TEXT = _what.where(_scans.c.scan_id == bindparam("key"))
_SCAN_BY_NUMBER = _what.where(_scans.c.id == bindparam("key"))
_LOCK_BY_TEXT = _SCAN_BY_TEXT.with_for_update()
_LOCK_BY_NUMBER = _SCAN_BY_NUMBER.with_for_update()
_TARGET = select(
    _objects.c.id,
    _objects.c.name,
    _objects.c.layout,
    _objects.c.next_index,
    _objects.c.open_from,
    _objects.c.open_blocks,
    _objects.c.replaced,
)
_TARGETS = _TARGET.where(_objects.c.scan_id == bindparam("scan"))
_NEW_TARGET = insert(_objects).returning(_objects.c.id)
_MOVE_ON = (
    update(_objects)
    .where(_objects.c.id == bindparam("target"))
    .values(next_index=bindparam("next"), open_from=bindparam("open_"), open_blocks=bindparam("blocks"))
)
_RELAYOUT = update(_objects).where(_objects.c.id == bindparam("target")).values(layout=bindparam("columns"))
_REPLACED = (
    update(_objects)
    .where(_objects.c.id == bindparam("target"))
    .values(replaced=_objects.c.replaced + bindparam("more"))
)
_COUNT_REPLACED = (
    update(_scans)
    .where(_scans.c.id == bindparam("scan"))
    .values(points_replaced=_scans.c.points_replaced + bindparam("more"))
)
_COUNT_UP = (
    update(_scans)
    .where(_scans.c.id == bindparam("scan"))
    .values(
        points_done=_scans.c.points_done + bindparam("new"),
        progress=func.coalesce(bindparam("how_far"), _scans.c.progress),
    )
)


@dataclass(slots=True)
class Target:
    """A measurement object as the append sees it."""

    id: int
    name: str
    layout: Layout
    next_index: int
    open_from: int
    open_blocks: int
    replaced: int = 0

    @property
    def tail(self) -> Tail:
        return Tail(self.open_from, self.open_blocks, self.next_index)


def find_scan(connection: Connection, key: ScanKey) -> tuple[int, str]:
    """Number and text id of a scan.

    Raises:
        NotFoundError: there is none.
    """
    row = _found(connection, key)
    return row.id, row.scan_id


def _found(connection: Connection, key: ScanKey) -> Any:
    query = _SCAN_BY_TEXT if isinstance(key, str) else _SCAN_BY_NUMBER
    row = connection.execute(query, {"key": key}).first()
    if row is None:
        raise NotFoundError(f"there is no scan {key!r}")
    return row


def find_readings(connection: Connection, key: ScanKey) -> tuple[int, str]:
    """Number and text id of a scan whose readings are here.

    Raises:
        NotFoundError: there is none.
        InArchiveError: its readings lie in an archive.
    """
    row = _found(connection, key)
    require_here(row.scan_id, row.archive)
    return row.id, row.scan_id


def require_here(scan_id: str, archive: str | None) -> None:
    """Raise InArchiveError if a scan's readings lie in an archive."""
    if archive is not None:
        raise InArchiveError(
            f"the readings of scan {scan_id} were archived to {archive}; "
            f"`pybirch db unarchive {scan_id}` brings them back"
        )


def require_object_here(connection: Connection, number: int, *, to_stay: bool = False) -> None:
    """`require_here` of the scan of a measurement object.

    Args:
        to_stay: it is not moved to an archive before the transaction ends.
    """
    query = select(_scans.c.scan_id, _scans.c.archive).join(_objects, _objects.c.scan_id == _scans.c.id)
    query = query.where(_objects.c.id == number)
    row = connection.execute(query.with_for_update(read=True, of=_scans) if to_stay else query).first()
    if row is not None:
        require_here(row.scan_id, row.archive)


def targets(connection: Connection, scan: int) -> list[Target]:
    """The measurement objects of a scan."""
    return [Target(*row) for row in connection.execute(_TARGETS, {"scan": scan})]


def target_by_id(connection: Connection, number: int) -> tuple[Owner, Target]:
    """A measurement object by number, and its names.

    Raises:
        NotFoundError: there is none.
    """
    query = _TARGET.add_columns(_scans.c.scan_id).join(_scans, _scans.c.id == _objects.c.scan_id)
    row = connection.execute(query.where(_objects.c.id == number)).first()
    if row is None:
        raise NotFoundError(f"there is no measurement object {number}")
    return Owner(row[0], row[7], row[1]), Target(*row[:7])


def store(
    connection: Connection,
    key: ScanKey,
    batches: Sequence[Prepared],
    writer: str | None,
    progress: float | None,
    most_rows: int,
) -> int:
    """Add what is new of `batches`; gives its number."""
    scan = _locked(connection, key)
    require_here(scan.scan_id, scan.archive)
    if writer is not None:
        check_writer(scan.scan_id, scan.writer, writer)
    known = {target.name: target for target in targets(connection, scan.id)} if batches else {}
    new, replaced = 0, sum(target.replaced for target in known.values())
    for batch in batches:
        target = known.get(batch.measurement)
        if target is None:
            target = known[batch.measurement] = add_target(connection, scan.id, batch.measurement, [])
        new += store_batch(connection, Owner(target.id, scan.scan_id, target.name), target, batch, most_rows)
    if new and writer is not None and not TRANSITIONS[scan.status]:
        raise StaleWriterError(f"scan {scan.scan_id} is {scan.status}; no reading is added to it any more")
    if progress is not None and not 0 <= progress <= 1:
        raise FieldError("progress", f"{progress} is not between 0 and 1")
    if more := sum(target.replaced for target in known.values()) - replaced:
        connection.execute(_COUNT_REPLACED, {"scan": scan.id, "more": more})
    if new or progress is not None:
        connection.execute(_COUNT_UP, {"scan": scan.id, "new": new, "how_far": progress})
    return new


def next_index(connection: Connection, key: ScanKey, measurement: str) -> int:
    """Where the next reading of a measurement comes; nobody else's comes before the transaction ends.

    Raises:
        NotFoundError: no such scan.
    """
    known = targets(connection, _locked(connection, key).id)
    return next((target.next_index for target in known if target.name == measurement), 0)


def _locked(connection: Connection, key: ScanKey) -> Any:
    query = _LOCK_BY_TEXT if isinstance(key, str) else _LOCK_BY_NUMBER
    scan = connection.execute(query, {"key": key}).first()
    if scan is None:
        raise NotFoundError(f"there is no scan {key!r}")
    return scan


def check_writer(scan_id: str, holder: str | None, writer: str) -> None:
    """Raise StaleWriterError unless the scan is the writer's to write."""
    if holder == writer + ENDED:
        raise StaleWriterError(f"scan {scan_id} was marked interrupted and taken from {writer}")
    if holder != writer:
        raise StaleWriterError(f"scan {scan_id} is written by {holder or 'nobody'}, not by {writer}")


def add_target(connection: Connection, scan: int, name: str, columns: Layout) -> Target:
    """A new measurement object without readings."""
    fresh: dict[str, Any] = {"next_index": 0, "open_from": 0, "open_blocks": 0}
    number = connection.execute(
        _NEW_TARGET,
        fresh | {"scan_id": scan, "name": name, "layout": columns, "created_at": datetime.now(UTC)},
    ).scalar_one()
    return Target(number, name, columns, 0, 0, 0)


def store_batch(connection: Connection, owner: Owner, target: Target, batch: Prepared, most_rows: int) -> int:
    """Add what is new of one batch to its measurement; gives its number.

    Raises:
        FieldError: other columns than before, or a gap in the indexes.
    """
    if batch.end <= target.next_index:
        return 0
    if batch.first > target.next_index:
        raise FieldError(
            f"{owner.measurement}.first_index",
            f"reading {batch.first} would leave a gap: {target.next_index} comes next",
        )
    _settle_layout(connection, target, batch)
    skip = target.next_index - batch.first
    as_encoded = not skip and bool(batch.payload) and layout.same_order(batch.layout, target.layout)
    columns = batch.columns if as_encoded else layout.arrange(batch, target.layout)
    limit = merging.most_rows(columns, batch.count, most_rows)
    tail = target.tail
    if as_encoded and batch.count <= limit:
        block = Block(batch.first, batch.count, columns, batch.codec, batch.payload)
        tail = merging.store(connection, owner, tail, block, limit)
    else:
        for at in range(skip, batch.count, limit):
            until = min(batch.count, at + limit)
            piece = [_owned(column) for column in codec.cut(columns, at, until)]
            kind, payload = codec.encode(piece, until - at)
            block = Block(batch.first + at, until - at, piece, kind, payload)
            tail = merging.store(connection, owner, tail, block, limit)
    new = batch.end - target.next_index
    if batch.repeats:
        _note_replaced(connection, target, batch)
    _move_on(connection, target, tail)
    return new


def _note_replaced(connection: Connection, target: Target, batch: Prepared) -> None:
    """Of the readings that are new, which repeat which."""
    more = replacements.store(connection, target.id, batch.repeats, target.next_index)
    target.replaced += more
    connection.execute(_REPLACED, {"target": target.id, "more": more})


def _settle_layout(connection: Connection, target: Target, batch: Prepared) -> None:
    if target.layout == batch.layout:
        return
    if not target.next_index:
        changed: Layout | None = batch.layout
    else:
        layout.arrange(batch, target.layout)
        changed = layout.widened(target.layout, batch.layout)
    if changed is not None:
        target.layout = changed
        connection.execute(_RELAYOUT, {"target": target.id, "columns": changed})


def _move_on(connection: Connection, target: Target, tail: Tail) -> None:
    target.open_from, target.open_blocks, target.next_index = (
        tail.open_from,
        tail.open_blocks,
        tail.next_index,
    )
    connection.execute(
        _MOVE_ON,
        {"target": target.id, "next": tail.next_index, "open_": tail.open_from, "blocks": tail.open_blocks},
    )


def _owned(column: Column) -> Column:
    return np.ascontiguousarray(column) if isinstance(column, np.ndarray) else column
