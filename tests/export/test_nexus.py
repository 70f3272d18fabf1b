"""NeXus, read by the nexusformat package, and held against the rules for NXdata."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from nexusformat.nexus import nxload

from pybirch.dataset.scan import ScanData
from pybirch.export import export
from tests.export.shelf import (
    ODD,
    Shelf,
    map_of,
    nothing,
    odd,
    ragged,
    readings,
    renamed,
    spectra,
    with_arrays,
)

TREE = [
    {
        "type": "movement",
        "instrument": {"name": "stage", "adapter": "TCPIP::1"},
        "children": [{"type": "measurement", "instrument": {"name": "a meter"}}],
    }
]
SHAPES = {
    "map": (map_of(rows=6), (6, 4), ["x", "y"]),
    "cut off": (map_of(rows=6, cut=15), (4, 4), ["x", "y"]),
    "repeats": (map_of(rows=6, repeats=3), (6, 4, 3), ["x", "y", "."]),
    "spectra": (spectra(), (8, 8), ["x", "wavelength"]),
    "ragged": (ragged(), (5, 5), ["x", "."]),
    "row": (Shelf([readings(positions={})]).data(), (4,), ["sequence_index"]),
    "together": (
        Shelf([readings(positions={"a": np.arange(30.0), "b": np.arange(30.0)}, count=30)]).data(),
        (30,),
        ["a"],
    ),
}


def check(file: Path) -> None:
    """Every NXdata keeps the rules of its class."""
    found: list[h5py.Group] = []
    with h5py.File(file) as root:
        assert root.attrs["NX_class"] == "NXroot"
        root.visititems(lambda _, one: found.append(one) if one.attrs.get("NX_class") == "NXdata" else None)
        for group in found:
            _check_data(group)


def _check_data(group: h5py.Group) -> None:
    names = {name: one for name, one in group.items() if isinstance(one, h5py.Dataset)}
    assert all(re.fullmatch(r"[a-zA-Z0-9_]([a-zA-Z0-9_.]*[a-zA-Z0-9_])?", name) for name in names), list(
        names
    )
    if "signal" not in group.attrs:
        return
    signal = names[group.attrs["signal"]]
    axes = list(group.attrs.get("axes", ["."] * signal.ndim))
    assert len(axes) == signal.ndim
    for place, axis in enumerate(axes):
        if axis != ".":
            assert names[axis].shape == (signal.shape[place],)
    for other in group.attrs.get("auxiliary_signals", []):
        assert names[other].shape == signal.shape
    for key, value in group.attrs.items():
        if key.endswith("_indices"):
            coordinate = names[key.removesuffix("_indices")]
            assert coordinate.shape == tuple(signal.shape[i] for i in np.atleast_1d(value))


@pytest.mark.parametrize(("data", "shape", "axes"), list(SHAPES.values()), ids=list(SHAPES))
def test_the_default_plot_is_found(data: ScanData, shape: Any, axes: list[str], tmp_path: Path) -> None:
    file = export(data, tmp_path / "a.nxs")
    check(file)
    with nxload(file) as root:
        plotted = root.get_default()
        assert plotted.nxclass == "NXdata"
        signal = "v" if "v" in plotted else plotted.attrs["signal"]
        assert list(np.atleast_1d(plotted.attrs["axes"])) == axes
        expected = data.to_xarray()[signal]
    with h5py.File(file) as root:
        assert np.array_equal(root[f"entry/iv/{signal}"], expected, equal_nan=True)


def test_a_map_has_its_axes_and_units(tmp_path: Path) -> None:
    with nxload(export(map_of(rows=6), tmp_path / "a.nxs")) as root:
        plotted = root.get_default()
        assert [axis.nxname for axis in plotted.nxaxes] == ["x", "y"]
        assert plotted.nxsignal.shape == (6, 4)
        assert float(plotted.nxsignal[2, 3]) == 2003
        assert plotted.nxsignal.attrs["units"] == "V"
        assert plotted.nxsignal.attrs["long_name"] == "v (V)"


def test_signals_of_another_unit_are_a_plot_of_their_own(tmp_path: Path) -> None:
    """h5web draws all signals of an NXdata on one axis, with the first one's label."""
    values = {"i (A)": np.arange(4.0), "p (mW)": np.arange(4.0), "j (A)": np.ones(4), "n": np.arange(4.0)}
    file = export(Shelf([readings(values=values), readings("iv_p", 3)]).data(), tmp_path / "a.nxs")
    check(file)
    with h5py.File(file) as root:
        entry = root["entry"]
        assert entry.attrs["default"] == "iv"
        assert (entry["iv"].attrs["signal"], list(entry["iv"].attrs["auxiliary_signals"])) == ("i", ["j"])
        for name, signal in (("iv_p_2", "p"), ("iv_n", "n")):
            assert entry[name].attrs["signal"] == signal
            assert list(entry[name].attrs["axes"]) == ["x"]
            assert "auxiliary_signals" not in entry[name].attrs
            assert entry[name][signal] == entry["iv"][signal], "it is written once"
            assert entry[name][signal].attrs["target"] == f"/entry/iv/{signal}"
        assert entry["iv_p"].attrs["title"] == "iv_p"


