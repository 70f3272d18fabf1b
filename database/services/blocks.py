"""The statements on stored blocks, prepared once, and taking a block out with its checksum checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from sqlalchemy import Connection, Table, bindparam, delete, func, insert, select

from database import codec
from database.codec import Column
from database.errors import DamagedDataError
from database.models.block import MeasurementBlock
from database.session import BLOBS

OPEN, FULL = 0, 100
"""Levels: as it came; merged for good. Between them, how often it was merged."""

blocks = cast(Table, MeasurementBlock.__table__)

_INSERT = insert(blocks)
_DELETE = delete(blocks).where(
    blocks.c.measurement_object_id == bindparam("owner"),
    blocks.c.first_index >= bindparam("first"),
    blocks.c.first_index < bindparam("end"),
)
_BEFORE = (
    select(blocks.c.first_index, blocks.c.count.label("held"), blocks.c.level)
    .where(blocks.c.measurement_object_id == bindparam("owner"), blocks.c.first_index < bindparam("end"))
    .order_by(blocks.c.first_index.desc())
    .limit(bindparam("most"))
)
_start = (
    select(func.max(blocks.c.first_index))
    .where(blocks.c.measurement_object_id == bindparam("owner"), blocks.c.first_index <= bindparam("start"))
    .scalar_subquery()
)
_RANGE = (
    select(
        blocks.c.first_index,
        blocks.c.count.label("held"),
        blocks.c.level,
        blocks.c.codec,
        blocks.c.checksum,
        blocks.c.payload,
    )
    .where(
        blocks.c.measurement_object_id == bindparam("owner"),
        blocks.c.first_index >= func.coalesce(_start, bindparam("start")),
        blocks.c.first_index < bindparam("end"),
    )
    .order_by(blocks.c.first_index)
    .limit(bindparam("most"))
    .execution_options(**BLOBS)
)
_PLACES = (
    select(blocks.c.first_index, blocks.c.count.label("held"))
    .where(
        blocks.c.measurement_object_id == bindparam("owner"),
        blocks.c.first_index >= func.coalesce(_start, bindparam("start")),
        blocks.c.first_index < bindparam("end"),
    )
    .order_by(blocks.c.first_index)
)
NO_LIMIT = 1 << 40


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose blocks: the measurement object and its names, for errors."""

    id: int
    scan_id: str
    measurement: str


def add(
    connection: Connection, owner: int, first: int, count: int, level: int, kind: int, payload: bytes
) -> None:
    connection.execute(
        _INSERT,
        {
            "measurement_object_id": owner,
            "first_index": first,
            "count": count,
            "level": level,
            "codec": kind,
            "checksum": codec.checksum(owner, first, count, kind, payload),
            "payload": payload,
        },
    )


def remove(connection: Connection, owner: int, first: int, end: int) -> None:
    """Take away the blocks that begin in ``first … end - 1``."""
    connection.execute(_DELETE, {"owner": owner, "first": first, "end": end})


def before(connection: Connection, owner: int, end: int, most: int) -> Sequence[Any]:
    """(first_index, count, level) of the last blocks that begin before `end`, latest first."""
    return connection.execute(_BEFORE, {"owner": owner, "end": end, "most": most}).all()


def fetch(connection: Connection, owner: int, start: int, end: int, most: int = NO_LIMIT) -> Sequence[Any]:
    """The rows of the blocks that hold ``start … end - 1``, in order, `most` at most."""
    return connection.execute(_RANGE, {"owner": owner, "start": start, "end": end, "most": most}).all()


def places(connection: Connection, owner: int, start: int, end: int) -> Sequence[Any]:
    """(first_index, count) of the blocks that hold ``start … end - 1``."""
    return connection.execute(_PLACES, {"owner": owner, "start": start, "end": end}).all()


def take_out(row: Any, owner: Owner, *, lasting: bool = True) -> list[Column]:
    """The decoded columns of a fetched row.

    Args:
        lasting: else they hold until the next is taken out in this thread.

    Raises:
        DamagedDataError: the bytes are not those that were stored.
    """
    intact = codec.checksum(owner.id, row.first_index, row.held, row.codec, row.payload) == row.checksum
    problem: Exception | None = None
    if intact:
        try:
            return codec.decode(row.payload, row.codec, row.held, lasting=lasting)
        except ValueError as error:
            problem = error
    raise DamagedDataError(
        f"scan {owner.scan_id}, measurement {owner.measurement!r}: readings {row.first_index} to "
        f"{row.first_index + row.held - 1} are damaged in the database "
        f"({problem or 'checksum does not match'})"
    ) from problem


def missing(owner: Owner, first: int, end: int) -> NoReturn:
    """Say that readings which were stored are not there."""
    raise DamagedDataError(
        f"scan {owner.scan_id}, measurement {owner.measurement!r}: readings {first} to {end - 1} "
        "are missing in the database"
    )


def cut_out(
    rows: Sequence[Any], owner: Owner, start: int, end: int, *, lasting: bool = True
) -> Iterator[tuple[int, list[Column]]]:
    """(first index, columns) of each row, limited to ``start … end - 1``.

    Args:
        lasting: else the columns hold until the next are asked for.

    Raises:
        DamagedDataError: a block is damaged, or one between them is missing.
    """
    expected = start
    for row in rows:
        if row.first_index > expected:
            missing(owner, expected, row.first_index)
        last = min(end, row.first_index + row.held)
        columns = take_out(row, owner, lasting=lasting)
        if expected > row.first_index or last < row.first_index + row.held:
            columns = codec.cut(columns, expected - row.first_index, last - row.first_index)
        yield expected, columns
        expected = last
