"""The lab file that a newcomer copies: it loads, it measures, a station runs it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from database.services import DatabaseService
from pybirch.queue.lab import Lab, load_lab
from pybirch.queue.queue import Queue
from pybirch.states import ScanState
from tests.conftest import WaitFor
from tests.examples.conftest import EXAMPLES, clean_environment

FILE = EXAMPLES / "my_lab.py"


@pytest.fixture
def lab() -> Lab:
    return load_lab(FILE)


def test_its_scan_measures_true_things(lab: Lab, wait_for: WaitFor) -> None:
    queue = Queue("main", lab.scans("main"))
    scan = queue.get_handle(0).scan
    queue.start()
    wait_for(lambda: scan.points_done >= 4, timeout=10)
    queue.abort()

    assert queue.wait_for_completion(5)
    assert scan.state is ScanState.ABORTED
    assert (scan.data["wake-up"]["lateness (µs)"] > 0).all()
    assert scan.data["computer"]["memory used (%)"].between(0, 100).all()


def test_every_queue_gets_scans_of_its_own(lab: Lab) -> None:
    assert lab.scans("main")[0].scan_id != lab.scans("main")[0].scan_id


@pytest.fixture
def station(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    DatabaseService(tmp_path / "pybirch.db").close()  # as the server does; a station only waits for it
    process = subprocess.Popen(
        [sys.executable, "-m", "pybirch.cli", "station", str(FILE)],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield process
    if process.poll() is None:
        process.kill()
        process.wait(5)


@pytest.mark.system
def test_a_station_takes_it_up(station: subprocess.Popen[bytes], tmp_path: Path, wait_for: WaitFor) -> None:
    with DatabaseService(tmp_path / "pybirch.db") as db:
        wait_for(lambda: db.scans.list(), timeout=15, what="the lab's scan in the record")
        names = {row.name for row in db.equipment.list()}
    station.send_signal(signal.SIGTERM)

    assert names == {"clock", "wake-up", "computer"}
    assert station.wait(8) == 0
