"""NetCDF 4: what `MeasurementData.to_xarray` gives, written by xarray, a chunk at a time.

`xarray.open_dataset` gives the same Dataset back; several measurements are groups, for
`xarray.open_datatree`. Arrays kept beside readings are variables of a group "arrays".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.frame import chunks, surveyed
from pybirch.dataset.lazy import dataset
from pybirch.dataset.libraries import library
from pybirch.dataset.xarray import attributes_of
from pybirch.export.contents import pieces, rows_at_once
from pybirch.export.hdf5 import ARRAYS
from pybirch.export.kept import named_arrays
from pybirch.export.names import unlike

if TYPE_CHECKING:
    import xarray as xr

    from pybirch.dataset.measurement import MeasurementData
    from pybirch.export.contents import Contents

ENGINE = "h5netcdf"
COMPRESSED = {"zlib": True, "complevel": 1, "shuffle": True}
TIMES = {
    "units": "microseconds since 1970-01-01",
    "calendar": "proleptic_gregorian",
    "dtype": "int64",
    "_FillValue": np.iinfo(np.int64).min,
}


def write(contents: Contents, file: Path) -> None:
    """Write the file."""
    xarray = library("xarray")
    library("h5netcdf")
    alone = len(contents.parts) == 1
    names = unlike([part.name for part in contents.parts], group_name)
    # In this thread, so that whoever hears of the progress may end it.
    with library("dask").config.set(scheduler="synchronous"):
        if not alone:
            xarray.Dataset(attrs=attributes_of(contents.facts)).to_netcdf(file, engine=ENGINE)
        for part in contents.parts:
            group = "/" if alone else f"/{names[part.name]}"
            made = _clean(_lazy(contents, part))
            _append(made, file, group, "w" if alone else "a", _encoding(made))
            _append_arrays(part, file, group)


def group_name(name: str) -> str:
    """As `pybirch.dataset.xarray.to_datatree` calls it."""
    return name.replace("/", "_")


def variable_name(name: str) -> str:
    """Letters, digits and underscores, as the CF conventions want it; long_name keeps the whole."""
    return re.sub(r"\W+", "_", name).strip("_") or "unnamed"


def _lazy(contents: Contents, part: MeasurementData) -> xr.Dataset:
    frame = surveyed(contents.blocks, part)
    return dataset(frame, rows_at_once(part), pieces, contents.progress.add)


def _clean(made: xr.Dataset) -> xr.Dataset:
    names = unlike(dict.fromkeys(map(str, (*made.variables, *made.sizes))), variable_name)
    return made.rename({old: new for old, new in names.items() if old != new})


def _encoding(made: xr.Dataset) -> dict[Any, dict[str, Any]]:
    return {
        name: ({"chunksizes": chunks(variable.shape), **COMPRESSED} if variable.size else {})
        | (TIMES if variable.dtype.kind == "M" else {})
        for name, variable in made.variables.items()
    }


def _append(made: xr.Dataset, file: Path, group: str, mode: Any, encoding: Any = None) -> None:
    made.to_netcdf(file, mode, group=group, engine=ENGINE, encoding=encoding)


def _append_arrays(part: MeasurementData, file: Path, group: str) -> None:
    """An array's variables at a time."""
    xarray = library("xarray")
    for name, array, axes in named_arrays(part):
        whole = variable_name(name)
        dims = [f"{whole}_{variable_name(axis.name)}" for axis in axes]
        places = {
            dim: (dim, axis.values, _named(axis.name, axis.unit))
            for dim, axis in zip(dims, axes, strict=True)
            if axis.values is not None
        }
        index = {} if array.sequence_index is None else {"sequence_index": array.sequence_index}
        attributes = _named(array.name, array.unit) | index
        variables = {whole + end: (dims, data, attributes) for end, data in _real_parts(array.data)}
        _append(xarray.Dataset(variables, places), file, f"{group.rstrip('/')}/{ARRAYS}", "a")


def _named(name: str, unit: str) -> dict[str, str]:
    return {key: value for key, value in (("long_name", name), ("units", unit)) if value}


def _real_parts(data: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The array in types that NetCDF has: complex numbers in two, truths as bytes, halves as singles."""
    match data.dtype.kind:
        case "c":
            return [("_real", np.real(data)), ("_imag", np.imag(data))]
        case "b":
            return [("", data.astype(np.int8))]
        case "f" if data.dtype.itemsize not in (4, 8):
            return [("", data.astype(np.float32 if data.dtype.itemsize < 4 else np.float64))]
        case _:
            return [("", data)]
