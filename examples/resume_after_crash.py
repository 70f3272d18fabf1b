"""A program is killed in the middle of a scan; the next one goes on where the record ends.

Needs `pip install 'pybirch[db]'`. Makes crash.db in the current folder.
"""

import subprocess
import sys
import time

import numpy as np

from database.services import DatabaseService
from pybirch import MeasurementItem, MovementItem, Scan, ScanSettings
from pybirch.database_integration import DatabaseQueue
from pybirch.database_integration.testing import FakeMultimeter, FakeStage

stage = FakeStage("stage", limits=(0.0, 10.0))
meter = FakeMultimeter("meter", delay=0.03)
POSITIONS = np.linspace(0, 10, 101)


def measure(db: DatabaseService) -> None:
    """What the lab's program does: a queue with one scan."""
    tree = [MovementItem(stage, POSITIONS, children=[MeasurementItem(meter)])]
    queue = DatabaseQueue(
        db, QID="night", scans=[Scan(ScanSettings("Tutorial", "Line", "line", "example", tree))]
    )
    queue.start()
    queue.wait_for_completion()


def go_on(db: DatabaseService) -> None:
    """What it does the next morning: take the queue up as the record has it, and resume what was cut off."""
    queue = DatabaseQueue.from_database(db, "night", [stage, meter])
    for handle in queue.handles:
        if handle.state == "interrupted":
            kept = sum(handle.scan.counts.values())
            queue.resume(handle.scan_id)
            queue.wait_for_completion()
            print(f"{handle.state}: {kept} readings were kept, {handle.scan.points_done} are there now")


def kill_in_the_middle() -> None:
    """The power cut: the program that measures is killed once some readings are stored."""
    program = subprocess.Popen([sys.executable, __file__, "measure"])
    while stored() < 10:
        time.sleep(0.05)
    program.kill()
    program.wait()


def stored() -> int:
    """Readings in the record."""
    with DatabaseService("crash.db") as db:
        return sum(db.get_data_point_count(scan.id) for scan in db.scans.list())


if __name__ == "__main__":
    if sys.argv[1:] != ["measure"]:
        kill_in_the_middle()
    with DatabaseService("crash.db") as db:
        measure(db) if sys.argv[1:] == ["measure"] else go_on(db)
