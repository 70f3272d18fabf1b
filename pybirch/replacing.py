"""Which readings repeat earlier ones, as runs: what a rewind costs is a few numbers, not one a reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pybirch.events import Readings

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Run:
    """`count` readings from index `first` on repeat those from index `replaces` on, one by one."""

    first: int
    count: int
    replaces: int

    @property
    def end(self) -> int:
        return self.first + self.count

    def between(self, start: int, end: int) -> Run:
        """The part of it whose readings are ``start … end - 1``; its count may be 0."""
        first = max(start, self.first)
        return Run(first, max(0, min(end, self.end) - first), self.replaces + first - self.first)

    def goes_on(self, after: Run) -> bool:
        """Whether `after` is the rest of this one."""
        return self.end == after.first and self.replaces + self.count == after.replaces


def runs_of(readings: Readings) -> list[Run]:
    """What a block's readings repeat, in order."""
    if readings.replaces is None:
        return []
    places = np.flatnonzero(readings.replaces >= 0)
    if not places.size:
        return []
    named = readings.replaces[places]
    breaks = np.flatnonzero((np.diff(places) != 1) | (np.diff(named) != 1)) + 1
    starts, ends = np.append(0, breaks), np.append(breaks, len(places))
    return [
        Run(readings.first_index + int(places[i]), int(j - i), int(named[i]))
        for i, j in zip(starts, ends, strict=True)
    ]


def replaces_of(runs: Iterable[Run], start: int, end: int) -> NDArray[np.int64] | None:
    """For the readings ``start … end - 1`` which each repeats, -1 where none; None if all do so."""
    made: NDArray[np.int64] | None = None
    for run in (whole.between(start, end) for whole in runs):
        if run.count:
            made = np.full(end - start, -1, dtype=np.int64) if made is None else made
            place = run.first - start
            made[place : place + run.count] = np.arange(run.replaces, run.replaces + run.count)
    return made


def hidden(runs: Sequence[Run]) -> NDArray[np.int64]:
    """The readings that were repeated: rows of first index and one past the last, in order, none touching."""
    if not runs:
        return np.empty((0, 2), dtype=np.int64)
    ranges = np.array(sorted((run.replaces, run.replaces + run.count) for run in runs), dtype=np.int64)
    ends = np.maximum.accumulate(ranges[:, 1])
    starts = np.append(True, ranges[1:, 0] > ends[:-1])
    last = np.append(starts[1:], True)
    return np.stack([ranges[starts, 0], ends[last]], axis=1)


def newest(ranges: NDArray[np.int64], start: int, end: int) -> NDArray[np.bool_]:
    """Of the readings ``start … end - 1``, which lie in none of the `hidden` ranges."""
    shown = np.ones(max(0, end - start), dtype=bool)
    for first, last in ranges.tolist():
        shown[max(0, first - start) : max(0, last - start)] = False
    return shown


def newest_parts(ranges: NDArray[np.int64], start: int, end: int) -> list[tuple[int, int]]:
    """What of ``start … end - 1`` lies in none of the `hidden` ranges, as (first, one past the last)."""
    parts: list[tuple[int, int]] = []
    at = start
    for first, last in ranges.tolist():
        if first >= end:
            break
        if first > at:
            parts.append((at, first))
        at = max(at, last)
    return [*parts, (at, end)] if at < end else parts
