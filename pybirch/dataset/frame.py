"""A measurement in the form of `pybirch.dataset.xarray`, read piece by piece.

First `surveyed` reads all readings, for the shape they have together; then they are read again, and each
piece is put where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.growing import Grid, GridFinder, runs, slabs
from pybirch.dataset.xarray import READING, REPEAT, element_dims, names_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pybirch.dataset.facts import ColumnFacts
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.events import Readings

    Read = Callable[[MeasurementData], Iterator[Readings]]

CHUNK = 32_768
"""Numbers of a chunk in a file, about."""

STRETCH = 8_192
"""Readings of a stretch, at least."""


@dataclass(slots=True)
class Arrays:
    """What is learnt of a column whose readings are arrays."""

    longest: int = 0
    first: NDArray[np.float64] | None = None
    same: bool = True

    def add(self, readings: Any) -> None:
        for reading in readings if isinstance(readings, list) else (readings[:1] if len(readings) else ()):
            values = np.atleast_1d(reading)
            self.longest = max(self.longest, len(values))
            self.first = values.copy() if self.first is None else self.first
            self.same &= np.array_equal(values, self.first)
        if not isinstance(readings, list) and len(readings) and self.same:
            self.same = bool((readings == self.first).all())

    @property
    def is_axis(self) -> bool:
        """Whether every reading has the same array, which only rises or falls."""
        if not self.same or self.first is None or len(self.first) < 2:
            return False
        steps = np.diff(self.first)
        return bool((steps > 0).all() or (steps < 0).all())


@dataclass(frozen=True, slots=True)
class Filled:
    """A variable that readings fill; `column` is None for time and sequence_index."""

    name: str
    dims: tuple[str, ...]
    column: ColumnFacts | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """A coordinate known before the readings are written."""

    name: str
    dim: str
    column: ColumnFacts
    values: NDArray[np.float64]


@dataclass(slots=True)
class Stretch:
    """Readings that follow each other: by index ``first … end - 1``, the flat places of a grid that they
    lie in (or of readings in a row, their own) ``low … high - 1``.
    """

    first: int
    end: int
    low: int
    high: int

    @property
    def is_long(self) -> bool:
        return self.end - self.first >= STRETCH


class Stretches(list[Stretch]):
    """What was read, in order; short ones are joined."""

    def note(self, block: Readings, low: int, high: int) -> None:
        if not self or self[-1].is_long:
            self.append(Stretch(block.first_index, block.end_index, low, high))
            return
        last = self[-1]
        last.end, last.low, last.high = block.end_index, min(last.low, low), max(last.high, high)


@dataclass(frozen=True, slots=True)
class Frame:
    """Names, dimensions and coordinates of a measurement.

    Attributes:
        sizes: of each dimension.
        known: coordinates that are written at once: the axes of a grid, a wavelength.
        data: variables of data columns.
        beside: what else each reading has: time, sequence_index, positions that are no axes.
        grid: None for readings in a row.
        stretches: where which readings lie.
    """

    part: MeasurementData
    sizes: dict[str, int]
    dims: tuple[str, ...]
    known: list[Known]
    data: list[Filled]
    beside: list[Filled]
    grid: Grid | None
    stretches: Stretches
    lengths: dict[str, int] = field(default_factory=dict)

    def shape(self, variable: Filled) -> tuple[int, ...]:
        return tuple(self.sizes[dim] for dim in variable.dims)

    def filled(self, read: Read) -> Iterator[tuple[Filled, Any, NDArray[Any]]]:
        """Which variable is to get which values where, until all are written.

        Values of "time" are seconds since 1970 UTC.
        """
        at = 0
        for block in read(self.whole()):
            if self.grid is None:
                places = [((slice(at, at + block.count),), np.arange(block.count))]
            else:
                places = list(self._places(block, self.grid))
            at += block.count
            for variable in (*self.data, *self.beside):
                values = self.values(block, variable)
                for where, which in places:
                    lead = tuple(one.stop - one.start for one in where)
                    yield variable, (*where, *self._rest(variable)), _shaped(values[which], lead)

    def _places(self, block: Readings, grid: Grid) -> Iterator[tuple[tuple[slice, ...], NDArray[np.int64]]]:
        cells = grid.cells({name: block.positions[name] for name in grid.axes})
        order = np.argsort(cells, kind="stable")
        ordered = cells[order]
        for first, end in runs(ordered):
            at = first
            for where in slabs(grid.shape, int(ordered[first]), int(ordered[end - 1]) + 1):
                size = prod(one.stop - one.start for one in where)
                yield where, order[at : at + size]
                at += size

    def values(self, block: Readings, variable: Filled) -> NDArray[Any]:
        """What a block has for a variable; those of "time" are seconds since 1970 UTC."""
        if variable.column is None:
            return block.times if variable.name == "time" else np.arange(block.first_index, block.end_index)
        values = variable.column.of(block)
        full = variable.column.full
        return _padded(values, self.lengths[full]) if full in self.lengths else values

    def _rest(self, variable: Filled) -> tuple[slice, ...]:
        return (slice(None),) * (len(variable.dims) - len(self.dims))

    def whole(self) -> MeasurementData:
        """What is to be read: positions, too."""
        return _with_places(self.part)


def surveyed(read: Read, part: MeasurementData, *, drawn: bool = False) -> Frame:
    """The frame of one measurement; reads it once, or twice where it may lie on a grid.

    Args:
        read: gives the readings of a view in pieces.
        drawn: as a viewer is to draw it: an axis that neither rises nor falls is put in rising order, and
            numbers along one axis, there and back, are readings in a row.
    """
    whole = _with_places(part)
    places = [column for column in whole.columns if column.role == "position"]
    wanted = [column for column in whole.columns if column.role == "data"]
    finder = GridFinder(tuple(place.full for place in places))
    arrays = {column.full: Arrays() for column in whole.columns if column.shape}
    count = 0
    row, stretches = Stretches(), Stretches()
    for block in read(whole):
        row.note(block, count, count + block.count)
        count += block.count
        finder.add({place.full: block.positions[place.full] for place in places})
        for column in whole.columns:
            if column.shape:
                arrays[column.full].add(column.of(block))
    finder.end_of_first()
    if finder.is_possible:
        for block in read(whole.of_columns(places)):
            cells = finder.count_repeats(block.positions)
            stretches.note(block, int(cells.min()), int(cells.max()) + 1)
    grid = finder.end()
    if grid is not None and drawn:
        is_loop = len(places) == 1 and grid.repeats > 1 and not arrays
        grid = None if is_loop else grid.in_order()
    return _frame(part, places, wanted, count, grid, row if grid is None else stretches, arrays)


def _frame(
    part: MeasurementData,
    places: list[ColumnFacts],
    wanted: list[ColumnFacts],
    count: int,
    grid: Grid | None,
    stretches: Stretches,
    arrays: dict[str, Arrays],
) -> Frame:
    names = names_of(places, wanted)
    lengths = {full: known.longest for full, known in arrays.items()}
    fixed = [c for c in wanted if c.full in arrays and arrays[c.full].is_axis]
    elements = element_dims(lengths, [c.full for c in fixed], names)
    dims = (READING,) if grid is None else tuple(names[full] for full in grid.axes)
    sizes = {READING: count} if grid is None else dict(zip(dims, grid.shape, strict=False))
    if grid is not None and grid.repeats > 1:
        dims, sizes = (*dims, REPEAT), sizes | {REPEAT: grid.repeats}
    sizes |= {dim: length for length, dim in elements.items()}

    def filled(column: ColumnFacts) -> Filled:
        more = (elements[lengths[column.full]],) if column.full in lengths else ()
        return Filled(names[column.full], (*dims, *more), column)

    on_axes = [] if grid is None else places
    known = [Known(names[c.full], names[c.full], c, grid.axes[c.full].coordinates) for c in on_axes if grid]
    for column in fixed:
        first = arrays[column.full].first
        if first is not None:
            known.append(Known(names[column.full], elements[len(first)], column, first))
    beside = [Filled("time", dims), Filled("sequence_index", dims)]
    beside += [filled(place) for place in places if grid is None]
    data = [filled(column) for column in wanted if column not in fixed]
    return Frame(part, sizes, dims, known, data, beside, grid, stretches, lengths)


def chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A chunk of whole inner dimensions, as far as they fit: readings come in that order."""
    made: list[int] = []
    room = CHUNK
    for size in reversed(shape):
        made.insert(0, max(1, min(size, room)))
        room = max(1, room // max(1, size))
    return tuple(made)


def _with_places(part: MeasurementData) -> MeasurementData:
    """With all positions, whichever columns are wanted, positions first."""
    places = [column for column in part.facts.columns if column.role == "position"]
    return part.of_columns([*places, *(column for column in part.columns if column.role == "data")])


def _padded(readings: Any, longest: int) -> NDArray[np.float64]:
    """(n, longest); NaN behind what is shorter."""
    if not isinstance(readings, list) and readings.shape[1] == longest:
        return readings
    padded = np.full((len(readings), longest), np.nan)
    for row, reading in zip(padded, readings, strict=True):
        values = np.atleast_1d(reading)
        row[: len(values)] = values
    return padded


def _shaped(values: NDArray[Any], lead: tuple[int, ...]) -> NDArray[Any]:
    return values.reshape(*lead, *values.shape[1:])
