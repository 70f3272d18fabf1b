"""How fast readings go to viewers: merged to at most 20 blocks and 200 points a second per scan.

Nothing is lost by it: consecutive blocks are joined, and single points are thinned by a stride
that is announced with each of them, the last point of a block always being sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pybirch.blocks import follows, join, part
from pybirch.events import DataPoint, Readings
from pybirch.wire import to_points

FRAMES_PER_SECOND = 20
POINTS_PER_SECOND = 200
MOST_VALUES = 250_000
"""A block with more numbers than this goes out in several frames."""


@dataclass
class _Waiting:
    """What waits for one scan, oldest first, and when it may go."""

    blocks: list[Readings] = field(default_factory=list)
    due: float = -math.inf
    points: float = POINTS_PER_SECOND
    counted: float = 0.0


class Pacer:
    """Holds readings until their scan's next tick. Not thread safe: its owner has the lock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._scans: dict[str, _Waiting] = {}

    def add(self, readings: Readings) -> None:
        """Keep `readings`, joined to those of the same measurement that they follow."""
        waiting = self._scans.setdefault(readings.scan_id, _Waiting(counted=self._clock()))
        for position, block in enumerate(waiting.blocks):
            if follows(block, readings):
                waiting.blocks[position] = join([block, readings])
                return
        waiting.blocks.append(readings)

    def take_due(self) -> list[Readings]:
        """The blocks whose tick has come."""
        now = self._clock()
        return [
            block for scan_id, w in list(self._scans.items()) if w.due <= now for block in self.take(scan_id)
        ]

    def take(self, scan_id: str) -> list[Readings]:
        """The blocks of one scan, due or not; its next tick is set from how many they are."""
        waiting = self._scans.get(scan_id)
        if waiting is None or not waiting.blocks:
            return []
        blocks = [part for block in waiting.blocks for part in _parts(block)]
        waiting.blocks = []
        waiting.due = self._clock() + len(blocks) / FRAMES_PER_SECOND
        return blocks

    def thin(self, readings: Readings) -> list[DataPoint]:
        """The block as single points, as many as the scan's allowance has room for, at least two."""
        waiting = self._scans.setdefault(readings.scan_id, _Waiting(counted=self._clock()))
        now = self._clock()
        earned = (now - waiting.counted) * POINTS_PER_SECOND
        waiting.points, waiting.counted = min(POINTS_PER_SECOND, waiting.points + earned), now
        stride = max(1, math.ceil(readings.count / max(1.0, waiting.points - 1)))
        points = to_points(readings, stride)
        if points[-1].sequence_index != readings.end_index - 1:
            points += to_points(part(readings, readings.count - 1, readings.count), stride)
        waiting.points -= len(points)
        return points

    def due_in(self) -> float | None:
        """Seconds to the next tick (negative: overdue); None when nothing waits."""
        dues = [w.due for w in self._scans.values() if w.blocks]
        return min(dues) - self._clock() if dues else None

    def scans(self) -> list[str]:
        """The scans something is kept about."""
        return list(self._scans)

    def forget(self, scan_id: str) -> None:
        """Drop what is kept about a scan that has ended."""
        self._scans.pop(scan_id, None)


def _parts(readings: Readings) -> list[Readings]:
    width = sum(_width(values) for values in (*readings.positions.values(), *readings.values.values()))
    rows = max(1, MOST_VALUES // max(1, width))
    if readings.count <= rows:
        return [readings]
    return [part(readings, i, min(i + rows, readings.count)) for i in range(0, readings.count, rows)]


def _width(values: Any) -> int:
    if isinstance(values, np.ndarray):
        return math.prod(values.shape[1:])
    return max((len(np.atleast_1d(v)) for v in values), default=1)
