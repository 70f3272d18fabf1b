"""What holds for every format: all or no file, progress, memory that does not grow, rewound scans."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pybirch
from database.services import DatabaseService
from pybirch.dataset.scan import ScanData
from pybirch.errors import FieldError, NotFoundError, PyBirchError
from pybirch.events import Readings
from pybirch.export import FORMATS, export
from pybirch.export.progress import ExportCancelledError
from tests.export.shelf import Shelf, map_of, readings
from tests.lab import Meter, Stage, line_scan

ALL = list(FORMATS)


class Endless(Shelf):
    """So many readings, made when they are asked for."""

    def __init__(self, count: int, block: int = 10_000) -> None:
        super().__init__([readings(count=1)])
        self.count = count
        self.block = block

    def measurements(self) -> list[Any]:
        return [replace(super().measurements()[0], count=self.count)]

    def blocks(
        self, measurement: str, start: int, end: int, columns: Sequence[str] | None, newest: bool
    ) -> Iterator[Readings]:
        for first in range(start, end, self.block):
            count = min(self.block, end - first)
            index = np.arange(first, first + count)
            line = {"x (mm)": (index // 500) * 0.5}
            yield readings(count=count, first=first, positions=line, values={"v (V)": index * 2.0})


@pytest.mark.parametrize("name", ALL)
def test_memory_does_not_grow_with_the_scan(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybirch.export.contents.NUMBERS_AT_ONCE", 50_000)
    monkeypatch.setattr("pybirch.export.crate.MOST_CSV", 0)

    def peak(count: int) -> int:
        tracemalloc.start()
        export(Endless(count).data(), tmp_path / f"a{FORMATS[name].suffix}")
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2_000)  # imports and caches
    small, large = peak(20_000), peak(140_000)
    assert large < small + 1_500_000, (small, large)  # the readings alone are 3.8 MB more


@pytest.mark.parametrize("name", ALL)
def test_progress_rises_to_one(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybirch.export.contents.NUMBERS_AT_ONCE", 12)
    told: list[float] = []
    export(map_of(rows=6), tmp_path / f"a{FORMATS[name].suffix}", progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert len({round(share, 3) for share in told}) > 5


@pytest.mark.parametrize("name", ALL)
def test_cancelled_it_leaves_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pybirch.export.contents.NUMBERS_AT_ONCE", 12)

    def stop(share: float) -> None:
        if share > 0.3:
            raise ExportCancelledError("enough")

    (tmp_path / f"old{FORMATS[name].suffix}").write_text("what was there")
    for stem in ("new", "old"):
        with pytest.raises(ExportCancelledError):
            export(map_of(rows=6), tmp_path / f"{stem}{FORMATS[name].suffix}", progress=stop)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["what was there"]


@pytest.mark.parametrize("name", ALL)
def test_a_file_that_cannot_be_written_is_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(PyBirchError, match=r"^cannot write .*no such folder"):
        export(map_of(rows=6), tmp_path / "no such folder" / f"a{FORMATS[name].suffix}")


def test_the_suffix_says_which_format(tmp_path: Path) -> None:
    with pytest.raises(FieldError, match=r"^format: the suffix of 'a\.xls' tells none: .*\.csv, \.parquet"):
        export(map_of(rows=6), tmp_path / "a.xls")
    with pytest.raises(FieldError, match=r"^format: there is none called 'xls'"):
        export(map_of(rows=6), tmp_path / "a", "xls")
    with pytest.raises(NotFoundError, match="no measurement 'other'"):
        export(map_of(rows=6), tmp_path / "a.csv", measurement="other")
    assert export(map_of(rows=6), tmp_path / "a.HDF5").read_bytes()[1:4] == b"HDF"
    assert len(pd.read_parquet(export(map_of(rows=6), tmp_path / "table", "parquet"))) == 24


def test_a_scan_of_this_program_is_exported_as_it_is(tmp_path: Path) -> None:
    scan = line_scan(Stage(), Meter(answer=lambda n: n * 1.5), 4)
    scan.run()
    with xr.open_dataset(export(scan, tmp_path / "a.nc"), engine="h5netcdf") as read:
        xr.testing.assert_identical(read, pybirch.data_of(scan).to_xarray())


@pytest.fixture
def rewound(tmp_path: Path) -> Iterator[ScanData]:
    """Interrupted; the last five of a hundred readings were measured again."""
    with DatabaseService(tmp_path / "lab.db") as db:
        db.scans.create(scan_id="S", scan_name="a scan", status="interrupted")
        again = readings(first=100, count=5)
        again = replace(again, positions={"x (mm)": np.arange(95, 100) * 0.5}, replaces=np.arange(95, 100))
        db.readings.append("S", [readings(count=100), again])
        yield db.data("S")


@pytest.mark.parametrize("name", ["csv", "parquet", "netcdf"])
def test_a_rewound_scan_gives_the_newest_or_all(name: str, rewound: ScanData, tmp_path: Path) -> None:
    def indexes(all_readings: bool) -> list[int]:
        file = export(rewound, tmp_path / f"a{FORMATS[name].suffix}", all_readings=all_readings)
        if name == "csv":
            return pd.read_csv(file)["index"].tolist()
        if name == "parquet":
            return pd.read_parquet(file)["sequence_index"].tolist()
        with xr.open_dataset(file, engine="h5netcdf") as read:
            found = read["sequence_index"].values.ravel()
            return sorted(found[found >= 0].tolist())

    assert indexes(False) == [*range(95), *range(100, 105)]
    assert indexes(True) == list(range(105))


def test_an_absent_library_is_named_with_its_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['h5py'] = None\n"
        "from pybirch.export import export\nfrom tests.export.shelf import map_of\n"
        "try: export(map_of(rows=6), 'a.h5')\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'pybirch[export]'" in done.stdout


def test_the_room_imports_none_of_its_libraries() -> None:
    code = (
        "import sys, pybirch.export.formats\nfrom pybirch.export import export, FORMATS\n"
        "[each.module() for each in FORMATS.values()]\n"
        "print({'h5py', 'pyarrow', 'xarray', 'rocrate', 'event_model', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
