"""Whether readings lie on a grid of positions, and where in it each lies.

A nested walk visits every combination of its axes' positions, the outer axis slowest; broken off
anywhere, it has visited at least half of the combinations of the positions it has been to. A walk
that moves two axes together has visited far fewer. So the readings tell by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULLEST = 0.5
"""The share of a grid that is filled at least."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The axes of a grid, outer first, and the cell of each reading.

    Attributes:
        axes: position column -> its coordinates in the order in which they were first visited.
        repeats: readings a cell has at most; above 1 there is an axis more, the innermost.
        cells: flat place of each reading in the grid, int64, shape (n,).
    """

    axes: dict[str, NDArray[np.float64]]
    repeats: int
    cells: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        sizes = tuple(len(coordinates) for coordinates in self.axes.values())
        return (*sizes, self.repeats) if self.repeats > 1 else sizes


def find_grid(positions: Mapping[str, NDArray[np.float64]]) -> Grid | None:
    """The grid of readings taken at these positions (name -> (n,)); None if they lie on none."""
    if not positions:
        return None
    count = len(next(iter(positions.values())))
    if not count or any(not np.isfinite(values).all() for values in positions.values()):
        return None
    axes: dict[str, NDArray[np.float64]] = {}
    cells = np.zeros(count, dtype=np.int64)
    for name, values in positions.items():
        coordinates, places = _in_order_of_visit(values)
        axes[name] = coordinates
        if prod(map(len, axes.values())) * FULLEST > count:
            return None
        cells = cells * len(coordinates) + places
    occurrence = occurrences(cells)
    repeats = int(occurrence.max()) + 1
    if prod(map(len, axes.values())) * repeats * FULLEST > count:
        return None
    return Grid(axes, repeats, cells * repeats + occurrence)


def _in_order_of_visit(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distinct values as they first came, and of each value which of them it is."""
    distinct, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return distinct[order], rank[inverse].astype(np.int64)


def occurrences(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each reading, how many before it have its cell."""
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    begins = np.append(True, ordered[1:] != ordered[:-1])
    place = np.arange(len(cells))
    within = place - np.maximum.accumulate(np.where(begins, place, 0))
    counts = np.empty(len(cells), dtype=np.int64)
    counts[order] = within
    return counts
