"""A program that measures into a database, is killed, and goes on: run by test_kills.

``python -m tests.system.measuring FILE MODE [REWINDS]`` prints what observers hear, a line each:
``scan_id end_index``; nothing is heard before it is stored. Each life rewinds each scan so often.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.errors import PyBirchError
from pybirch.events import Readings
from pybirch.instruments.measurement import Measurement
from pybirch.instruments.movement import Movement
from pybirch.queue.queue import ScanState
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanSettings

LINES, POINTS, SCANS = 12, 50, 2


class Meter(Measurement):
    """Reads where its two stages are."""

    def __init__(self, name: str, outer: Movement, inner: Movement) -> None:
        super().__init__(name, ["place"], ["mm"])
        self.outer, self.inner = outer, inner

    def perform_measurement(self) -> np.ndarray:
        self.wait(0.001)
        return np.array([[1000 * self.outer.position + self.inner.position]])


def instruments() -> list[tuple[Movement, Movement, Meter]]:
    sets = []
    for n in range(SCANS):
        outer, inner = Movement(f"outer {n}", "mm"), Movement(f"inner {n}", "mm")
        sets.append((outer, inner, Meter(f"meter {n}", outer, inner)))
    return sets


def scan_of(outer: Movement, inner: Movement, meter: Meter) -> Scan:
    line = MovementItem(inner, range(POINTS), children=[MeasurementItem(meter)], snake=True)
    tree = [MovementItem(outer, range(LINES), children=[line])]
    return Scan(ScanSettings("Kills", meter.name, "map", "test", tree))


def show(block: Readings) -> None:
    sys.stdout.write(f"{block.scan_id} {block.end_index}\n")
    sys.stdout.flush()


def restless(queue: DatabaseQueue, rewinds: int) -> Callable[[Readings], None]:
    """Has each scan measure its line, or the one before it too, again at its first tick and each third after
    it, so often: a life may be too short for more than the first."""
    ticks: dict[str, int] = {}

    def look(block: Readings) -> None:
        ticks[block.scan_id] = tick = ticks.get(block.scan_id, 0) + 1
        if tick % 3 == 1 and tick <= 3 * rewinds:
            with suppress(PyBirchError):
                queue.rewind(block.scan_id, max(0, int(block.steps[-1]) - POINTS) if tick % 2 else None)

    return look


def main(file: Path, mode: str, rewinds: int = 0) -> None:
    owned = instruments()
    with DatabaseService(file) as db:
        if db.queues.find("Q") is None:
            queue = DatabaseQueue(db, "Q", scans=[scan_of(*one) for one in owned])
        else:
            queue = DatabaseQueue.from_database(db, "Q", [part for one in owned for part in one])
        queue.bus.subscribe(show, kinds=(Readings,))
        queue.bus.subscribe(restless(queue, rewinds), kinds=(Readings,))
        queue.start(mode=mode)
        for handle in queue.handles:
            if handle.state is ScanState.INTERRUPTED:
                queue.resume(handle.scan_id)
        queue.wait_for_completion()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:]))
