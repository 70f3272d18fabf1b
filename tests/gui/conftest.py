"""A window without a screen, and a small lab for it."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("QT_API", "pyqt6")

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("qtpy")
pytest.importorskip("pyqtgraph")

from GUI.main.main_window import MainWindow
from pybirch.instruments.measurement import Measurement
from pybirch.instruments.movement import Movement
from pybirch.queue.queue import Queue
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import MeasurementItem, MovementItem


class Source(Movement):
    """A voltage source."""

    def move_to(self, target: float) -> None:
        self.position = target


class Meter(Measurement):
    """Reads twice the source's voltage, one reading for each permit given."""

    data_columns = ["current"]
    data_units = ["A"]

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name)
        self.source = source
        self.permits = threading.Semaphore(0)
        self.fails_at: float | None = None

    def perform_measurement(self) -> np.ndarray:
        while not self.permits.acquire(timeout=0.005):
            self.wait(0)
        if self.fails_at is not None and self.source.position >= self.fails_at:
            raise RuntimeError("meter: overload; choose a higher range")
        return np.array([[2 * self.source.position]])

    def permit(self, readings: int) -> None:
        self.permits.release(readings)


class Spectrometer(Measurement):
    data_columns = ["wavelength", "intensity"]
    data_units = ["nm", "counts"]

    def perform_measurement(self) -> np.ndarray:
        across = np.linspace(400, 700, 16)
        return np.stack([across, np.sin(across)], axis=1)


class Bench:
    """A queue of scans over a source and a meter that waits for permits."""

    def __init__(self) -> None:
        self.source = Source("source", "V", limits=(-10, 10))
        self.meter = Meter("meter", self.source)
        self.queue = Queue("bench queue")

    def add(self, name: str = "ramp", points: int = 20, measurement: Any = None) -> Scan:
        item = MeasurementItem(measurement or self.meter)
        tree = [MovementItem(self.source, np.linspace(0, 1, points), children=[item])]
        scan = Scan(ScanSettings("tests", name, "ramp", "test", tree))
        self.queue.enqueue(scan)
        return scan


def living_threads() -> list[str]:
    """Names of this process's threads, less those that Python only made up for foreign ones."""
    made_up = threading._DummyThread  # type: ignore[attr-defined]
    return sorted(t.name for t in threading.enumerate() if t.is_alive() and not isinstance(t, made_up))


def threads_since(before: list[str], *beginnings: str) -> list[str]:
    """Threads with such names that were not there `before`; other tests may have left theirs."""
    left = list(before)
    new = []
    for name in living_threads():
        if name in left:
            left.remove(name)
        elif name.startswith(beginnings):
            new.append(name)
    return new


@pytest.fixture
def threads_before() -> list[str]:
    return living_threads()


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.queue.abort()
    assert made.queue.wait_for_completion(5)
    made.queue.bus.close()


@pytest.fixture
def open_window(qtbot: Any) -> Iterator[Callable[..., MainWindow]]:
    """Opens windows; they are closed at the end, and then no thread of theirs is left."""
    before = living_threads()
    opened: list[MainWindow] = []

    def open_one(queue: Any = None, **how: Any) -> MainWindow:
        window = MainWindow(queue=queue, **how)
        window.ask = lambda *_: True
        qtbot.addWidget(window)
        opened.append(window)
        window.show()
        qtbot.waitExposed(window)
        return window

    yield open_one
    for window in opened:
        window._may_close = True
        window.close()
    qtbot.waitUntil(lambda: not threads_since(before, "observer", "remote lab"), timeout=15_000)
    of_others = ("scan", "queue", "fake server")
    of_servers = ("(_send_ping)", "(_service_task)", "(process_request_thread)")

    def left() -> list[str]:
        new = threads_since(before, "")
        return [t for t in new if not t.startswith(of_others) and not t.endswith(of_servers)]

    def is_alone() -> None:
        assert left() == []

    qtbot.waitUntil(is_alone, timeout=15_000)
