"""Summaries examined: those of blocks against the blocks, those above against those below."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from sqlalchemy import Connection

from database.care.findings import Finding, Kind
from database.codec import Column
from database.errors import DamagedDataError
from database.services import summaries
from database.services.blocks import FULL, Owner
from database.services.summaries import MEAN, Bins

Open = Callable[[], AbstractContextManager[Connection]]
Note = Callable[..., Finding]
ROWS_AT_ONCE = 256


def of_rows(connection: Connection, owner: Owner, rows: Sequence[Any]) -> dict[int, Any]:
    """The summaries of these blocks, by first index."""
    if not rows:
        return {}
    start, end = rows[0].first_index, rows[-1].first_index + 1
    return {row.first_index: row for row in summaries.fetch(connection, owner, 0, start, end)}


def of_block(
    row: Any, columns: Sequence[Column] | None, known: Mapping[int, Any], owner: Owner, note: Note
) -> Iterator[Finding]:
    """Whether a full block's summary says what the block says."""
    if row.level != FULL:
        return
    first, end = row.first_index, row.first_index + row.held
    held = known.get(first)
    if held is None or held.held != row.held:
        if columns is not None:
            yield note(Kind.SUMMARY, "the summary is missing", first, end)
    elif problem := disagreement(
        held, owner, None if columns is None else [summaries.of_block(first, columns)]
    ):
        yield note(Kind.SUMMARY, problem, first, end)


def disagreement(row: Any, owner: Owner, expected: Sequence[tuple[int, Bins]] | None) -> str | None:
    """What is wrong with a stored summary; `expected` is what it should be, if that is known."""
    try:
        found = summaries.take_out(row, owner)
    except (DamagedDataError, ValueError):
        return "the summary is damaged"
    for size, bins in expected or ():
        if row.bin != size or not agree(found, bins):
            return "the summary does not agree with the readings"
    return None


def agree(a: Bins, b: Bins) -> bool:
    """Whether two summaries are the same; means may differ in how they were rounded."""
    if a.end != b.end or a.stats.shape != b.stats.shape or not np.array_equal(a.starts, b.starts):
        return False
    exact = [kind for kind in range(a.stats.shape[0]) if kind != MEAN]
    with np.errstate(all="ignore"):
        close = np.isclose(a.stats[MEAN], b.stats[MEAN], rtol=1e-6, atol=0, equal_nan=True)
        tiny = np.abs(a.stats[MEAN] - b.stats[MEAN]) <= 1e-9 * np.fmax(np.abs(a.stats[0]), np.abs(a.stats[1]))
    return bool(np.all(close | tiny)) and np.array_equal(a.stats[exact], b.stats[exact], equal_nan=True)


def upper(look: Open, owner: Owner, note: Note) -> Iterator[Finding]:
    """Whether each summary above says what those below it say, and none is missing."""
    with look() as connection:
        tiers = [row[0] for row in summaries.tiers(connection, owner)]
    for tier in range(1, max(tiers, default=0) + 1):
        yield from _tier(look, owner, tier, note)
    for tier in range(max(tiers, default=-1) + 1):
        free = _uncovered(look, owner, tier)
        for first, end in summaries.runs(free):
            yield note(Kind.SUMMARY, f"the summary above tier {tier} is missing", first, end)


def _tier(look: Open, owner: Owner, tier: int, note: Note) -> Iterator[Finding]:
    for place in _places(look, owner, tier):
        first, end = place.first_index, place.first_index + place.held
        with look() as connection:
            row = summaries.fetch(connection, owner, tier, first, first + 1)
            below = summaries.fetch(connection, owner, tier - 1, first, end)
        if row and (problem := _above(row[0], below, owner)):
            yield note(Kind.SUMMARY, f"tier {tier}: {problem}", first, end)


def _above(row: Any, below: Sequence[Any], owner: Owner) -> str | None:
    try:
        parts = [summaries.take_out(part, owner) for part in below]
    except (DamagedDataError, ValueError):
        return disagreement(row, owner, None)
    tiled = bool(parts) and all(a.end == int(b.starts[0]) for a, b in itertools.pairwise(parts))
    if not tiled or int(parts[0].starts[0]) != row.first_index or parts[-1].end != row.first_index + row.held:
        return "the summary is of others than there are"
    return disagreement(row, owner, [summaries.of_summaries(parts)])


def _places(look: Open, owner: Owner, tier: int) -> Iterator[Any]:
    """(first_index, count) of a tier's rows, read a few at a time."""
    at = 0
    while True:
        with look() as connection:
            rows = summaries.places(connection, owner, tier, at, ROWS_AT_ONCE)
        yield from rows
        if len(rows) < ROWS_AT_ONCE:
            return
        at = rows[-1].first_index + 1


def _uncovered(look: Open, owner: Owner, tier: int) -> Iterator[Any]:
    """The rows of a tier that no row above holds."""
    above = _places(look, owner, tier + 1)
    held = next(above, None)
    for place in _places(look, owner, tier):
        while held is not None and held.first_index + held.held <= place.first_index:
            held = next(above, None)
        if held is None or place.first_index < held.first_index:
            yield place
