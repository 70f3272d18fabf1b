"""A source-measure unit, as two instruments of one box: the voltage it gives, the current it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pybirch.instruments.visa import VisaMeasurement, VisaMovement

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SourceVoltage(VisaMovement):
    """The voltage at the terminals; switched on at 0 V by `initialize`, off by `shutdown`."""

    def __init__(
        self,
        name: str,
        adapter: str,
        limits: tuple[float, float] = (-10.0, 10.0),
        settle: float = 0.0,
        timeout: float = 2.0,
    ) -> None:
        super().__init__(
            name, None, adapter, position_units="V", limits=limits, settle=settle, timeout=timeout
        )

    @property
    def position(self) -> float:
        return self.number(":SOUR:VOLT?")

    @position.setter
    def position(self, target: float) -> None:
        self.command(f":SOUR:VOLT {target:.6E}")

    def initialize(self) -> None:
        super().initialize()
        self.command(":SOUR:VOLT 0;:OUTP ON")

    def make_safe(self) -> None:
        self.command(":SOUR:VOLT 0;:OUTP OFF")


class DiodeCurrent(VisaMeasurement):
    """Current and voltage at the terminals, both measured."""

    data_columns = ["current", "measured voltage"]
    data_units = ["A", "V"]

    def __init__(self, name: str, adapter: str, timeout: float = 2.0) -> None:
        super().__init__(name, None, adapter, timeout=timeout)

    def perform_measurement(self) -> NDArray[np.float64]:
        return np.array([self.numbers(":MEAS:CURR?;:MEAS:VOLT?")])
