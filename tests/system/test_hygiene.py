"""Scan after scan leaves nothing behind: no thread, no file, no memory.

``PYBIRCH_SCANS=1000 pytest tests/system/test_hygiene.py`` (`make soak`) runs more of them.
"""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import psutil
import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.queue.queue import Queue, QueueState, ScanState
from pybirch.scan.scan import Scan
from tests.lab import Meter, Stage, failing, line_scan

pytestmark = pytest.mark.system
SCANS = int(os.environ.get("PYBIRCH_SCANS", "60"))
ROUND = 20
A_SCAN = 12_000
"""Bytes that a queue may keep of a scan that has ended: its settings, its place, its lines in the log."""
WAIT = 60.0


def run_a_round(queue: Queue) -> None:
    """Scans that complete, fail, and are called off by a callback, from which the queue is called back."""

    def call_back(_scan_id: str, state: ScanState) -> None:
        queue.get_status()
        if state is ScanState.RUNNING:
            queue.get_logs(limit=1)

    queue.add_state_callback(call_back)
    scans = [made(number) for number in range(ROUND)]
    for scan in scans:
        queue.enqueue(scan)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    queue.remove_state_callback(call_back)
    assert queue.state is QueueState.IDLE
    assert {scan.state for scan in scans} == {ScanState.COMPLETED, ScanState.FAILED}
    queue.clear()


def made(number: int) -> Scan:
    answer = failing(5, RuntimeError("now and then")) if number % 10 == 9 else None
    return line_scan(Stage(), Meter(answer=answer), 20)


def used() -> tuple[int, int]:
    """Threads and open files."""
    return threading.active_count(), psutil.Process().num_fds()


def memory() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


@pytest.mark.parametrize("recorded", [False, True], ids=["plain", "recorded"])
def test_nothing_grows_over_many_scans(recorded: bool, tmp_path: Path) -> None:
    db = DatabaseService(tmp_path / "lab.db") if recorded else None
    queue = DatabaseQueue(db, "Q") if db is not None else Queue("Q")
    for _ in range(2):
        run_a_round(queue)
    before, bytes_before = used(), memory()
    for _ in range(SCANS // ROUND):
        run_a_round(queue)
    assert used() <= before
    grown = (memory() - bytes_before) / SCANS
    assert grown < A_SCAN, f"{grown:,.0f} bytes a scan"
    if db is not None:
        db.close()
