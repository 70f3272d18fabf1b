"""What a scan has measured so far: in memory, or read again from where it is kept."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pybirch.blocks import join, part
from pybirch.errors import NotFoundError
from pybirch.events import Readings
from pybirch.scan.rewinding import Rewind

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class Record(Protocol):
    """Where the readings of a scan can be read again."""

    def steps(self, measurements: Iterable[str]) -> int:
        """How many steps of the traversal are done, as far as it is kept.

        One more than the last step of these measurements since the walk was rewound last, if it was;
        the step it was rewound to, if nothing has been read since.
        """
        ...

    def counts(self) -> dict[str, int]:
        """Measurement -> number of readings kept."""
        ...

    def read(self, measurement: str, start: int, end: int) -> Readings:
        """The readings ``start … end - 1``, all of which are kept."""
        ...

    def steps_of(self, measurement: str, start: int, end: int) -> NDArray[np.int64]:
        """Their steps."""
        ...

    def rewinds(self) -> list[Rewind]:
        """Every time the walk went back, oldest first."""
        ...


class Memory:
    """The readings of one scan, by measurement and index.

    What a record keeps is not kept here too, so that a program that measures for years stays small.

    Attributes:
        record: has the readings that are not here, or None.
        rewinds: every time the walk went back, oldest first.
    """

    def __init__(self) -> None:
        self.record: Record | None = None
        self.rewinds: list[Rewind] = []
        self._counts: dict[str, int] = {}
        self._blocks: dict[str, list[Readings]] = {}
        self._lock = threading.Lock()

    def keep(self, blocks: Iterable[Readings], *, recorded: bool) -> None:
        """Take up new readings; `recorded` says that every sink has taken them."""
        with self._lock:
            for block in blocks:
                self._counts[block.measurement] = block.end_index
                if self.record is None or not recorded:
                    self._blocks.setdefault(block.measurement, []).append(block)

    def counts(self) -> dict[str, int]:
        """Measurement -> number of readings."""
        with self._lock:
            counts = dict(self._counts)
        return counts or ({} if self.record is None else self.record.counts())

    def go_on_from(self, counts: dict[str, int], rewinds: Sequence[Rewind] = ()) -> None:
        """The record has so many readings of an earlier day, to which more will come."""
        with self._lock:
            self._counts = dict(counts)
            self.rewinds[:] = rewinds

    def steps_of(self, measurement: str, start: int, end: int) -> NDArray[np.int64]:
        """The steps of the readings ``start … end - 1``, all of which there are."""
        with self._lock:
            here = list(self._blocks.get(measurement, ()))
        kept = min(end, here[0].first_index) if here else end
        found = [block.steps for block in _cut(here, max(start, kept), end)]
        if self.record is not None and start < kept:
            found.insert(0, self.record.steps_of(measurement, start, kept))
        return np.concatenate(found)

    def readings(self, measurement: str, start: int = 0, end: int | None = None) -> Readings:
        """The readings ``start … end - 1`` (all, without bounds), as far as they exist.

        Raises:
            NotFoundError: there are none of that measurement.
        """
        counts = self.counts()
        if measurement not in counts:
            raise NotFoundError(f"there are no readings of {measurement!r}")
        end = counts[measurement] if end is None else max(0, min(end, counts[measurement]))
        start = min(max(0, start), end)
        with self._lock:
            here = list(self._blocks.get(measurement, ()))
        kept = here[0].first_index if here else counts[measurement]
        found = _cut(here, max(start, kept), end)
        if self.record is not None and (start < kept or not found):
            found = [self.record.read(measurement, start, min(end, kept)), *found]
        return join(found)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Measurement -> frame of the newest readings (see `pybirch.frames.newest_frame`)."""
        from pybirch.frames import newest_frame

        return {name: newest_frame(self.readings(name)) for name in self.counts()}


def _cut(blocks: list[Readings], start: int, end: int) -> list[Readings]:
    """The parts from `start` to `end`; of an empty range one part without readings, if there is a block."""
    if not blocks:
        return []
    if start >= end:
        return [replace(part(blocks[0], 0, 0), first_index=start)]
    first = bisect_right(blocks, start, key=lambda block: block.end_index)
    chosen = [block for block in blocks[first:] if block.first_index < end]
    return [part(b, max(0, start - b.first_index), end - b.first_index) for b in chosen]
