"""The same data from the database and from a server."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import pybirch
from database.services import DatabaseService
from pybirch.dataset.scan import ScanData
from pybirch.errors import FieldError, NotFoundError, PyBirchError
from pybirch.events import Readings
from pybirch.states import ScanState


def block(scan_id: str, first: int, count: int, **more: object) -> Readings:
    index = np.arange(first, first + count, dtype=np.float64)
    return Readings(
        scan_id=scan_id,
        measurement="iv",
        first_index=first,
        steps=np.arange(first, first + count),
        times=1e9 + index,
        positions={"x (mm)": index},
        values={"v (V)": index * 2, "trace (A)": np.outer(index, [1.0, 2.0])},
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def place(tmp_path: Path, empty_record: Path) -> Path:
    return Path(shutil.copy(empty_record, tmp_path / "lab.db"))


@pytest.fixture
def data(place: Path) -> ScanData:
    with DatabaseService(place) as db:
        sample = db.samples.create(sample_id="S1", material="GaAs")
        db.scans.create(scan_id="abc", scan_name="a scan", sample_id=sample.id, status=ScanState.INTERRUPTED)
        db.readings.append("abc", [block("abc", 0, 100)])
        again = np.full(10, -1)
        again[:5] = np.arange(90, 95)
        db.readings.append("abc", [block("abc", 100, 10, replaces=again)])
        measurement = db.readings.measurements("abc")[0].id
        axes = [{"name": "row"}, {"name": "column", "unit": "um", "values": [0, 1, 2]}]
        db.arrays.create(measurement, np.arange(6).reshape(2, 3), name="frame", unit="counts", axes=axes)
        return db.data("abc")


def test_an_interrupted_scan_loads_like_any_other(data: ScanData, place: Path) -> None:
    frame = pybirch.load("abc", database=place).to_pandas()
    assert frame["v (V)"].to_numpy().tolist() == [2.0 * i for i in range(110) if not 90 <= i < 95]
    assert frame.index[-16:].tolist() == [89, *range(95, 110)]
    assert len(data["iv"].all_readings().to_pandas()) == 110
    assert data.facts.status == "interrupted"
    assert data.facts.sample == {"ID": "S1", "material": "GaAs", "tags": []}


def test_arrays_keep_axes_and_units(data: ScanData) -> None:
    [frame] = data["iv"].arrays()
    assert np.array_equal(frame.data, [[0, 1, 2], [3, 4, 5]])
    assert frame.unit == "counts"
    assert frame.axes[1] == {"name": "column", "unit": "um", "values": [0.0, 1.0, 2.0]}


@pytest.mark.parametrize(
    ("axes", "field"),
    [
        ([{"name": "row"}], "axes"),
        ([{"name": "row"}, {"nam": "column"}], r"axes\[1\]\.nam"),
        ([{"values": [1, 2, 3]}, {}], r"axes\[0\]\.values"),
        ([{"values": [1, float("nan")]}, {}], r"axes\[0\]\.values"),
        ([{"values": ["a", "b"]}, {}], r"axes\[0\]\.values"),
    ],
)
def test_axes_that_do_not_fit_are_refused_by_name(
    data: ScanData, place: Path, axes: list[dict[str, object]], field: str
) -> None:
    with DatabaseService(place) as db, pytest.raises(FieldError, match=f"^{field}: "):
        db.arrays.create(db.readings.measurements("abc")[0].id, np.zeros((2, 3)), axes=axes)


def test_it_is_found_where_the_lab_keeps_its_data(
    data: ScanData, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.parent)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(PyBirchError, match=r"there is no database .*pybirch\.db: give database="):
        pybirch.load("abc")
    (place.parent / "data" / "demo").mkdir(parents=True)
    place.rename(place.parent / "data" / "demo" / "pybirch.db")
    assert pybirch.load("abc").facts.name == "a scan"


def test_what_is_not_there_is_said_and_not_made(data: ScanData, place: Path) -> None:
    with pytest.raises(FieldError, match="database: there is no file"):
        pybirch.load("abc", database=place.with_name("other.db"))
    assert not place.with_name("other.db").exists()
    with pytest.raises(NotFoundError, match="'abd'"):
        pybirch.load("abd", database=place)
    with pytest.raises(FieldError, match="token: the server at"):
        pybirch.load("abc", url="http://127.0.0.1:1")
    with pytest.raises(FieldError, match="not both"):
        pybirch.load("abc", url="http://127.0.0.1:1", database=place)
