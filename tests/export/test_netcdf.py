"""NetCDF, opened with xarray: the Dataset that `to_xarray` gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pybirch.dataset.scan import ScanData
from pybirch.export import export
from tests.export.shelf import ODD, Shelf, map_of, nothing, odd, ragged, readings, spectra, with_arrays

MAKERS: dict[str, Callable[[], ScanData]] = {
    "map": lambda: map_of(rows=6),
    "cut off": lambda: map_of(rows=6, cut=15),
    "snake": lambda: map_of(rows=6, snake=True),
    "repeats": lambda: map_of(rows=6, repeats=3),
    "repeats cut off": lambda: map_of(rows=6, repeats=3, cut=44),
    "spectra": spectra,
    "spectra that move": lambda: spectra(fixed=False),
    "ragged": ragged,
    "no positions": lambda: Shelf([readings(positions={})]).data(),
    "no data": lambda: Shelf([readings(count=3, values={})]).data(),
    "positions together": lambda: Shelf(
        [readings(positions={"a": np.arange(30.0), "b": np.arange(30.0)}, values={"v": np.arange(30.0)})]
    ).data(),
    "nan and inf": lambda: Shelf([readings(values={"v": np.array([np.nan, np.inf, -np.inf, 0.0])})]).data(),
    "a place unknown": lambda: Shelf([readings(count=3, positions={"x": np.array([0, np.nan, 1])})]).data(),
    "same name twice": lambda: Shelf([readings(values={"x (V)": np.arange(4.0)})]).data(),
    "units that are times": lambda: Shelf([readings(values={"t (s)": np.arange(4.0)})]).data(),
}


@pytest.mark.parametrize("data", [pytest.param(make(), id=name) for name, make in MAKERS.items()])
def test_xarray_opens_the_same_dataset(data: ScanData, tmp_path: Path) -> None:
    expected = data.to_xarray()
    clean = {name: name.replace(" (", "_").replace(")", "") for name in map(str, expected.variables)}
    with xr.open_dataset(export(data, tmp_path / "a.nc"), engine="h5netcdf") as read:
        xr.testing.assert_identical(read, expected.rename(clean))


def test_a_measurement_without_readings(tmp_path: Path) -> None:
    with xr.open_dataset(export(map_of(rows=6)["iv"][:0], tmp_path / "a.nc"), engine="h5netcdf") as read:
        assert dict(read.sizes) == {"reading": 0}
        assert list(read.data_vars) == ["v"]
    with xr.open_dataset(export(nothing(), tmp_path / "b.nc"), engine="h5netcdf") as read:
        assert read.attrs["scan_id"] == "S"


def test_several_measurements_are_a_tree(tmp_path: Path) -> None:
    data = Shelf([readings("iv"), readings("a/b", 3)]).data()
    with xr.open_datatree(export(data, tmp_path / "a.nc"), engine="h5netcdf") as read:
        xr.testing.assert_identical(read, data.to_datatree())


def test_odd_names_are_valid_and_told_in_long_name(tmp_path: Path) -> None:
    with xr.open_dataset(export(odd(), tmp_path / "a.nc"), engine="h5netcdf") as read:
        assert len(read.data_vars) == len(ODD)
        assert all(str(name).isidentifier() or str(name)[0].isdigit() for name in read.data_vars)
        values = sorted(float(read[name][0]) for name in read.data_vars)
        assert values == list(range(len(ODD)))
        assert read["a_b"].attrs == {"long_name": "a/b", "units": "V/√Hz"}


def test_arrays_are_a_group_with_their_axes(tmp_path: Path) -> None:
    file = export(with_arrays(), tmp_path / "a.nc")
    with xr.open_dataset(file, group="arrays", engine="h5netcdf") as read:
        frame = read["frame_1_1"]
        assert frame.values.tolist() == [[0, 2, 4], [6, 8, 10]]
        assert frame.attrs["long_name"] == "frame/1"
        assert frame.attrs["units"] == "counts"
        assert frame["frame_1_1_column"].values.tolist() == [0.0, 0.5, 1.5]
        assert frame["frame_1_1_column"].attrs["units"] == "um"
        whole = read["spectrum_2_real"].values + 1j * read["spectrum_2_imag"].values
        assert whole[0] == 1 + 2j
        assert read["mask_3"].values.tolist() == [1, 0]
        assert read["half_4"].values.tolist() == [1.5, np.inf]
    with xr.open_dataset(file, engine="h5netcdf") as read:
        xr.testing.assert_identical(read, with_arrays().to_xarray())
