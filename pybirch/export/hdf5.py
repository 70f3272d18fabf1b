"""HDF5: a group a measurement, a dataset a column, in chunks, compressed; arrays in a group beside them.

Of each column the attributes "name", "unit" and "role" say what it is; the root has the scan's facts,
"facts" all of them as JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.libraries import library
from pybirch.dataset.xarray import attributes_of
from pybirch.export.kept import named_arrays
from pybirch.export.names import hdf5_name, unlike

if TYPE_CHECKING:
    from pybirch.dataset.facts import ColumnFacts
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.events import Readings
    from pybirch.export.contents import Contents

COMPRESSED = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
ARRAYS = "arrays"
CHUNK = 32_768


def write(contents: Contents, file: Path) -> None:
    """Write the file."""
    with library("h5py").File(file, "w", track_order=True) as root:
        root.attrs.update(attributes_of(contents.facts))
        root.attrs["facts"] = json.dumps(contents.facts.as_json(), default=str)
        groups = unlike([part.name for part in contents.parts], hdf5_name)
        for part in contents.parts:
            _Measurement(root.create_group(groups[part.name], track_order=True), part).write(contents)


class _Measurement:
    """One measurement's group."""

    def __init__(self, group: Any, part: MeasurementData) -> None:
        self._group = group
        self._part = part
        group.attrs["name"] = part.name
        self._own = {
            "sequence_index": self._made("sequence_index", np.int64),
            "step": self._made("step", np.int64),
            "time": self._made("time", np.float64, unit="s", long_name="seconds since 1970-01-01 UTC"),
        }
        names = unlike([c.full for c in part.columns], hdf5_name, {*self._own, ARRAYS})
        self._columns = {column: self._column(names[column.full], column) for column in part.columns}

    def write(self, contents: Contents) -> None:
        at = 0
        for block in contents.blocks(self._part):
            for dataset, values in self._of(block):
                dataset.resize(at + block.count, axis=0)
                dataset[at:] = values
            at += block.count
        self._write_arrays()

    def _of(self, block: Readings) -> list[tuple[Any, Any]]:
        own = (np.arange(block.first_index, block.end_index), block.steps, block.times)
        pairs: list[tuple[Any, Any]] = list(zip(self._own.values(), own, strict=True))
        for column, dataset in self._columns.items():
            values = column.of(block)
            if None in column.shape:
                values = _objects(values)
            pairs.append((dataset, values))
        return pairs

    def _column(self, name: str, column: ColumnFacts) -> Any:
        about = {"name": column.name, "unit": column.unit, "role": column.role}
        if None in column.shape:
            return self._made(name, library("h5py").vlen_dtype(np.float64), **about)
        return self._made(name, np.float64, tuple(int(k or 0) for k in column.shape), **about)

    def _made(self, name: str, dtype: Any, inner: tuple[int, ...] = (), /, **about: str) -> Any:
        width = max(1, *inner) if inner else 1
        dataset = self._group.create_dataset(
            name,
            shape=(0, *inner),
            maxshape=(None, *inner),
            dtype=dtype,
            chunks=(max(1, CHUNK // width), *(max(1, k) for k in inner)),
            **COMPRESSED,
        )
        dataset.attrs.update(about)
        return dataset

    def _write_arrays(self) -> None:
        group = None
        for name, array, axes in named_arrays(self._part):
            group = group or self._group.create_group(ARRAYS, track_order=True)
            more = COMPRESSED if array.data.size > 64 else {}
            dataset = group.create_dataset(hdf5_name(name), data=array.data, **more)
            dataset.attrs.update({"name": array.name, "unit": array.unit})
            if array.sequence_index is not None:
                dataset.attrs["sequence_index"] = array.sequence_index
            if axes:
                dataset.attrs["axes"] = json.dumps(list(array.axes))
            for place, axis in enumerate(axes):
                dataset.dims[place].label = axis.name


def _objects(readings: Any) -> np.ndarray:
    """Arrays of different lengths, one a cell."""
    cells = np.empty(len(readings), dtype=object)
    for place, reading in enumerate(readings):
        cells[place] = np.atleast_1d(np.asarray(reading, dtype=np.float64))
    return cells
