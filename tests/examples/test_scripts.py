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
    assert "on purpose" in done.stdout
    assert "failed: the folder no such folder does not exist" in done.stdout
    assert done.stderr == "", "a failure that is shown is no alarm"
    (written,) = tmp_path.glob("*-lockin.csv")
    frame = pd.read_csv(written, index_col="sequence_index")
    assert list(frame.index) == list(range(10))
    assert list(frame["stage (mm)"]) == [float(place) for place in range(0, 50, 5)]


def test_a_nested_grid_snakes_and_averages(run: Run) -> None:
    done = run("nested_grid.py")

    assert done.returncode == 0, done.stderr
    assert "20 places, 40 readings" in done.stdout
    assert "theta std (deg)" in done.stdout
    assert re.search(r"^5 +20\.0 +27\.0 ", done.stdout, re.MULTILINE), "it goes back on the second line"
    assert "a spectrum has 256 values" in done.stdout


def test_adaptive_positions_find_the_threshold(run: Run) -> None:
    done = run("adaptive_threshold.py")

    assert done.returncode == 0, done.stderr
    found = re.search(r"1 mA at 0\.64\d V, found with (\d+) readings", done.stdout)
    assert found is not None, done.stdout
    assert int(found[1]) < 20


def test_a_condition_decides_what_is_measured(run: Run) -> None:
    done = run("conditional.py")

    assert done.returncode == 0, done.stderr
    assert "looked at 8 places, took 4 spectra" in done.stdout
    assert "completed: diode > 12 holds (it is 12.25)" in done.stdout


def test_parallel_branches_take_their_time_together(run: Run) -> None:
    done = run("parallel_branches.py")

    assert done.returncode == 0, done.stderr
    took = re.search(r"side by side ([\d.]+) s, one after the other ([\d.]+) s", done.stdout)
    assert took is not None, done.stdout
    assert float(took[1]) < float(took[2])


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


def test_a_scan_that_was_cut_off_goes_on_and_every_reading_is_there_once(run: Run, tmp_path: Path) -> None:
    done = run("resume_after_crash.py")

    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"completed: (\d+) readings were kept, 101 are there now\n", done.stdout)
    assert found, done.stdout
    assert 10 <= int(found[1]) < 101
    with DatabaseService(tmp_path / "crash.db") as db:
        (scan,) = db.scans.list()
        assert list(db.readings.read(scan.scan_id, "meter").steps) == list(range(101))


def test_two_scans_are_compared_with_all_they_ran_under(run: Run, tmp_path: Path) -> None:
    done = run("compare_two_scans.py")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "light on L-1: completed",
        "light on L-2: failed",
        "since light of ada:",
        "  scan_tree[0] movement stage: positions.stop 10 -> 12 mm",
        "  lamp: settings.filter added: blue",
        "  sample ID L-1 -> L-2",
        "  sample material halogen -> LED",
    ]
    with DatabaseService(tmp_path / "compare.db") as db:
        assert db.templates.scans.get("Weekly light").version == 1


def test_a_recorded_map_is_loaded_and_drawn(run: Run, tmp_path: Path) -> None:
    done = run("load_and_plot.py")

    assert done.returncode == 0, done.stderr
    assert "(x: 21, y: 11)" in done.stdout
    assert "brightest at {'x': 2.0, 'y': 1.0}; the map is beam.png" in done.stdout
    assert (tmp_path / "beam.png").read_bytes().startswith(b"\x89PNG")


def test_a_colleague_gets_every_format(run: Run, tmp_path: Path) -> None:
    done = run("export_for_a_colleague.py")

    assert done.returncode == 0, done.stderr
    suffixes = {file.suffix for file in tmp_path.glob("diode.*")}
    assert suffixes == {".csv", ".parquet", ".h5", ".nc", ".nxs", ".jsonl", ".eln"}
    assert "0.0145 A at 0.9 V" in done.stdout
