"""A measurement as an xarray Dataset.

The coordinates are the positions of the walk. On a grid (`pybirch.dataset.grid`) each axis is a
dimension, and "repeat" is one more where a cell was measured several times; else the one dimension is
"reading". Readings that are arrays add the dimension "element", or, where one of their columns is the
same in every reading and only rises or falls (a wavelength), a dimension of that name with it as
coordinate. "time" (UTC) and "sequence_index" are coordinates; where nothing was measured they are NaT
and -1, and data are NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.grid import Grid, find_grid
from pybirch.dataset.libraries import library

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from pybirch.dataset.facts import ColumnFacts, ScanFacts
    from pybirch.dataset.gathering import Gathered
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.dataset.scan import ScanData

READING, REPEAT, ELEMENT = "reading", "repeat", "element"


def to_xarray(data: MeasurementData) -> xr.Dataset:
    """See `MeasurementData.to_xarray`; positions come along whichever columns are wanted."""
    xarray = library("xarray")
    places = [column for column in data.facts.columns if column.role == "position"]
    wanted = [column for column in data.columns if column.role == "data"]
    found = data.of_columns((*places, *wanted)).gathered()
    made = _Frame(found, places, wanted)
    return xarray.Dataset(
        {
            made.names[column.full]: made.variable(column)
            for column in wanted
            if column.full not in made.fixed
        },
        made.coordinates(),
        attributes(data),
    )


def to_datatree(data: ScanData) -> xr.DataTree:
    """Every measurement as a branch; a slash in its name is written as an underscore."""
    xarray = library("xarray")
    branches = {f"/{name.replace('/', '_')}": to_xarray(data[name]) for name in data}
    root = xarray.Dataset(attrs=attributes_of(data.facts))
    return xarray.DataTree.from_dict({"/": root, **branches})


def attributes(data: MeasurementData) -> dict[str, Any]:
    """What is known of the scan as texts and numbers, which every file format takes."""
    return attributes_of(data.source.facts()) | {"measurement": data.name}


def attributes_of(scan: ScanFacts) -> dict[str, Any]:
    """The same without the measurement."""
    facts = scan.as_json()
    sample = facts.get("sample") or {}
    texts = ("scan_id", "name", "project", "scan_type", "owner", "status", "started_at", "finished_at")
    kept = {name: facts[name] for name in texts if facts.get(name)}
    return kept | ({"sample": sample["ID"]} if sample.get("ID") else {})


@dataclass(frozen=True, slots=True)
class _Layout:
    """Dimensions that all readings share, and where each reading lies in them."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    cells: NDArray[np.int64] | None

    def place(self, values: NDArray[Any], missing: Any) -> NDArray[Any]:
        """(n, …) values as (*shape, …)."""
        if self.cells is None:
            return values
        room = np.full((int(np.prod(self.shape)), *values.shape[1:]), missing, dtype=values.dtype)
        room[self.cells] = values
        return room.reshape(*self.shape, *values.shape[1:])


class _Frame:
    """The names, dimensions and coordinates of one Dataset."""

    def __init__(self, found: Gathered, places: list[ColumnFacts], wanted: list[ColumnFacts]) -> None:
        self._found = found
        self._places = places
        self._columns = {column.full: column for column in (*places, *wanted)}
        self.names = names_of(places, wanted)
        self._values = {
            name: _padded(values) if isinstance(values, list) else values
            for name, values in found.columns.items()
        }
        self._grid = find_grid({place.full: self._values[place.full] for place in places})
        self._layout = self._laid_out(self._grid)
        self.fixed = [column.full for column in wanted if _is_axis(self._values[column.full])]
        lengths = {full: values.shape[1] for full, values in self._values.items() if values.ndim > 1}
        self._elements = element_dims(lengths, self.fixed, self.names)

    def variable(self, column: ColumnFacts) -> Any:
        values = self._values[column.full]
        dims = self._layout.dims
        if values.ndim > 1:
            dims = (*dims, self._elements[values.shape[1]])
        return dims, self._layout.place(values, np.nan), about(column)

    def coordinates(self) -> dict[str, Any]:
        times = np.round(self._found.times * 1e6).astype("datetime64[us]").astype("datetime64[ns]")
        made: dict[str, Any] = {
            "time": (
                self._layout.dims,
                self._layout.place(times, np.datetime64("NaT")),
                {"long_name": "time, UTC"},
            ),
            "sequence_index": (self._layout.dims, self._layout.place(self._found.indexes, -1)),
        }
        for place in self._places:
            name = self.names[place.full]
            if self._grid is None:
                made[name] = (READING, self._values[place.full], about(place))
            else:
                made[name] = (name, self._grid.axes[place.full], about(place))
        for full in self.fixed:
            values = self._values[full]
            dim = self._elements[values.shape[1]]
            made[self.names[full]] = (dim, values[0], about(self._columns[full]))
        return made

    def _laid_out(self, grid: Grid | None) -> _Layout:
        if grid is None:
            return _Layout((READING,), (len(self._found),), None)
        dims = tuple(self.names[name] for name in grid.axes)
        return _Layout((*dims, REPEAT) if grid.repeats > 1 else dims, grid.shape, grid.cells)


def element_dims(
    lengths: Mapping[str, int], fixed: Collection[str], names: Mapping[str, str]
) -> dict[int, str]:
    """Length of arrays -> name of their dimension.

    Args:
        lengths: of the array columns, by full name.
        fixed: columns whose readings are all the same array, a coordinate.
        names: full name -> name in the Dataset.
    """
    different = dict.fromkeys(lengths.values())
    dims = {}
    for length in different:
        axes = [full for full in fixed if lengths[full] == length]
        alone = ELEMENT if len(different) == 1 else f"{ELEMENT}_{length}"
        dims[length] = names[axes[0]] if len(axes) == 1 else alone
    return dims


def names_of(places: list[ColumnFacts], wanted: list[ColumnFacts]) -> dict[str, str]:
    """Full column name -> name in the Dataset: without unit, where that is clear."""
    bare = [column.name for column in wanted]
    taken = {READING, REPEAT, ELEMENT, "time", "sequence_index"}
    names = {}
    for column in wanted:
        clear = bare.count(column.name) == 1 and column.name not in taken
        names[column.full] = column.name if clear else column.full
    for place in places:
        clear = place.name not in {*names.values(), *taken}
        names[place.full] = place.name if clear else f"{place.name} (position)"
    return names


def _is_axis(values: NDArray[np.float64]) -> bool:
    """Whether every reading has the same array, which only rises or falls."""
    if values.ndim < 2 or not len(values) or values.shape[1] < 2:
        return False
    steps = np.diff(values[0])
    return bool(((steps > 0).all() or (steps < 0).all()) and (values == values[0]).all())


def _padded(readings: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(n, longest); NaN behind what is shorter."""
    padded = np.full((len(readings), max(map(len, readings), default=0)), np.nan)
    for row, reading in zip(padded, readings, strict=True):
        row[: len(reading)] = reading
    return padded


def about(column: ColumnFacts) -> dict[str, str]:
    return {"long_name": column.name, **({"units": column.unit} if column.unit else {})}
