"""What a walk knows of what was measured and where: for conditions and strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pybirch.blocks import join
from pybirch.errors import NotFoundError
from pybirch.events import Readings
from pybirch.scan.rewinding import Rewind, standing

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = 65_536
"""Readings of the record read in one go."""

ReadBack = Callable[[str, int, int], Readings]
"""The readings of a measurement from one index to another."""


class Seen(NamedTuple):
    """A reading's value, the mean of an array, and the positions it was taken at, by axis."""

    value: float
    positions: Mapping[int, float]


NOTHING = Seen(float("nan"), {})


@dataclass(frozen=True)
class _Recorded:
    """One column of an earlier day's readings, whose steps never fall."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    positions: dict[int, NDArray[np.float64]]

    def last(self, before: int, since: int) -> Seen:
        place = int(np.searchsorted(self.steps, before)) - 1
        if place < 0 or self.steps[place] < since:
            return NOTHING
        where = {axis: float(column[place]) for axis, column in self.positions.items()}
        return Seen(float(self.values[place]), where)


def _nothing(measurement: str, start: int, end: int) -> Readings:
    raise NotFoundError(f"there are no readings of {measurement!r}")


class Sense:
    """What the engine notes while it walks, and the record of an earlier day.

    Args:
        axes_of: for each measurement, the axes whose positions its readings have, in their order.
        axes: their number.
        before: readings there were when the walk began, by measurement.
        read_back: gives those.
        counts: gives how many readings there are now, by measurement.
        rewinds: every time the walk went back, oldest first; what it went back behind does not count.

    Attributes:
        here: where each axis is; NaN where nobody knows.
        latest: of each measurement, the step and values of its last reading in this walk.
        note: a sentence about the last decision that was made, for people.
        left: the walk was ended early by a decision.
    """

    def __init__(
        self,
        axes_of: list[tuple[int, ...]],
        axes: int,
        before: Mapping[str, int] | None = None,
        read_back: ReadBack = _nothing,
        counts: Callable[[], Mapping[str, int]] = dict,
        rewinds: Sequence[Rewind] = (),
    ) -> None:
        self.here = [float("nan")] * axes
        self.latest: list[tuple[int, Any] | None] = [None] * len(axes_of)
        self.note: str | None = None
        self.left = False
        self._axes_of = axes_of
        self._counts = counts
        self._before = before or {}
        self._read_back = read_back
        self._rewinds = rewinds
        self._recorded: dict[tuple[str, int], _Recorded] = {}

    def begin_again(self) -> None:
        """The walk is taken up anew: what it has measured so far counts as recorded."""
        self.latest[:] = [None] * len(self.latest)
        self._before = self._counts()
        self._recorded.clear()

    def last(self, name: str, number: int, column: int, before: int, since: int = 0) -> Seen:
        """What was read last in the steps ``since … before - 1``."""
        known = self.latest[number]
        if known is None:
            return self._record(name, number, column).last(before, since) if name in self._before else NOTHING
        if known[0] < since:
            return NOTHING
        return Seen(mean_of(known[1], column), dict(enumerate(self.here)))

    def _record(self, name: str, number: int, column: int) -> _Recorded:
        key = (name, column)
        if key not in self._recorded:
            count = self._before[name]
            pieces = (
                self._column(name, start, min(start + PIECE, count), column)
                for start in range(0, count, PIECE)
            )
            found = join(list(pieces))
            stand = standing(name, found.steps, self._rewinds)
            columns = [column[stand] for column in found.positions.values()]
            positions = dict(zip(self._axes_of[number], columns, strict=False))
            self._recorded[key] = _Recorded(found.steps[stand], found.values["value"][stand], positions)
        return self._recorded[key]

    def _column(self, name: str, start: int, end: int, column: int) -> Readings:
        """A piece of the record with one column, of scalars."""
        block = self._read_back(name, start, end)
        values = list(block.values.values())[column]
        return Readings(
            scan_id=block.scan_id,
            measurement=name,
            first_index=block.first_index,
            steps=block.steps,
            times=block.times,
            positions=block.positions,
            values={"value": np.array([np.mean(value) for value in values], dtype=np.float64)},
        )


def mean_of(values: Any, column: int) -> float:
    """The value of the column, the mean of an array, of a reading as an instrument gave it."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0:
        return float(array)
    return float(array[column]) if array.ndim == 1 else float(np.mean(array[:, column]))
