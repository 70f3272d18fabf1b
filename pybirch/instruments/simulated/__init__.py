"""Instruments that live in this process: for trying things out, for examples, for tests.

Each works as ``FakeStage("stage")``; at once unless told to take its time, and with the same
noise at every run for the same `seed`.
"""

from pybirch.instruments.simulated.measurements import FakeLockin, FakeMultimeter, FakeSpectrometer
from pybirch.instruments.simulated.movements import FakePiezo, FakeStage, FakeTemperatureController

__all__ = [
    "FakeLockin",
    "FakeMultimeter",
    "FakePiezo",
    "FakeSpectrometer",
    "FakeStage",
    "FakeTemperatureController",
]
