"""Killed at any moment, again and again: nothing that was shown is lost, and every point is there once.

``PYBIRCH_KILLS=50 pytest tests/system/test_kills.py`` (`make soak`) kills more often.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from database.services import DatabaseService
from pybirch.queue.queue import ScanState
from pybirch.replacing import hidden, newest, runs_of
from tests.system.measuring import LINES, POINTS, SCANS

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("PYBIRCH_KILLS", "4"))
WHOLE = [1000.0 * y + (x if y % 2 == 0 else POINTS - 1 - x) for y in range(LINES) for x in range(POINTS)]


class Program:
    """One life of the program; what it showed."""

    def __init__(self, file: Path, mode: str, rewinds: int) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.system.measuring", str(file), mode, str(rewinds)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.shown: dict[str, int] = {}
        self._ticks = 0
        self._over = False
        self._heard = threading.Condition()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            scan_id, _, end = line.partition(" ")
            with self._heard:
                self.shown[scan_id] = int(end)
                self._ticks += 1
                self._heard.notify_all()
        with self._heard:
            self._over = True
            self._heard.notify_all()

    def kill_after(self, ticks: int, seconds: float) -> None:
        """Kill it so long after it has shown something for the `ticks`-th time, or ended by itself."""
        with self._heard:
            self._heard.wait_for(lambda: self._over or self._ticks >= ticks, 30)
            self._heard.wait(seconds)
        self._popen.kill()
        self.end()

    def end(self) -> int:
        code = self._popen.wait(60)
        self._listener.join(10)
        assert self._popen.stdout is not None
        self._popen.stdout.close()
        return code


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize(("mode", "rewinds"), [("serial", 0), ("parallel", 0), ("parallel", 2)])
def test_nothing_shown_is_lost_and_every_point_is_there_once(tmp_path: Path, mode: str, rewinds: int) -> None:
    file, chance = tmp_path / "lab.db", random.Random(mode)
    for _ in range(KILLS):
        program = Program(file, mode, rewinds)
        program.kill_after(chance.randrange(2 + 20 // KILLS + 2 * rewinds), 0.06 * chance.random())
        with DatabaseService(file) as db:
            for scan_id, shown in program.shown.items():
                assert db.readings.last_indexes(scan_id)[db.scans.get(scan_id).scan_name] >= shown - 1
    last = Program(file, mode, rewinds)
    assert last.end() == 0
    with DatabaseService(file) as db:
        scans = db.get_queue_with_scans("Q").scans
        assert [scan.status for scan in scans] == [ScanState.COMPLETED] * SCANS
        assert any(scan.points_replaced for scan in scans) == (rewinds > 0)
        for scan in scans:
            readings = db.readings.read(scan.scan_id, scan.scan_name)
            assert (scan.points_replaced > 0) == bool(db.scans.rewinds(scan.scan_id))
            shown = newest(hidden(runs_of(readings)), 0, readings.count)
            steps, values = readings.steps[shown], readings.values["place (mm)"][shown]
            assert sorted(steps) == list(range(LINES * POINTS))
            assert list(values[np.argsort(steps)]) == WHOLE
            if not rewinds:
                assert list(readings.steps) == list(range(LINES * POINTS))
