"""A long range in few points, with every extreme kept.

Scalars: the range is cut into bins; each gives two points that hold, column by column, its lowest
and highest value in the order in which they were measured. A column that only rises or falls (a
time, a swept position) thus gives the bin's first and last reading. Arrays: every n-th reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from database import codec
from database.codec import Column
from database.services import blocks, layout, summaries
from database.services.blocks import Owner
from database.services.layout import Layout
from database.services.summaries import MAX, MEAN, MIN, ORDER, Bins
from pybirch.blocks import join
from pybirch.events import Readings
from pybirch.wire import join_column

MOST_ARRAY_VALUES = 500_000
"""An overview of arrays has at most about this many numbers."""


@dataclass(frozen=True, slots=True)
class Overview:
    """``first_index … end_index - 1`` in few points.

    Attributes:
        stride: readings that one bin (two points) stands for; for arrays, that one point stands
            for; 1 when these are all readings.
        indexes: sequence_index of each point: first and last reading of its bin.
        readings: the points' columns, as `Readings` (whose indexes are not consecutive here).
        bin_starts: for scalars in bins, the first index of each bin; a bin of one reading gives
            one point.
        means: each data column's mean per bin.
    """

    first_index: int
    end_index: int
    stride: int
    indexes: NDArray[np.int64]
    readings: Readings
    bin_starts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    means: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def every_reading(readings: Readings) -> Overview:
    """The overview of a range so short that it is shown as it is."""
    first, end = readings.first_index, readings.end_index
    return Overview(first, end, 1, np.arange(first, end), readings)


def joined(parts: Sequence[Overview], start: int, end: int) -> Overview:
    """The overview of ``start … end - 1`` of the overviews of some stretches of it, at least one."""
    first = parts[0]
    readings = [part.readings for part in parts]
    lined_up = [replace(r, first_index=at) for r, at in zip(readings, _places(readings), strict=True)]
    return Overview(
        first_index=start,
        end_index=end,
        stride=max(part.stride for part in parts),
        indexes=np.concatenate([part.indexes for part in parts]),
        readings=join(lined_up),
        bin_starts=np.concatenate([part.bin_starts for part in parts]),
        means={
            name: np.concatenate([part.means[name] for part in parts])
            for name in first.means
            if all(name in part.means for part in parts)
        },
    )


def _places(readings: Sequence[Readings]) -> list[int]:
    return [0, *np.cumsum([r.count for r in readings[:-1]]).tolist()]


def of_scalars(
    connection: Connection,
    owner: Owner,
    columns: Layout,
    wanted: Sequence[str] | None,
    start: int,
    end: int,
    most: int,
) -> Overview:
    """Extremes of ``start … end - 1`` in `most` points."""
    stride = -(-(end - start) // max(1, most // 2))
    levels = [(tier, count) for tier, size, count in summaries.tiers(connection, owner) if size <= stride]
    fine = Bins.joined(list(_cover(connection, owner, levels, start, end, stride)))
    bins = fine.coarser(summaries.group_starts(fine.starts, start, stride))
    first, last = bins.starts, bins.ends - 1
    pair = np.stack([np.ones(len(first), dtype=bool), last > first], axis=1).reshape(-1)
    falling = bins.stats[ORDER] > 0
    before = np.where(falling, bins.stats[MAX], bins.stats[MIN])
    after = np.where(falling, bins.stats[MIN], bins.stats[MAX])
    points: list[Any] = [
        np.stack([a, b], axis=1).reshape(-1)[pair] for a, b in zip(before, after, strict=True)
    ]
    points[-1] = points[-1].astype(np.int64)
    keep = layout.chosen(columns, wanted)
    return Overview(
        first_index=start,
        end_index=end,
        stride=stride,
        indexes=np.stack([first, last], axis=1).reshape(-1)[pair],
        readings=layout.to_readings(owner.scan_id, owner.measurement, start, columns, points, wanted),
        bin_starts=bins.starts,
        means={
            join_column(column["name"], column["unit"]): bins.stats[MEAN, i]
            for i, column in enumerate(columns)
            if i in keep and column["role"] == "data"
        },
    )


def _cover(
    connection: Connection, owner: Owner, levels: list[tuple[int, int]], start: int, end: int, stride: int
) -> list[Bins]:
    """Bins no coarser than `stride` that cover the range, the coarsest there are."""
    if start >= end:
        return []
    if not levels:
        rows = blocks.fetch(connection, owner.id, start, end)
        return [
            Bins.of_readings(first, columns, _part_of(stride))
            for first, columns in blocks.cut_out(rows, owner, start, end)
        ]
    (tier, longest), finer = levels[0], levels[1:]
    found: list[Bins] = []
    at = start
    for row in summaries.fetch(connection, owner, tier, start - longest + 1, end):
        if row.bin > stride or row.first_index + row.held <= at:
            continue
        inside = summaries.take_out(row, owner).inside(at, end)
        if inside is not None:
            found += _cover(connection, owner, finer, at, int(inside.starts[0]), stride)
            found.append(inside)
            at = inside.end
    return found + _cover(connection, owner, finer, at, end, stride)


def _part_of(stride: int) -> int:
    """Readings a bin of raw data takes: a fraction, so that bins of about `stride` can be made."""
    return max(1, stride // 8)


def of_arrays(
    connection: Connection,
    owner: Owner,
    columns: Layout,
    wanted: Sequence[str] | None,
    start: int,
    end: int,
    most: int,
) -> Overview:
    """Every n-th reading of ``start … end - 1``."""
    first = next(
        blocks.cut_out(blocks.fetch(connection, owner.id, start, start + 1), owner, start, start + 1)
    )
    per_reading = max(1, codec.raw_size(first[1]) // 8)
    most = max(2, min(most, MOST_ARRAY_VALUES // per_reading))
    stride = max(1, -(-(end - start) // most))
    indexes = np.arange(start, end, stride)
    parts: list[list[Column]] = []
    for place in blocks.places(connection, owner.id, start, end):
        here = indexes[(indexes >= place.first_index) & (indexes < place.first_index + place.held)]
        if here.size:
            row = blocks.fetch(connection, owner.id, int(here[0]), int(here[0]) + 1)[0]
            parts.append(_picked(blocks.take_out(row, owner), here - row.first_index))
    readings = layout.to_readings(owner.scan_id, owner.measurement, start, columns, codec.join(parts), wanted)
    return Overview(start, end, stride, indexes, readings)


def _picked(columns: Sequence[Column], places: NDArray[np.int64]) -> list[Column]:
    return [
        [column[int(i)] for i in places] if isinstance(column, list) else column[places] for column in columns
    ]
