"""Parquet and HDF5, read back by pyarrow, pandas and h5py."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pybirch.errors import FieldError
from pybirch.export import export
from pybirch.wire import join_column
from tests.export.shelf import ODD, Shelf, map_of, nothing, odd, ragged, readings, spectra, with_arrays


def test_parquet_is_the_arrow_table(tmp_path: Path) -> None:
    for data in (map_of(rows=6), spectra(), ragged(), odd()):
        read = pq.read_table(export(data, tmp_path / "a.parquet"))
        assert read.equals(data.to_arrow())
        assert read.schema.metadata == data.to_arrow().schema.metadata
        assert [field.metadata for field in read.schema] == [
            field.metadata for field in data.to_arrow().schema
        ]


def test_parquet_has_a_row_group_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybirch.export.contents.NUMBERS_AT_ONCE", 12)  # two readings of six numbers
    file = export(map_of(rows=6), tmp_path / "a.parquet")
    assert pq.ParquetFile(file).num_row_groups == 14  # blocks of five, in twos
    assert len(pd.read_parquet(file)) == 24


def test_parquet_of_several_measurements_is_a_zip(tmp_path: Path) -> None:
    data = Shelf([readings("a"), readings("b", 3)]).data()
    with pytest.raises(FieldError, match="name one"):
        export(data, tmp_path / "a.parquet")
    with zipfile.ZipFile(export(data, tmp_path / "a.zip", "parquet")) as archive:
        assert archive.namelist() == ["a.parquet", "b.parquet"]
        assert pq.read_table(BytesIO(archive.read("b.parquet"))).equals(data["b"].to_arrow())


def test_hdf5_has_a_dataset_a_column(tmp_path: Path) -> None:
    data = map_of(rows=6)
    with h5py.File(export(data, tmp_path / "a.h5")) as root:
        group = root["iv"]
        assert list(group) == ["sequence_index", "step", "time", "x (mm)", "y (mm)", "v (V)"]
        for name, values in data["iv"].gathered().columns.items():
            assert np.array_equal(group[name], values)
        assert dict(group["v (V)"].attrs) == {"name": "v", "unit": "V", "role": "data"}
        assert group["v (V)"].compression == "gzip"
        assert group["time"][1] == 1.7e9 + 0.25
        assert json.loads(root.attrs["facts"])["scan_id"] == "S"
        assert root.attrs["name"] == "a scan"


def test_hdf5_of_spectra_and_of_readings_of_unequal_lengths(tmp_path: Path) -> None:
    with h5py.File(export(spectra(), tmp_path / "a.h5")) as root:
        assert np.array_equal(root["iv/counts"], np.arange(48.0).reshape(6, 8))
    with h5py.File(export(ragged(), tmp_path / "b.h5")) as root:
        found = [list(reading) for reading in root["iv/trace (A)"]]
        assert found == [list(reading) for reading in ragged()["iv"].gathered().columns["trace (A)"]]


def test_hdf5_keeps_arrays_with_units_and_axes(tmp_path: Path) -> None:
    with h5py.File(export(with_arrays(), tmp_path / "a.h5")) as root:
        arrays = root["iv/arrays"]
        for stored, name in zip(with_arrays()["iv"].arrays(), arrays, strict=True):
            assert np.array_equal(arrays[name], stored.data, equal_nan=stored.data.dtype.kind in "fc")
            assert arrays[name].attrs["unit"] == stored.unit
        frame = arrays["frame_1_1"]
        assert (frame.attrs["name"], frame.attrs["sequence_index"]) == ("frame/1", 1)
        assert [dim.label for dim in frame.dims] == ["row", "column"]
        assert json.loads(frame.attrs["axes"])[1]["values"] == [0.0, 0.5, 1.5]


def test_hdf5_of_odd_names(tmp_path: Path) -> None:
    with h5py.File(export(odd(), tmp_path / "a.h5")) as root:
        [group] = root.values()
        assert group.attrs["name"] == "a/b: c.d"
        columns = [one for one in group.values() if one.attrs.get("role") == "data"]
        full = [join_column(column.attrs["name"], column.attrs["unit"]) for column in columns]
        assert full == ODD
        assert [column[0] for column in columns] == list(range(len(ODD)))


def test_hdf5_of_a_scan_that_never_measured_has_its_facts(tmp_path: Path) -> None:
    with h5py.File(export(nothing(), tmp_path / "a.h5")) as root:
        assert list(root) == []
        assert json.loads(root.attrs["facts"])["status"] == "queued"
    with pytest.raises(FieldError, match="has no readings"):
        export(nothing(), tmp_path / "a.parquet")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_come_back(tmp_path: Path, value: float) -> None:
    data = Shelf([readings(values={"v (V)": np.array([1.0, value])})]).data()
    with h5py.File(export(data, tmp_path / "a.h5")) as root:
        assert np.array_equal(root["iv/v (V)"], [1.0, value], equal_nan=True)
    assert np.array_equal(pd.read_parquet(export(data, tmp_path / "a.parquet"))["v (V)"], [1.0, value], True)
