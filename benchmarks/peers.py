"""The same sweep with other systems, in one run: a move and a reading of two columns a point.

``python benchmarks/peers.py [--points N]``; needs ``pip install 'pybirch[bench]'``. Everybody drives
instruments that do nothing, and stores as it does by default: PyMeasure to CSV, QCoDeS to SQLite,
bluesky's RunEngine to nobody. PyBirch's rows are the engine alone, and recorded in SQLite with
synchronous=FULL. The fixed cost of a scan is taken off and printed apart; an hour of the slow ones is
spared by fewer points.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.engine import Blank, Still, alone, bare_grid, bare_line, grid, line, scan_of

Sweep = Callable[[int], None]


def recorded(tree: Callable[[int], list[Any]]) -> Sweep:
    """A scan with the recorder, in a database of its own."""
    from database.services import DatabaseService
    from pybirch.database_integration import DatabaseQueue

    def run(points: int) -> None:
        with tempfile.TemporaryDirectory() as folder, DatabaseService(Path(folder) / "lab.db") as db:
            queue = DatabaseQueue(db, "bench", scans=[scan_of(tree(points))])
            begun = time.perf_counter()
            queue.start()
            assert queue.wait_for_completion()
            clock.append(time.perf_counter() - begun)
            assert db.get_data_point_count(queue.get_handle(0).scan_id) == scan_of(tree(points)).points_total

    clock: list[float] = []
    run.__dict__["clock"] = clock
    return run


def pymeasure_to_csv() -> Sweep:
    import pymeasure.experiment as experiment

    class Line(experiment.Procedure):
        points = experiment.IntegerParameter("points")
        DATA_COLUMNS = ["x", "voltage", "current"]

        def execute(self) -> None:
            stage, meter = Still("x"), Blank("meter")
            for number in range(self.points):  # type: ignore[call-overload]
                stage.move_to(number)
                voltage, current = meter.perform_measurement()[0]
                self.emit("results", {"x": number, "voltage": voltage, "current": current})

    def run(points: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            procedure = Line()
            procedure.points = points  # type: ignore[assignment]
            worker = experiment.Worker(experiment.Results(procedure, str(Path(folder) / "line.csv")))
            worker.start()
            worker.join(600)
            lines = (Path(folder) / "line.csv").read_text().splitlines()
            assert sum(not text.startswith("#") for text in lines) == points + 1

    return run


def _qcodes(folder: str) -> tuple[Any, Any, Any]:
    import qcodes as qc
    from qcodes.parameters import Parameter

    qc.initialise_or_create_database_at(str(Path(folder) / "qcodes.db"))
    qc.load_or_create_experiment("bench", "bench")
    stage, meter = Still("x"), Blank("meter")
    x = Parameter("x", set_cmd=stage.move_to, get_cmd=None)
    voltage = Parameter("voltage", get_cmd=lambda: meter.perform_measurement()[0][0])
    current = Parameter("current", get_cmd=lambda: 2.0)
    return x, voltage, current


def qcodes_measurement() -> Sweep:
    from qcodes.dataset import Measurement

    def run(points: int) -> None:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            x, voltage, current = _qcodes(folder)
            measurement = Measurement()
            measurement.register_parameter(x)
            for one in (voltage, current):
                measurement.register_parameter(one, setpoints=(x,))
            with measurement.run() as saver:
                for number in range(points):
                    x(number)
                    saver.add_result((x, number), (voltage, voltage()), (current, current()))
                dataset = saver.dataset
            assert dataset.number_of_results == 2 * points
            dataset.conn.close()

    return run


def qcodes_dond() -> Sweep:
    from qcodes.dataset import do1d

    def run(points: int) -> None:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            x, voltage, current = _qcodes(folder)
            dataset = do1d(x, 0, 1, points, 0, voltage, current, do_plot=False, show_progress=False)[0]
            assert dataset.number_of_results == 2 * points  # type: ignore[union-attr]
            dataset.conn.close()  # type: ignore[union-attr]

    return run


def bluesky_run_engine() -> Sweep:
    from bluesky import RunEngine
    from bluesky.plans import scan
    from ophyd.sim import SynAxis, SynSignal

    def run(points: int) -> None:
        heard = [0]

        def hear(name: str, _document: Any) -> None:
            heard[0] += name in ("event", "event_page")

        motor, meter = SynAxis(name="x"), Blank("meter")
        detector = SynSignal(name="voltage", func=lambda: meter.perform_measurement()[0][0])
        engine = RunEngine({}, context_managers=[])
        engine.subscribe(hear)
        engine(scan([detector], motor, 0, 1, points))
        assert heard[0] == points

    return run


def per_point(sweep: Sweep, points: int) -> tuple[float, float]:
    """µs a point, and ms a scan of one point."""

    def seconds(number: int) -> float:
        clock: list[float] | None = sweep.__dict__.get("clock")
        gc.collect()
        begun = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):  # QCoDeS tells every run
            sweep(number)
        return time.perf_counter() - begun if clock is None else clock[-1]

    seconds(2)  # imports and first use are not what is measured
    fixed = min(seconds(2) for _ in range(3))
    whole = min(seconds(points) for _ in range(2))
    return (whole - fixed) / points * 1e6, fixed * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=1_000_000, help="points of the fast ones (1000000)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the points")
    options = parser.parse_args()
    many = options.points // (10 if options.quick else 1)
    few = min(many, 2_000 if options.quick else 10_000)
    logging.disable(logging.WARNING)
    rows: list[tuple[str, Callable[[], Sweep], int]] = [
        ("PyBirch, engine alone, line", lambda: lambda points: alone(line(points)), many),
        ("PyBirch, engine alone, grid", lambda: lambda points: alone(grid(points)), many),
        ("PyBirch, recorded in SQLite, line", lambda: recorded(line), many),
        ("PyBirch, recorded in SQLite, grid", lambda: recorded(grid), many),
        ("PyMeasure, Worker to CSV", pymeasure_to_csv, few),
        ("QCoDeS, Measurement", qcodes_measurement, few),
        ("QCoDeS, do1d", qcodes_dond, few),
        ("bluesky, RunEngine", bluesky_run_engine, few // 5),
    ]
    bare, _ = per_point(bare_line, many)
    bare_of_grid, _ = per_point(bare_grid, many)
    print(f"{'':40s}{'points':>10s}{'µs/point':>10s}{'× bare':>9s}{'fixed ms':>10s}")
    print(f"{'bare loop, line':40s}{many:10,d}{bare:10.2f}{1:9.1f}")
    print(f"{'bare loop, grid':40s}{many:10,d}{bare_of_grid:10.2f}{1:9.1f}")
    for name, make, points in rows:
        try:
            sweep = make()
        except ImportError as error:
            print(f"{name:40s} needs {error.name}: pip install 'pybirch[bench]'")
            continue
        each, fixed = per_point(sweep, points)
        against = bare_of_grid if name.endswith("grid") else bare
        print(f"{name:40s}{points:10,d}{each:10.2f}{each / against:9.1f}{fixed:10.1f}", flush=True)


if __name__ == "__main__":
    main()
