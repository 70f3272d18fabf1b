"""What goes into a file: a scan's facts and its measurements, read in pieces of even size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from pybirch.blocks import part
from pybirch.dataset.scan import ScanData
from pybirch.export.progress import Progress

if TYPE_CHECKING:
    from pybirch.dataset.facts import ScanFacts
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.events import Readings

NUMBERS_AT_ONCE = 1_000_000
"""Numbers of one piece, about: what an export holds in memory does not depend on how much there is."""


@dataclass(frozen=True, slots=True)
class Contents:
    """Of one scan."""

    facts: ScanFacts
    parts: tuple[MeasurementData, ...]
    progress: Progress

    @classmethod
    def of(
        cls, data: ScanData | MeasurementData, measurement: str | None, all_readings: bool, progress: Progress
    ) -> Contents:
        """Of a whole scan, or of one measurement.

        Raises:
            NotFoundError: there is no measurement of that name.
        """
        return cls(data.source.facts(), parts_of(data, measurement, all_readings), progress)

    def blocks(self, data: MeasurementData) -> Iterator[Readings]:
        """The readings of one of the parts; counted once they were used."""
        for piece in pieces(data):
            yield piece
            self.progress.add(piece.count)


def pieces(data: MeasurementData) -> Iterator[Readings]:
    """The readings in blocks of even size."""
    most = rows_at_once(data)
    for block in data.blocks():
        for start in range(0, block.count, most):
            yield part(block, start, min(start + most, block.count))


def parts_of(
    data: ScanData | MeasurementData, measurement: str | None = None, all_readings: bool = False
) -> tuple[MeasurementData, ...]:
    """The measurements that are meant.

    Raises:
        NotFoundError: there is no measurement of that name.
    """
    if isinstance(data, ScanData):
        parts = tuple(data.values()) if measurement is None else (data[measurement],)
    else:
        parts = (data,)
    return tuple(each.all_readings() for each in parts) if all_readings else parts


def count_of(parts: tuple[MeasurementData, ...]) -> int:
    """Readings in them, at most."""
    return sum(max(0, each.end - each.start) for each in parts)


def numbers_of(parts: tuple[MeasurementData, ...]) -> int:
    """Numbers in them, about; where lengths differ, a thousand a reading."""
    return sum(max(0, each.end - each.start) * _width(each) for each in parts)


def rows_at_once(data: MeasurementData) -> int:
    return max(1, NUMBERS_AT_ONCE // _width(data))


def _width(data: MeasurementData) -> int:
    return 3 + sum(prod(k or 1_000 for k in column.shape) for column in data.columns)