def test_numbers_beside_spectra_are_a_plot_of_their_own(tmp_path: Path) -> None:
    with nxload(export(spectra(), tmp_path / "a.nxs")) as root:
        plotted = root["entry/iv_power"]
        assert [axis.nxname for axis in plotted.nxaxes] == ["x"]
        assert plotted.nxsignal.nxdata.tolist() == list(range(6))


def walk(*places: float, **values: Any) -> ScanData:
    x = np.array(places)
    return Shelf([readings(positions={"x (mm)": x}, values=values or {"v (V)": x * 10}, count=len(x))]).data()


def test_places_visited_in_any_order_are_drawn_from_low_to_high(tmp_path: Path) -> None:
    with h5py.File(export(walk(3, 1, 2, 0), tmp_path / "a.nxs")) as root:
        group = root["entry/iv"]
        assert group["x"][:].tolist() == [0, 1, 2, 3]
        assert group["v"][:].tolist() == [0, 10, 20, 30]
        assert group["sequence_index"][:].tolist() == [3, 1, 2, 0]
    with h5py.File(export(walk(3, 2, 1, 0), tmp_path / "b.nxs")) as root:
        assert root["entry/iv/x"][:].tolist() == [3, 2, 1, 0]


def test_a_line_there_and_back_is_a_line(tmp_path: Path) -> None:
    loop = (0.0, 1.0, 2.0, 1.0, 0.0, -1.0, 0.0)
    file = export(walk(*loop), tmp_path / "a.nxs")
    check(file)
    with h5py.File(file) as root:
        group = root["entry/iv"]
        assert list(group.attrs["axes"]) == ["x"]
        assert group["x"][:].tolist() == list(loop)
        assert group["v"][:].tolist() == [10 * place for place in loop]


def test_of_places_measured_several_times_the_first_time_is_drawn(tmp_path: Path) -> None:
    with h5py.File(export(map_of(rows=6, repeats=3), tmp_path / "a.nxs")) as root:
        assert list(root["entry/iv"].attrs["default_slice"]) == [".", ".", "0"]
    loop = walk(0, 1, 2, 1, 0, counts=np.arange(20.0).reshape(5, 4))
    with h5py.File(export(loop, tmp_path / "b.nxs")) as root:
        assert list(root["entry/iv"].attrs["default_slice"]) == [".", "0", "."]


def test_sample_instruments_and_settings_are_there(tmp_path: Path) -> None:
    facts = {"settings": {"scan_tree": TREE}, "owner": "Ada", "sample": {"ID": "S1", "material": "GaAs"}}
    with nxload(export(renamed(map_of(rows=6), **facts), tmp_path / "a.nxs")) as root:
        entry = root["entry"]
        assert str(entry["title"]) == "a scan"
        assert str(entry["start_time"]).startswith("2026-11-21T12:00")
        assert (str(entry["sample/name"]), str(entry["sample/description"])) == ("S1", "GaAs")
        assert entry["instrument/stage"].nxclass == "NXpositioner"
        assert entry["instrument/a_meter"].nxclass == "NXdetector"
        assert str(entry["user/name"]) == "Ada"
        assert json.loads(str(entry["settings/data"]))["scan_id"] == "S"


def test_arrays_are_plots_of_their_own(tmp_path: Path) -> None:
    file = export(with_arrays(), tmp_path / "a.nxs")
    check(file)
    with nxload(file) as root:
        frame = root["entry/iv_arrays/frame_1_1"]
        assert frame.nxsignal.nxdata.tolist() == [[0, 2, 4], [6, 8, 10]]
        assert frame["column"].nxdata.tolist() == [0.0, 0.5, 1.5]
        assert frame["data"].attrs["units"] == "counts"
        assert int(frame["sequence_index"]) == 1


def test_odd_names_are_valid(tmp_path: Path) -> None:
    file = export(odd(), tmp_path / "a.nxs")
    check(file)
    with h5py.File(file) as root:
        group = root[f"entry/{root['entry'].attrs['default']}"]
        told = [one.attrs["long_name"] for one in group.values() if "long_name" in one.attrs]
        assert set(ODD) <= set(told)


def test_several_measurements_and_none(tmp_path: Path) -> None:
    data = Shelf([readings("sample"), readings("b", 3)]).data()
    file = export(data, tmp_path / "a.nxs")
    check(file)
    with nxload(file) as root:
        assert root["entry"].attrs["default"] == "sample_2"
        assert root["entry/b/v"].shape == (3,)
    with nxload(export(nothing(), tmp_path / "b.nxs")) as root:
        assert root["entry"].nxclass == "NXentry"
    check(export(map_of(rows=6)["iv"][:0], tmp_path / "c.nxs"))
