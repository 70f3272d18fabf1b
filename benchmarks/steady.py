"""What must stay as it is: imports, the lateness of a software clock while many watch, memory.

``python benchmarks/steady.py [--quick]``
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.engine import line, scan_of
from benchmarks.live import Laboratory, wait

VIEWERS = 50
ENGINE = "from pybirch import Scan, ScanSettings, MovementItem, MeasurementItem, Movement, Measurement"


def seconds_of(code: str, bytecode: Path, rounds: int = 15) -> float:
    """Median time of a Python process that runs this; modules are compiled, as an installer does it."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(bytecode)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times = []
    for _ in range(1 + rounds):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def imports() -> None:
    with tempfile.TemporaryDirectory() as folder:
        bytecode = Path(folder)
        bare = seconds_of("pass", bytecode)
        print(f"\nimports, ms more than bare Python's {bare * 1e3:.0f}")
        for name, code in (
            ("import pybirch", "import pybirch"),
            ("numpy", "import numpy"),
            ("engine ready", ENGINE),
        ):
            print(f"  {name:40s}{(seconds_of(code, bytecode) - bare) * 1e3:8.1f}")


def bare_ticks(points: int) -> list[float]:
    """Lateness (s) of a loop that only sleeps."""
    late, began = [], time.perf_counter()
    for number in range(points):
        due = began + number * 1e-3
        if (left := due - time.perf_counter()) > 0:
            time.sleep(left)
        late.append(time.perf_counter() - due)
    return late


def percentiles(late: list[float]) -> str:
    values = np.percentile(np.array(late) * 1e3, [50, 95, 99])
    return "".join(f"{value:9.2f}" for value in values)


def clock(points: int) -> None:
    """A scan of one tick a millisecond in a real laboratory, and a loop that only sleeps beside it."""
    print(f"\nlateness of {points:,} ticks of 1 ms, ms           p50      p95      p99")
    with tempfile.TemporaryDirectory() as folder:
        lab = Laboratory(Path(folder), clock=points)
        scan_id = lab.scan("clock")["scan_id"]
        viewers = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("viewers.py")),
                lab.server["url"],
                lab.server["token"],
                scan_id,
                str(VIEWERS),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert viewers.stdout is not None
            assert viewers.stdout.readline().strip() == "all there"
            lab.post("/api/queue/clock/start")
            wait(lambda: lab.scan("clock")["status"] == "running", 10, "the clock scan runs")
            beside = bare_ticks(points * 9 // 10)
            wait(lambda: lab.ended("clock"), 60 + points / 500, "the clock scan ends")
            data = lab.get(f"/api/scan/{scan_id}/data/lateness")
            late = next(column["values"] for column in data["columns"] if column["name"] == "late")
            print(f"  {'bare sleep loop, beside the scan':40s}{percentiles(beside)}")
            print(f"  {f'recorded scan, {VIEWERS} viewers following':40s}{percentiles(late)}")
        finally:
            viewers.kill()
            viewers.wait()
            lab.close()


def memory(points: int) -> None:
    """Resident memory at tenths of one long recorded scan."""
    from database.services import DatabaseService
    from pybirch.database_integration import DatabaseQueue

    process = psutil.Process()
    print(f"\nresident memory in a recorded scan of {points:,} points, MiB")
    with tempfile.TemporaryDirectory() as folder, DatabaseService(Path(folder) / "lab.db") as db:
        queue = DatabaseQueue(db, "bench", scans=[scan_of(line(points))])
        scan = queue.get_handle(0).scan
        queue.start()
        for tenth in range(1, 11):
            scan.wait_for(lambda s: s.state.is_finished, 0.0)
            while scan.progress < tenth / 10 and not scan.state.is_finished:
                time.sleep(0.02)
            print(f"  at {tenth * 10:3d} %{process.memory_info().rss / 2**20:10.0f}", flush=True)
        assert queue.wait_for_completion()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer points")
    quick = parser.parse_args().quick
    imports()
    clock(2_000 if quick else 10_000)
    memory(1_000_000 if quick else 10_000_000)


if __name__ == "__main__":
    main()
