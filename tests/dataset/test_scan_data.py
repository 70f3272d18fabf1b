"""A scan's data taken out as pandas, xarray and Arrow, straight from a scan of this program."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from pybirch import data_of
from pybirch.dataset.scan import ScanData
from pybirch.errors import FieldError, NotFoundError
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import MeasurementItem, MovementItem
from tests.lab import Meter, Stage, line_scan


def scan_of(*tree: MovementItem) -> Scan:
    return Scan(ScanSettings("project", "a name", "type", "job", scan_tree=list(tree)))


def grid(meter: Meter) -> ScanData:
    inner = MovementItem(Stage("y"), [1.0, 2.0, 3.0], children=[MeasurementItem(meter)])
    scan = scan_of(MovementItem(Stage("x"), [10.0, 20.0], children=[inner]))
    scan.run()
    return data_of(scan)


def test_pandas_is_what_the_scan_gives() -> None:
    scan = line_scan(Stage(), Meter(answer=lambda n: n * 1.5), 4)
    scan.run()
    assert data_of(scan).to_pandas().equals(scan.data["meter"])


def test_times_and_steps_come_when_asked_for() -> None:
    frame = grid(Meter()).to_pandas(times=True)
    assert list(frame.columns[:2]) == ["time", "step"]
    assert str(frame["time"].dtype).endswith("UTC]")
    assert list(frame["step"]) == sorted(frame["step"])


def test_columns_and_ranges_are_chosen_before_anything_is_read() -> None:
    data = grid(Meter(columns=["v", "i"], units=["V", "A"], answer=lambda n: [n, -n]))
    narrow = data["meter"]["i"][2:4]
    assert narrow.units == {"i": "A"}
    frame = narrow.to_pandas()
    assert list(frame.columns) == ["i (A)"]
    assert list(frame.index) == [2, 3]
    assert list(data["meter"][-2:].to_pandas().index) == [4, 5]
    assert list(data["meter"][1:][:3].to_pandas().index) == [1, 2]


def test_what_is_not_there_is_named() -> None:
    data = grid(Meter())
    with pytest.raises(FieldError, match=r"columns: there is no column 'w'; there are x .*voltage \(V\)"):
        data["meter"]["w"]
    with pytest.raises(NotFoundError, match="no measurement 'other'; it has 'meter'"):
        data["other"]
    with pytest.raises(FieldError, match="a stride of 2"):
        data["meter"][::2]


def test_one_of_several_measurements_has_to_be_named() -> None:
    meters = [MeasurementItem(Meter("a")), MeasurementItem(Meter("b"))]
    scan = scan_of(MovementItem(Stage("x"), [1.0, 2.0], children=meters))
    scan.run()
    data = data_of(scan)
    assert set(data) == {"a", "b"}
    with pytest.raises(FieldError, match="it has 'a', 'b'; name one"):
        data.to_pandas()
    assert len(data.to_pandas("b")) == 2
    tree = data.to_datatree()
    assert set(tree.children) == {"a", "b"}
    assert tree.attrs["name"] == "a name"


def test_xarray_has_the_walk_as_its_dimensions() -> None:
    found = grid(Meter(answer=lambda n: float(n))).to_xarray()
    assert dict(found.sizes) == {"x": 2, "y": 3}
    assert found["voltage"].attrs == {"long_name": "voltage", "units": "V"}
    assert found["x"].attrs["units"] == "mm"
    assert float(found["voltage"].sel(x=20, y=1)) == 3.0
    assert found["sequence_index"].values.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_what_was_not_reached_is_nan() -> None:
    found = grid(Meter(answer=lambda n: float(n)))["meter"][:4].to_xarray()
    assert found["voltage"].shape == (2, 3)
    assert np.isnan(found["voltage"].values[1, 1:]).all()
    assert found["sequence_index"].values[1].tolist() == [3, -1, -1]
    assert np.isnat(found["time"].values[1, 2])


def test_a_spectrum_has_its_wavelength_as_coordinate() -> None:
    wavelength = np.linspace(400, 700, 16)
    meter = Meter(
        columns=["wavelength", "counts"],
        units=["nm", ""],
        answer=lambda n: np.stack([wavelength, wavelength * n], axis=1),
    )
    found = grid(meter).to_xarray()
    assert dict(found.sizes) == {"x": 2, "y": 3, "wavelength": 16}
    assert found["counts"].dims == ("x", "y", "wavelength")
    assert np.array_equal(found["wavelength"], wavelength)
    assert found["wavelength"].attrs["units"] == "nm"
    assert np.array_equal(found["counts"].isel(x=1, y=2), wavelength * 5)


def test_readings_of_unequal_lengths_are_filled_up_with_nan() -> None:
    data = grid(Meter(answer=lambda n: np.full((n + 1, 1), float(n))))
    found = data.to_xarray()
    assert dict(found.sizes) == {"x": 2, "y": 3, "element": 6}
    assert np.isnan(found["voltage"].isel(x=0, y=0)).sum() == 5
    assert data.to_arrow()["voltage (V)"].to_pylist()[1] == [1.0, 1.0]


def test_the_same_name_as_position_and_as_reading() -> None:
    scan = scan_of(MovementItem(Stage("x"), [1.0, 2.0], children=[MeasurementItem(Meter(columns=["x"]))]))
    scan.run()
    found = data_of(scan).to_xarray()
    assert set(found.coords) >= {"x (position)"}
    assert set(found.data_vars) == {"x"}


def test_arrow_keeps_units_times_and_what_the_scan_was() -> None:
    data = grid(Meter(answer=lambda n: float(n)))
    table = data.to_arrow()
    assert table.column_names == ["sequence_index", "step", "time", "x (mm)", "y (mm)", "voltage (V)"]
    assert table.schema.field("voltage (V)").metadata == {b"unit": b"V", b"role": b"data"}
    about = json.loads(table.schema.metadata[b"pybirch"])
    assert about["name"] == "a name"
    assert about["measurement"] == "meter"
    assert table["voltage (V)"].to_pylist() == [0, 1, 2, 3, 4, 5]
    times = data.to_pandas(times=True)["time"]
    assert (table["time"].to_pandas() - times.reset_index(drop=True)).abs().max().total_seconds() < 1e-5


def test_a_spectrum_in_arrow_is_a_list_of_fixed_length() -> None:
    meter = Meter(columns=["a", "b"], units=["", ""], answer=lambda n: np.full((4, 2), float(n)))
    table = grid(meter).to_arrow()
    assert str(table.schema.field("a").type) == "fixed_size_list<item: double>[4]"
    assert table["b"].to_pylist()[3] == [3.0] * 4


def test_a_rewound_scan_gives_the_newest_unless_asked_for_all() -> None:
    went_back = []

    def answer(n: int) -> float:
        if n == 3 and not went_back:
            went_back.append(scan.rewind(1))
        return float(n)

    scan = line_scan(Stage(), Meter(answer=answer), 6)
    scan.run()
    data = data_of(scan)["meter"]
    assert data.to_pandas().equals(scan.data["meter"])
    assert len(data.all_readings().to_pandas()) == scan.counts["meter"] > len(data.to_pandas())
    assert data.to_xarray().sizes == {"x": 6}


def test_an_absent_library_is_named_with_its_extra() -> None:
    code = (
        "import sys; sys.modules['xarray'] = None\n"
        "from pybirch.dataset.libraries import library\n"
        "try: library('xarray')\n"
        "except ImportError as error: print(error)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pip install 'pybirch[export]'" in told
