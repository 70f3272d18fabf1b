"""The lab that `benchmarks/live.py` watches: one scan of 20 readings a second, one as fast as it goes."""

from __future__ import annotations

import os

import numpy as np

from pybirch import Lab, Measurement, MeasurementItem, Movement, MovementItem, Scan, ScanSettings

SLOW = int(os.environ.get("LIVE_SLOW_POINTS", "200"))
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


slow_axis, slow_meter = Axis("slow axis", "mm", settle=0.05), Pair("slow")
fast_axis, fast_meter = Axis("fast axis", "mm"), Pair("fast")


def scan(name: str, axis: Movement, meter: Measurement, points: int) -> Scan:
    item = MovementItem(axis, np.linspace(0, 1, points), children=[MeasurementItem(meter)])
    return Scan(ScanSettings("Benchmark", name, "line", "benchmark", [item]))


lab = Lab(
    "Benchmark",
    [slow_axis, slow_meter, fast_axis, fast_meter],
    {
        "slow": lambda: [scan("slow", slow_axis, slow_meter, SLOW)],
        "fast": lambda: [scan("fast", fast_axis, fast_meter, FAST)],
    },
)
