"""What a point costs: the bare loop, and what each storey adds to it.

``python benchmarks/engine.py [--points N]`` prints one table. Every row drives the same two
instruments, which do nothing but exist: a move, and a reading that is a NumPy array.
"""

from __future__ import annotations

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pybirch.events import EventBus, Readings
from pybirch.extensions.base import ScanExtension
from pybirch.scan.measurements import Measurement, MeasurementItem
from pybirch.scan.movements import Movement, MovementItem
from pybirch.scan.scan import Scan, ScanSettings

ROUNDS = 5


class Still(Movement):
    """Is there at once."""

    def move_to(self, target: float) -> float | None:
        self._position = target
        return None


class Blank(Measurement):
    """Always reads the same."""

    data_columns = ["voltage", "current"]
    data_units = ["V", "A"]

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._answer = np.array([[1.0, 2.0]])

    def perform_measurement(self) -> Any:
        return self._answer.copy()


class Taking(ScanExtension):
    """Takes blocks as a recorder does, and counts them."""

    def __init__(self) -> None:
        self.taken = 0

    def save_readings(self, readings: Sequence[Readings]) -> None:
        self.taken += sum(block.count for block in readings)


def bare_line(points: int) -> None:
    stage, meter = Still("x"), Blank("meter")
    move, read = stage.move_to, meter.perform_measurement
    for target in np.linspace(0, 1, points).tolist():
        move(target)
        read()


def bare_grid(points: int) -> None:
    outer, inner, meter = Still("y"), Still("x"), Blank("meter")
    side = int(points**0.5)
    targets = np.linspace(0, 1, side).tolist()
    move_out, move_in, read = outer.move_to, inner.move_to, meter.perform_measurement
    for row in targets:
        move_out(row)
        for target in targets:
            move_in(target)
            read()


def line(points: int) -> list[Any]:
    return [MovementItem(Still("x"), {"linear": [0, 1, points]}, children=[MeasurementItem(Blank("meter"))])]


def grid(points: int) -> list[Any]:
    side = int(points**0.5)
    row = MovementItem(Still("x"), {"linear": [0, 1, side]}, children=[MeasurementItem(Blank("meter"))])
    return [MovementItem(Still("y"), {"linear": [0, 1, side]}, children=[row])]


def scan_of(tree: list[Any], **known: Any) -> Scan:
    return Scan(ScanSettings("bench", "bench", "bench", "bench", tree), **known)


def alone(tree: list[Any]) -> None:
    scan_of(tree).run()


def with_extension(tree: list[Any]) -> None:
    extension = Taking()
    scan = scan_of(tree, extensions=[extension])
    scan.run()
    assert extension.taken == scan.points_total


def with_observer(tree: list[Any]) -> None:
    bus, heard = EventBus(), [0]

    def hear(event: Any) -> None:
        heard[0] += getattr(event, "count", 0)

    bus.subscribe(hear, limit=1_000_000)
    scan = scan_of(tree, bus=bus)
    scan.run()
    bus.flush()
    bus.close()
    assert heard[0] == scan.points_total


def with_frames(tree: list[Any]) -> None:
    class Frames(ScanExtension):
        def save_data(self, data: Any, measurement_name: str) -> None:
            """Frames are made; that is what is timed."""

    scan_of(tree, extensions=[Frames()]).run()


def best(work: Callable[[], None]) -> float:
    """Seconds of the best of some rounds."""
    times = []
    for _ in range(ROUNDS):
        gc.collect()
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


STOREYS: dict[str, Callable[[list[Any]], None]] = {
    "engine alone": alone,
    "engine, extension takes blocks": with_extension,
    "engine, extension takes frames": with_frames,
    "engine, observer on the bus": with_observer,
}


def report(shape: str, points: int, bare: Callable[[int], None], tree: Callable[[int], list[Any]]) -> None:
    real = scan_of(tree(points)).points_total
    bare_us = best(lambda: bare(points)) / real * 1e6
    print(f"\n{shape} of {real:,} points".ljust(45) + "µs/point  × bare  fixed ms")
    print(f"{'  bare loop':44s}{bare_us:8.2f}{1:8.1f}")
    for name, run in STOREYS.items():
        run(tree(4))  # imports are not what is measured
        fixed = best(lambda run=run: run(tree(1)))
        each = (best(lambda run=run: run(tree(points))) - fixed) / real * 1e6
        print(f"{'  ' + name:44s}{each:8.2f}{each / bare_us:8.1f}{fixed * 1e3:10.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=100_000, help="readings per scan (100000)")
    points = parser.parse_args().points
    report("line", points, bare_line, line)
    report("grid", points, bare_grid, grid)


if __name__ == "__main__":
    main()
