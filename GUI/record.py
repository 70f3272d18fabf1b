"""The readings of one measurement as the window holds them: each once, in order, in growing columns."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pybirch.blocks import since
from pybirch.events import Readings

MOST_ARRAYS = 2_000
"""Of readings that are arrays, the newest so many are held."""


class Taken(Enum):
    NEW = "new"
    DOUBLE = "double"
    GAP = "gap"


class Column:
    """Numbers, one a reading, in an array that grows by doubling."""

    def __init__(self) -> None:
        self._values = np.empty(1024)
        self._length = 0

    def extend(self, values: NDArray[np.float64]) -> None:
        end = self._length + len(values)
        if end > len(self._values):
            larger = np.empty(max(end, 2 * len(self._values)))
            larger[: self._length] = self._values[: self._length]
            self._values = larger
        self._values[self._length : end] = values
        self._length = end

    def view(self) -> NDArray[np.float64]:
        """What is held so far; valid until the next `extend`."""
        return self._values[: self._length]


class Record:
    """Args:
    start: index of the first reading wanted; earlier ones are not held.
    """

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.end = start
        self.positions: dict[str, Column] = {}
        self.values: dict[str, Column] = {}
        self.arrays: dict[str, list[NDArray[np.float64]]] = {}
        self.times = Column()

    def __len__(self) -> int:
        return self.end - self.start

    def take(self, block: Readings) -> Taken:
        """Add what is new in `block`."""
        if block.end_index <= self.end:
            return Taken.DOUBLE
        if block.first_index > self.end:
            return Taken.GAP
        block = since(block, self.end)
        for name, values in block.positions.items():
            self.positions.setdefault(name, Column()).extend(values)
        for name, values in block.values.items():
            self._take_values(name, values)
        self.times.extend(block.times)
        self.end = block.end_index
        return Taken.NEW

    def _take_values(self, name: str, values: Any) -> None:
        if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype != object:
            self.values.setdefault(name, Column()).extend(values)
            return
        held = self.arrays.setdefault(name, [])
        held.extend(np.asarray(row, dtype=float) for row in values)
        del held[: max(0, len(held) - MOST_ARRAYS)]

    def index(self) -> NDArray[np.float64]:
        return np.arange(self.start, self.end, dtype=float)

    def scalars(self) -> dict[str, NDArray[np.float64]]:
        """Every column of numbers: positions first, then values."""
        return {name: column.view() for name, column in (self.positions | self.values).items()}
