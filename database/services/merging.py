"""Small blocks become large ones as they come, so that a slow day is as quick to read as a fast minute.

Blocks arrive at level 0. When 64 of one level stand in a row, or one more would pass the limit of
rows, they become one block of the next level, in the transaction of the append that completed
them. A block of at least half the limit is full: it gets a summary and is left alone, and so does
what stands before it. Full blocks thus follow one another from the first reading on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from database import codec
from database.codec import Column
from database.errors import DamagedDataError
from database.services import blocks, summaries
from database.services.blocks import FULL, OPEN, Owner

log = logging.getLogger(__name__)

FAN = 64
MOST_ROWS = 65_536
MOST_BYTES = 4 << 20
CAREFUL = 3
"""How hard zstd tries where a block is written for good."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The blocks not merged yet: how many, from which index, and where the next reading comes."""

    open_from: int
    open_blocks: int
    next_index: int


def most_rows(columns: Sequence[Column], count: int, limit: int = MOST_ROWS) -> int:
    """Rows of such columns that one block may have."""
    per_row = max(1, codec.raw_size(columns) // max(1, count))
    return max(1, min(limit, MOST_BYTES // per_row))


def store(connection: Connection, owner: Owner, tail: Tail, block: Block, limit: int) -> Tail:
    """Add one block behind `tail`, merging where that is due; gives the new tail."""
    full = 2 * block.count >= limit
    if full:
        _close(connection, owner, tail.next_index)
    level = FULL if full else OPEN
    blocks.add(connection, owner.id, block.first, block.count, level, block.codec, block.payload)
    end = block.first + block.count
    if full:
        summaries.add(connection, owner, block.first, block.columns)
        return Tail(end, 0, end)
    tail = replace(tail, open_blocks=tail.open_blocks + 1, next_index=end)
    if tail.open_blocks >= FAN or end - tail.open_from + block.count > limit:
        tail = _merge_open(connection, owner, tail, limit)
    return tail


@dataclass(frozen=True, slots=True)
class Block:
    """One encoded block on its way to the database."""

    first: int
    count: int
    columns: list[Column]
    codec: int
    payload: bytes


def _close(connection: Connection, owner: Owner, end: int) -> None:
    """Make one full block of what is not full before `end`, since a full one follows."""
    first, pieces = _unfinished(connection, owner, end)
    if pieces:
        _merge(connection, owner, first, end, FULL, MOST_ROWS)


def _unfinished(connection: Connection, owner: Owner, end: int) -> tuple[int, int]:
    """(first index, number) of the blocks before `end` that are not full."""
    first, pieces = end, 0
    for row in blocks.before(connection, owner.id, end, FAN * 8):
        if row.level == FULL:
            break
        first, pieces = row.first_index, pieces + 1
    return first, pieces


def _merge_open(connection: Connection, owner: Owner, tail: Tail, limit: int) -> Tail:
    if tail.open_blocks > 1:
        level: int | None = _merge(connection, owner, tail.open_from, tail.next_index, OPEN + 1, limit)
        while level is not None and level != FULL:
            level = _merge_level(connection, owner, tail.next_index, level, limit)
    return Tail(tail.next_index, 0, tail.next_index)


def _merge_level(connection: Connection, owner: Owner, end: int, level: int, limit: int) -> int | None:
    """Merge the last blocks of `level` if they are enough; gives the new block's level."""
    run: list[Any] = []
    for row in blocks.before(connection, owner.id, end, FAN):
        if row.level != level:
            break
        run.append(row)
    first = run[-1].first_index
    if len(run) < FAN and end - first + run[0].held <= limit:
        return None
    if len(run) == 1:
        return None
    return _merge(connection, owner, first, end, level + 1, limit)


def _merge(connection: Connection, owner: Owner, first: int, end: int, level: int, limit: int) -> int | None:
    """Make one block of those in ``first … end - 1``; None where a damaged one forbids it."""
    try:
        parts = [
            columns
            for _, columns in blocks.cut_out(
                blocks.fetch(connection, owner.id, first, end), owner, first, end
            )
        ]
    except DamagedDataError as error:
        log.error("not merged: %s", error)
        return None
    columns = codec.join(parts)
    count = end - first
    kind, payload = codec.encode(columns, count, CAREFUL)
    if 2 * count >= min(limit, most_rows(columns, count, limit)):
        level = FULL
    blocks.remove(connection, owner.id, first, end)
    blocks.add(connection, owner.id, first, count, level, kind, payload)
    if level == FULL:
        summaries.add(connection, owner, first, columns)
    return level
