"""CSV, read back by pandas; cells that no spreadsheet runs."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pybirch.dataset.facts import ColumnFacts
from pybirch.errors import FieldError
from pybirch.events import Readings
from pybirch.export import export
from pybirch.export.csv import csv_lines, text_cell
from pybirch.export.names import file_name
from tests.export.shelf import ODD, Shelf, map_of, odd, readings

COLUMNS = [ColumnFacts("x", "mm", "position"), ColumnFacts("=cmd()", "", "data")]


def block(**values: np.ndarray) -> Readings:
    return Readings(
        scan_id="S",
        measurement="m",
        first_index=5,
        steps=np.array([2, 3]),
        times=np.array([0.5, 1.5]),
        positions={"x (mm)": np.array([1.0, -2.0])},
        values=values,
    )


def test_csv_of_scalars_quotes_what_a_spreadsheet_would_run() -> None:
    text = "".join(csv_lines(COLUMNS, [block(**{"=cmd()": np.array([0.1, np.nan])})]))
    assert text.splitlines() == [
        "index,time (s),step,x (mm),'=cmd()",
        "5,0.5,2,1.0,0.1",
        "6,1.5,3,-2.0,nan",
    ]


def test_csv_of_arrays_is_long() -> None:
    layout = [COLUMNS[0], ColumnFacts("s", "counts", "data", (2,))]
    text = "".join(csv_lines(layout, [block(**{"s (counts)": np.array([[1.0, 2.0], [3.0, 4.0]])})]))
    assert text.splitlines() == [
        "index,time (s),step,element,x (mm),s (counts)",
        "5,0.5,2,0,1.0,1.0",
        "5,0.5,2,1,1.0,2.0",
        "6,1.5,3,0,-2.0,3.0",
        "6,1.5,3,1,-2.0,4.0",
    ]


def test_cells_and_file_names() -> None:
    assert text_cell('a,"b"') == '"a,""b"""'
    for formula in ("@x", " =1", "\n=1", "＝1", "\u200b=1", "\ufeff \u00a0+1", "﹣1", "\t=1", "\u0301=1"):
        assert text_cell(formula).strip('"').startswith("'"), ascii(formula)
    for text in ("", " ", "x = 1", "µ", "(-)"):
        assert text_cell(text) == text
    assert text_cell("a;=1") == '"a;=1"', "others part cells at other signs"
    assert file_name("IV curve/1", "../..", suffix=".csv") == "IV_curve_1-scan.csv"


def test_pandas_reads_the_same_table_with_the_same_columns(tmp_path: Path) -> None:
    data = map_of(rows=6)
    read = pd.read_csv(export(data, tmp_path / "a.csv"), index_col="index")
    assert list(read.columns) == ["time (s)", "step", "x (mm)", "y (mm)", "v (V)"]
    expected = data.to_pandas()
    assert np.array_equal(read[expected.columns].to_numpy(), expected.to_numpy())


def test_not_a_number_and_infinities_come_back(tmp_path: Path) -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1e-300])
    data = Shelf([readings("iv", values={"v (V)": values})]).data()
    read = pd.read_csv(export(data, tmp_path / "a.csv"))
    assert np.array_equal(read["v (V)"], values, equal_nan=True)


def test_readings_of_unequal_lengths_have_a_row_an_element(tmp_path: Path) -> None:
    ragged = [np.array([1.0]), np.array([2.0, 3.0]), np.empty(0)]
    block = readings("iv", values={"trace (A)": ragged, "bias (V)": np.array([7.0, 8.0, 9.0])})
    read = pd.read_csv(export(Shelf([block]).data(), tmp_path / "a.csv"))
    assert read["index"].tolist() == [0, 1, 1, 2]
    assert read["trace (A)"].dropna().tolist() == [1, 2, 3]
    assert read["bias (V)"].tolist() == [7, 8, 8, 9]


def test_odd_names_are_cells_that_come_back(tmp_path: Path) -> None:
    read = pd.read_csv(export(odd(), tmp_path / "a.csv"))
    assert [name.lstrip("'") for name in read.columns[3:]] == ["x (mm)", *ODD]


def test_several_measurements_make_a_zip_or_one_is_named(tmp_path: Path) -> None:
    data = Shelf([readings("a/b"), readings("a.b", 3)]).data()
    with pytest.raises(
        FieldError, match=r"^measurement: scan S has 'a/b', 'a\.b': name one, or write a \.zip"
    ):
        export(data, tmp_path / "a.csv")
    assert not list(tmp_path.iterdir())
    assert len(pd.read_csv(export(data, tmp_path / "a.csv", measurement="a.b"))) == 3
    with zipfile.ZipFile(export(data, tmp_path / "a.zip")) as archive:
        assert archive.namelist() == ["a_b.csv", "a.b.csv"]
        assert len(pd.read_csv(io.BytesIO(archive.read("a.b.csv")))) == 3


def test_a_measurement_without_readings_is_a_header(tmp_path: Path) -> None:
    read = pd.read_csv(export(map_of(rows=6)["iv"][:0], tmp_path / "a.csv"))
    assert list(read.columns[-1:]) == ["v (V)"]
    assert len(read) == 0
