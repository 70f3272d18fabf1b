"""The grid of readings that come piece by piece: what `pybirch.dataset.grid` finds in whole columns.

What is held is the axes, and a byte for each cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from pybirch.dataset.grid import FULLEST, occurrences

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_AXIS = 1_000_000
"""Places of one axis; a walk with more of them is written as a row of readings."""


class Axis:
    """The places of one axis in the order in which they were first visited."""

    def __init__(self) -> None:
        self._sorted = np.empty(0)
        self._visits = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._sorted)

    @property
    def coordinates(self) -> NDArray[np.float64]:
        return self._sorted[np.argsort(self._visits)]

    def add(self, values: NDArray[np.float64]) -> None:
        distinct, first = np.unique(values, return_index=True)
        unknown = ~np.isin(distinct, self._sorted)
        if not unknown.any():
            return
        fresh, first = distinct[unknown], first[unknown]
        visits = np.empty(len(fresh), dtype=np.int64)
        visits[np.argsort(first)] = np.arange(len(self), len(self) + len(fresh))
        merged = np.concatenate([self._sorted, fresh])
        order = np.argsort(merged)
        self._sorted = merged[order]
        self._visits = np.concatenate([self._visits, visits])[order]

    def put_in_order(self) -> None:
        """Places that neither rise nor fall: from now on as if they had been visited from low to high."""
        steps = np.diff(self._visits)
        if not ((steps > 0).all() or (steps < 0).all()):
            self._visits = np.arange(len(self))

    def places(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        return self._visits[np.searchsorted(self._sorted, values)]


class GridFinder:
    """Hears of all readings twice: first `add`, then, where `is_possible`, `count_repeats`.

    Args:
        names: position columns, outer first.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.axes = {name: Axis() for name in names}
        self.is_possible = bool(names)
        self.count = 0
        self.repeats = 1

    def add(self, positions: Mapping[str, NDArray[np.float64]]) -> None:
        self.count += len(next(iter(positions.values()), ()))
        if not self.is_possible:
            return
        for name, axis in self.axes.items():
            if not np.isfinite(positions[name]).all():
                self.is_possible = False
                return
            axis.add(positions[name])
            self.is_possible &= len(axis) <= LONGEST_AXIS

    def end_of_first(self) -> None:
        """All places are known."""
        lengths = [len(axis) for axis in self.axes.values()]
        self.is_possible &= self.count > 0
        for several in range(1, len(lengths) + 1):
            self.is_possible &= prod(lengths[:several]) * FULLEST <= self.count
        self._repeats = Repeats(prod(lengths)) if self.is_possible else None

    def count_repeats(self, positions: Mapping[str, NDArray[np.float64]]) -> NDArray[np.int64]:
        """Gives the flat place of each."""
        places = self.places(positions)
        if self._repeats is not None:
            self.repeats = max(self.repeats, int(self._repeats.take(places).max(initial=0)) + 1)
        return places

    def end(self) -> Grid | None:
        """The grid, if they lie on one."""
        cells = prod(len(axis) for axis in self.axes.values())
        if not self.is_possible or cells * self.repeats * FULLEST > self.count:
            return None
        return Grid(self.axes, self.repeats)

    def places(self, positions: Mapping[str, NDArray[np.float64]]) -> NDArray[np.int64]:
        return flat_places(self.axes, positions)


class Repeats:
    """How often each cell was measured so far."""

    def __init__(self, cells: int) -> None:
        self._counts: NDArray[np.unsignedinteger] = np.zeros(cells, dtype=np.uint8)

    def take(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of each of these readings, how many before it had its cell."""
        occurrence = self._counts[cells] + occurrences(cells)
        if occurrence.max(initial=0) >= np.iinfo(self._counts.dtype).max:
            self._counts = self._counts.astype(np.uint32)
        np.maximum.at(self._counts, cells, (occurrence + 1).astype(self._counts.dtype))
        return occurrence


class Grid:
    """Where readings lie, told once from first to last.

    Args:
        axes: position column -> its places, outer first.
        repeats: readings a cell has at most; above 1 there is an axis more, the innermost.
    """

    def __init__(self, axes: Mapping[str, Axis], repeats: int) -> None:
        self.axes = axes
        self.repeats = repeats
        self._seen = Repeats(prod(map(len, axes.values()))) if repeats > 1 else None

    @property
    def shape(self) -> tuple[int, ...]:
        sizes = tuple(map(len, self.axes.values()))
        return (*sizes, self.repeats) if self.repeats > 1 else sizes

    def in_order(self) -> Grid:
        """The same with axes that rise or fall; asked before `cells`."""
        for axis in self.axes.values():
            axis.put_in_order()
        return self

    def cells(self, positions: Mapping[str, NDArray[np.float64]]) -> NDArray[np.int64]:
        """Flat place of each reading of the next piece."""
        places = flat_places(self.axes, positions)
        return places if self._seen is None else places * self.repeats + self._seen.take(places)


def flat_places(axes: Mapping[str, Axis], positions: Mapping[str, NDArray[np.float64]]) -> NDArray[np.int64]:
    cells = np.zeros(len(next(iter(positions.values()))), dtype=np.int64)
    for name, axis in axes.items():
        cells = cells * len(axis) + axis.places(positions[name])
    return cells


Slab = tuple[slice, ...]


def slabs(shape: tuple[int, ...], start: int, stop: int) -> Iterator[Slab]:
    """The boxes that flat places `start` to `stop` of an array of that shape fill, in their order."""
    if len(shape) == 1:
        yield (slice(start, stop),)
        return
    inner = prod(shape[1:])
    while start < stop:
        row, offset = divmod(start, inner)
        rows = (stop - start) // inner
        if offset == 0 and rows:
            yield (slice(row, row + rows), *(slice(0, size) for size in shape[1:]))
            start += rows * inner
            continue
        end = min(stop, (row + 1) * inner)
        for rest in slabs(shape[1:], offset, offset + end - start):
            yield (slice(row, row + 1), *rest)
        start = end


def runs(cells: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Bounds of the stretches in sorted cells that follow each other without a gap."""
    if not len(cells):
        return
    breaks = (np.flatnonzero(np.diff(cells) != 1) + 1).tolist()
    yield from zip([0, *breaks], [*breaks, len(cells)], strict=True)
