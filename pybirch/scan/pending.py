"""Readings on their way from the engine to the outlet, in columns: nothing is made per reading.

The engine's thread appends and the outlet's takes, without a lock: each list operation is one step
for the interpreter, and the engine appends to `values` last, a whole step at a time. So whatever
`values` has, the other columns have too, and no step is split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Pending:
    """What the engine has measured and the outlet has not taken yet.

    Args:
        axes: number of axes; so many positions belong to each reading.

    Attributes:
        numbers: measurement of each reading; empty where the scan has only one.
        steps, times: of each reading; times in seconds since 1970.
        positions: of all axes, reading after reading.
        values: as the measurements gave them.
    """

    __slots__ = ("axes", "numbers", "positions", "steps", "times", "values")

    def __init__(self, axes: int) -> None:
        self.axes = axes
        self.numbers: list[int] = []
        self.steps: list[int] = []
        self.times: list[float] = []
        self.positions: list[float] = []
        self.values: list[Any] = []

    def __len__(self) -> int:
        return len(self.values)

    def take(self) -> Batch:
        """All that is there, for the outlet."""
        count = len(self.values)
        batch = Batch(
            self.axes,
            self.numbers[:count],
            self.steps[:count],
            self.times[:count],
            self.positions[: count * self.axes],
            self.values[:count],
        )
        del self.numbers[:count], self.steps[:count], self.times[:count]
        del self.positions[: count * self.axes], self.values[:count]
        return batch


@dataclass(frozen=True)
class Batch:
    """Some consecutive readings; the columns are those of `Pending`."""

    axes: int
    numbers: list[int]
    steps: list[int]
    times: list[float]
    positions: list[float]
    values: list[Any]

    def __len__(self) -> int:
        return len(self.values)

    def part(self, start: int, end: int) -> Batch:
        """Readings `start` to `end`."""
        if start <= 0 and end >= len(self):
            return self
        return Batch(
            self.axes,
            self.numbers[start:end],
            self.steps[start:end],
            self.times[start:end],
            self.positions[start * self.axes : end * self.axes],
            self.values[start:end],
        )

    def before_step(self, step: int) -> Batch:
        """What was read before that step."""
        return self.part(0, next((i for i, other in enumerate(self.steps) if other >= step), len(self)))

    def by_measurement(self) -> dict[int, Batch]:
        """Number of the measurement -> its readings."""
        if not self.numbers:
            return {0: self} if len(self) else {}
        return {number: self._of(number) for number in sorted(set(self.numbers))}

    def table(self) -> NDArray[np.float64]:
        """The positions, a row per reading and a column per axis.

        Raises:
            TypeError, ValueError: one of them is no number.
        """
        return np.array(self.positions, dtype=np.float64).reshape(len(self), self.axes)

    def _of(self, wanted: int) -> Batch:
        chosen = [i for i, number in enumerate(self.numbers) if number == wanted]
        if len(chosen) == len(self):
            return self
        return Batch(
            self.axes,
            [wanted] * len(chosen),
            [self.steps[i] for i in chosen],
            [self.times[i] for i in chosen],
            [x for i in chosen for x in self.positions[i * self.axes : (i + 1) * self.axes]],
            [self.values[i] for i in chosen],
        )
