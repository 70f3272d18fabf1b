"""A measurement as an xarray Dataset of dask arrays: a chunk is read when it is asked for.

The survey (`pybirch.dataset.frame`) knows in which stretches of readings the places of a chunk were
measured; only those are read for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate, product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.frame import Filled, Frame, surveyed
from pybirch.dataset.growing import Repeats, flat_places
from pybirch.dataset.libraries import library
from pybirch.dataset.xarray import about, attributes

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from pybirch.dataset.frame import Read
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.events import Readings

NO_TIME = np.datetime64("NaT", "ns")


def to_lazy_xarray(data: MeasurementData, rows: int) -> xr.Dataset:
    """See `MeasurementData.to_xarray`.

    Args:
        rows: readings of a chunk, at most.
    """
    return dataset(surveyed(blocks_of, data), rows, blocks_of)


def blocks_of(data: MeasurementData) -> Iterator[Readings]:
    return data.blocks()


def dataset(
    frame: Frame, rows: int, read: Read, done: Callable[[int], object] = lambda readings: None
) -> xr.Dataset:
    """The Dataset of a frame; what it has is read with `read` when it is computed.

    Args:
        rows: readings of a chunk, at most.
        done: hears of every chunk how many readings it had.
    """
    made = _Chunks(frame, read, done).arrays(rows)
    coordinates: dict[str, Any] = {
        one.name: (one.dims, made[one.name], _told(one)) for one in frame.beside
    } | {one.name: (one.dim, one.values, about(one.column)) for one in frame.known}
    return library("xarray").Dataset(
        {one.name: (one.dims, made[one.name], _told(one)) for one in frame.data},
        coordinates,
        attributes(frame.part),
    )


def _told(variable: Filled) -> dict[str, str]:
    if variable.column is not None:
        return about(variable.column)
    return {"long_name": "time, UTC"} if variable.name == "time" else {}


class _Chunks:
    """The variables of a frame, cut into chunks; each is a run of places, one after the other."""

    def __init__(self, frame: Frame, read: Read, done: Callable[[int], object]) -> None:
        self._frame = frame
        self._read = read
        self._done = done
        self._whole = frame.whole()
        self._shape = tuple(frame.sizes[dim] for dim in frame.dims)
        self._repeats = 1 if frame.grid is None else frame.grid.repeats
        self._variables = (*frame.data, *frame.beside)

    def arrays(self, rows: int) -> dict[str, Any]:
        """Name -> dask array; of no readings, NumPy's."""
        if not prod(self._shape):
            return {each.name: self._missing(each, self._shape) for each in self._variables}
        array = library("dask.array")
        delayed = library("dask").delayed(self.chunk, pure=False, traverse=False)
        cuts = [_cuts(size, most) for size, most in zip(self._shape, _chunk(self._shape, rows), strict=True)]
        parts: dict[str, dict[tuple[int, ...], Any]] = {each.name: {} for each in self._variables}
        for place in product(*(range(len(cut)) for cut in cuts)):
            begin, lead = zip(*(cut[at] for cut, at in zip(cuts, place, strict=True)), strict=True)
            chunk = delayed(int(np.ravel_multi_index(begin, self._shape)), lead)
            for each in self._variables:
                shape = (*lead, *self._rest(each))
                parts[each.name][place] = array.from_delayed(chunk[each.name], shape, _dtype(each))
        counts = [len(cut) for cut in cuts]
        return {name: _joined(array, made, counts) for name, made in parts.items()}

    def chunk(self, start: int, lead: tuple[int, ...]) -> dict[str, NDArray[Any]]:
        """What lies in the places from `start` on, a box of that shape; of every variable."""
        stop, places = start + prod(lead), self._repeats
        low, high = start // places, -(-stop // places)
        room = {each.name: self._missing(each, (stop - start,)) for each in self._variables}
        seen = Repeats(high - low)
        found = 0
        for block, flat in self._around(low, high):
            inside = np.flatnonzero((flat >= low) & (flat < high))
            cells = flat[inside]
            if places > 1:
                cells = cells * places + seen.take(cells - low)
                kept = (cells >= start) & (cells < stop)
                inside, cells = inside[kept], cells[kept]
            found += len(cells)
            for each in self._variables:
                room[each.name][cells - start] = self._values(block, each)[inside]
        self._done(found)
        return {each.name: room[each.name].reshape(*lead, *self._rest(each)) for each in self._variables}

    def _around(self, low: int, high: int) -> Iterator[tuple[Readings, NDArray[np.int64]]]:
        """The blocks that may have readings in these places, and the place of each of their readings."""
        grid = self._frame.grid
        for stretch in self._frame.stretches:
            if stretch.high <= low or stretch.low >= high:
                continue
            at = stretch.low
            for block in self._read(self._whole[stretch.first : stretch.end]):
                if grid is None:
                    yield block, np.arange(at, at + block.count)
                    at += block.count
                else:
                    yield block, flat_places(grid.axes, {name: block.positions[name] for name in grid.axes})

    def _values(self, block: Readings, variable: Filled) -> NDArray[Any]:
        values = self._frame.values(block, variable)
        if variable.name != "time" or variable.column is not None:
            return values
        return np.round(values * 1e6).astype("datetime64[us]").astype("datetime64[ns]")

    def _missing(self, variable: Filled, lead: tuple[int, ...]) -> NDArray[Any]:
        dtype = _dtype(variable)
        fill = {"f": np.nan, "i": -1, "M": NO_TIME}[dtype.kind]
        return np.full((*lead, *self._rest(variable)), fill, dtype)

    def _rest(self, variable: Filled) -> tuple[int, ...]:
        return self._frame.shape(variable)[len(self._shape) :]


def _dtype(variable: Filled) -> np.dtype[Any]:
    if variable.column is not None:
        return np.dtype(np.float64)
    return np.dtype("datetime64[ns]" if variable.name == "time" else np.int64)


def _chunk(shape: tuple[int, ...], rows: int) -> tuple[int, ...]:
    """Whole inner dimensions as far as they fit, so that a chunk is a run of places."""
    made: list[int] = []
    room = max(1, rows)
    for size in reversed(shape):
        made.insert(0, min(size, room))
        room = max(1, room // size)
    return tuple(made)


def _cuts(size: int, most: int) -> list[tuple[int, int]]:
    """(where it begins, how long it is) of each part of a dimension."""
    lengths = [min(most, size - at) for at in range(0, size, most)]
    return list(zip(accumulate(lengths, initial=0), lengths, strict=False))


def _joined(
    array: Any, parts: dict[tuple[int, ...], Any], counts: list[int], at: tuple[int, ...] = ()
) -> Any:
    """The parts, by their places in each dimension, as one array."""
    if len(at) == len(counts):
        return parts[at]
    rows = [_joined(array, parts, counts, (*at, place)) for place in range(counts[len(at)])]
    return array.concatenate(rows, axis=len(at))
