"""Examples that need nothing but themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from database.services import DatabaseService
from tests.examples.conftest import Run


def test_quickstart_ends_with_a_table_and_a_plot(run: Run, tmp_path: Path) -> None:
    done = run("quickstart.py")

    assert done.returncode == 0, done.stderr
    assert "91 readings; the plot is quickstart.png" in done.stdout
    assert "current (A)" in done.stdout
    assert "100%" in done.stderr, "the progress bar came to its end"
    assert (tmp_path / "quickstart.png").read_bytes().startswith(b"\x89PNG")


def test_own_instrument_moves_measures_and_refuses(run: Run) -> None:
    done = run("own_instrument.py")

    assert done.returncode == 0, done.stderr
    assert re.search(r"^2 +60\.0 +1\.25$", done.stdout, re.MULTILINE), done.stdout
    assert "refused: scan_tree[0].positions[1]: 400 deg is outside" in done.stdout


def test_own_extension_writes_and_fails(run: Run, tmp_path: Path) -> None:
    done = run("own_extension.py")

    assert done.returncode == 0, done.stderr
    assert "completed: 10 readings in " in done.stdout
    assert "failed: the folder no such folder does not exist" in done.stdout
    (written,) = tmp_path.glob("*-lockin.csv")
    frame = pd.read_csv(written, index_col="sequence_index")
    assert list(frame.index) == list(range(10))
    assert list(frame["stage (mm)"]) == [float(place) for place in range(0, 50, 5)]


def test_pymeasure_driver_finds_the_resonance(run: Run) -> None:
    done = run("pymeasure_instrument.py")

    assert done.returncode == 0, done.stderr
    assert re.search(r"41 readings; the peak is 0\.0[45]\d+ V at 327(6\d|7\d|5\d) Hz", done.stdout), (
        done.stdout
    )


def test_database_example_reads_back_and_goes_on(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        done = run("database_integration_example.py")
        assert done.returncode == 0, done.stderr
        assert "completed, 15 of 15 readings" in done.stdout

    with DatabaseService(tmp_path / "example.db") as db:
        scans = db.get_queue_with_scans("example-queue").scans
        counts = [{m.name: m.count for m in db.readings.measurements(scan.scan_id)} for scan in scans]
    assert counts == [{"spectrometer": 5, "meter": 10}] * 2
