"""The simulated instruments, under the name scripts know them by."""

from pybirch.instruments.simulated import (
    FakeLockin,
    FakeMultimeter,
    FakePiezo,
    FakeSpectrometer,
    FakeStage,
    FakeTemperatureController,
)

__all__ = [
    "FakeLockin",
    "FakeMultimeter",
    "FakePiezo",
    "FakeSpectrometer",
    "FakeStage",
    "FakeTemperatureController",
]
