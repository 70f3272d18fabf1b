"""The lab that `live.py` and `steady.py` watch: a scan of 20 readings a second, one of 1,000, one as fast
as it goes."""

from __future__ import annotations

import os
import time

import numpy as np

from pybirch import Lab, Measurement, MeasurementItem, Movement, MovementItem, Scan, ScanSettings

SLOW = int(os.environ.get("LIVE_SLOW_POINTS", "200"))
CLOCK = int(os.environ.get("LIVE_CLOCK_POINTS", "5000"))
FAST = int(os.environ.get("LIVE_FAST_POINTS", "300000"))


class Axis(Movement):
    """Waits `settle` seconds a move."""

    def move_to(self, target: float) -> None:
        if self.settle:
            self.wait(self.settle)


class Pair(Measurement):
    """Two numbers."""

    data_columns = ["a", "b"]
    data_units = ["V", "A"]

    _values = np.array([[1.0, 2.0]])

    def perform_measurement(self) -> np.ndarray:
        return self._values.copy()


class Ticks(Movement):
    """A tick every millisecond: position n is reached when n ms have passed since the first."""

    def initialize(self) -> None:
        super().initialize()
        self.began = 0.0
        self.late = 0.0

    def move_to(self, target: float) -> None:
        now = time.perf_counter()
        self.began = self.began or now
        due = self.began + target * 1e-3
        if due > now:
            time.sleep(due - now)
        self.late = time.perf_counter() - due


class Lateness(Measurement):
    """How late the last tick came."""

    data_columns = ["late"]
    data_units = ["s"]

    def __init__(self, name: str, ticks: Ticks) -> None:
        super().__init__(name)
        self._ticks = ticks

    def perform_measurement(self) -> np.ndarray:
        return np.array([[self._ticks.late]])


ticks = Ticks("ticks", "ms")
lateness = Lateness("lateness", ticks)
slow_axis, slow_meter = Axis("slow axis", "mm", settle=0.05), Pair("slow")
fast_axis, fast_meter = Axis("fast axis", "mm"), Pair("fast")


def scan(name: str, axis: Movement, meter: Measurement, points: int, end: float = 1.0) -> Scan:
    item = MovementItem(axis, np.linspace(0, end, points), children=[MeasurementItem(meter)])
    return Scan(ScanSettings("Benchmark", name, "line", "benchmark", [item]))


lab = Lab(
    "Benchmark",
    [slow_axis, slow_meter, fast_axis, fast_meter, ticks, lateness],
    {
        "clock": lambda: [scan("clock", ticks, lateness, CLOCK, CLOCK - 1.0)],
        "slow": lambda: [scan("slow", slow_axis, slow_meter, SLOW)],
        "fast": lambda: [scan("fast", fast_axis, fast_meter, FAST)],
    },
)
