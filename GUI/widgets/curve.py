"""What of a record is drawn: the numbers of two columns, thinned to what a screen can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from GUI.record import Record

INDEX = "reading"
TIME = "time (s)"
MOST_DRAWN = 8_000
"""Above this many points a curve is thinned."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Choices:
    """Columns that may be drawn across and up, and where to begin."""

    x: list[str]
    y: list[str]
    first_x: str
    first_y: str


def choices_of(record: Record) -> Choices:
    """Numbers against a position where there is one, else against the reading's number."""
    arrays = list(record.arrays)
    if arrays:
        across = [INDEX, *arrays]
        up = arrays if len(arrays) == 1 else arrays[1:] + arrays[:1]
        return Choices(across, up, arrays[0] if len(arrays) > 1 else INDEX, up[0])
    positions, values = list(record.positions), list(record.values)
    across = [*positions, INDEX, TIME, *values]
    up = [*values, *positions]
    first = _moving(record) if positions else INDEX
    return Choices(across, up, first, up[0] if up else "")


def _moving(record: Record) -> str:
    """The position that changes most often: the innermost movement."""
    changes = {
        name: int(np.count_nonzero(np.diff(column.view()[:10_000])))
        for name, column in record.positions.items()
    }
    names = list(changes)
    return max(names, key=lambda name: (changes[name], names.index(name)))


def numbers(record: Record, name: str) -> Floats:
    """One number a reading."""
    if name == TIME:
        times = record.times.view()
        known = times[np.isfinite(times)]
        return times - known[0] if len(known) else times
    if name == INDEX:
        return record.index()
    return record.scalars()[name]


def points(record: Record, x: str, y: str) -> tuple[Floats, Floats]:
    """What to draw of `y` against `x`, at most about MOST_DRAWN points; outliers stay."""
    across, up = numbers(record, x), numbers(record, y)
    length = min(len(across), len(up))
    across, up = across[:length], up[:length]
    if length <= MOST_DRAWN:
        return across, up
    return thin(across, up, MOST_DRAWN)


def thin(across: Floats, up: Floats, most: int) -> tuple[Floats, Floats]:
    """The lowest and highest of each group of neighbours, in their order."""
    size = -(-len(up) // (most // 2))
    groups = len(up) // size
    whole = groups * size
    filled = np.where(np.isfinite(up[:whole]), up[:whole], np.nan).reshape(groups, size)
    low = np.argmin(np.where(np.isnan(filled), np.inf, filled), axis=1)
    high = np.argmax(np.where(np.isnan(filled), -np.inf, filled), axis=1)
    start = np.arange(groups) * size
    picked = np.sort(np.stack([start + low, start + high], axis=1), axis=1).reshape(-1)
    picked = np.concatenate([picked, np.arange(whole, len(up))])
    return across[picked], up[picked]


def breaks(across: Floats) -> NDArray[np.int32] | None:
    """Where not to join points: a sweep that begins again. None where all are joined."""
    steps = np.diff(across)
    span = np.ptp(across) if len(across) else 0.0
    if len(steps) < 3 or not np.isfinite(span) or span == 0:
        return None
    jumps = np.abs(steps) > 0.5 * span
    if not jumps.any() or jumps.mean() > 0.34:
        return None
    return np.append(~jumps, True).astype(np.int32)


def picture(record: Record, name: str) -> Any:
    """Readings that are arrays as an image, a row each; None when their lengths differ."""
    rows = record.arrays.get(name) or []
    if not rows or any(len(row) != len(rows[-1]) for row in rows):
        return None
    step = max(1, len(rows) // 1_000)
    return np.stack(rows[::step])
