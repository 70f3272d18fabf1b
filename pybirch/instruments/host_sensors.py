"""This computer as an instrument: every machine has something true to record."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.errors import InstrumentError
from pybirch.instruments.measurement import Measurement

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTEST_INTERVAL = 0.1
"""Seconds over which a processor's load means something."""


class HostSensors(Measurement):
    """Load, clock, memory and temperatures, as far as the machine tells; NaN where it does not.

    The load is the mean since the reading before, over 0.1 s at least: asked faster than that, it
    gives the same value again. The columns are settled when the object is made.

    Raises:
        InstrumentError: psutil is not installed.
    """

    def __init__(self, name: str = "computer", adapter: str = "") -> None:
        self._psutil = _psutil(name)
        self._chips = sorted(self._hottest())
        super().__init__(
            name,
            ["CPU load", "CPU frequency", "memory used", *(f"temperature {chip}" for chip in self._chips)],
            ["%", "MHz", "%", *("°C" for _ in self._chips)],
            adapter,
        )
        self._load = math.nan
        self._ticks = (0.0, 0.0)
        self._ticks_at = 0.0

    def initialize(self) -> None:
        self._load = math.nan
        self._ticks = self._processor_ticks()
        self._ticks_at = time.monotonic()
        super().initialize()

    def perform_measurement(self) -> NDArray[np.float64]:
        """One row; the first after `initialize` waits until there is a load to tell."""
        if math.isnan(self._load):
            self.wait(SHORTEST_INTERVAL - (time.monotonic() - self._ticks_at))
        hottest = self._hottest()
        memory = self._psutil.virtual_memory().percent
        temperatures = [hottest.get(chip, math.nan) for chip in self._chips]
        return np.array([[self._mean_load(), self._frequency(), memory, *temperatures]])

    def _mean_load(self) -> float:
        now = time.monotonic()
        if now - self._ticks_at >= SHORTEST_INTERVAL:
            busy, total = self._processor_ticks()
            passed = total - self._ticks[1]
            if passed > 0:
                load = round(100.0 * (busy - self._ticks[0]) / passed, 2)
                self._load = min(max(load, 0.0), 100.0)
                self._ticks, self._ticks_at = (busy, total), now
        return self._load

    def _processor_ticks(self) -> tuple[float, float]:
        """Seconds busy and seconds in all, of all processors, since the machine started."""
        times = self._psutil.cpu_times()
        guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        total = sum(times) - guests
        return total - times.idle - getattr(times, "iowait", 0.0), total

    def _frequency(self) -> float:
        read = getattr(self._psutil, "cpu_freq", None)
        frequency = read() if read else None
        return float(frequency.current) if frequency else math.nan

    def _hottest(self) -> dict[str, float]:
        """The highest temperature of each chip that has a sensor."""
        read = getattr(self._psutil, "sensors_temperatures", None)
        chips: dict[str, Any] = read() if read else {}
        return {chip: max(sensor.current for sensor in sensors) for chip, sensors in chips.items() if sensors}


def _psutil(name: str) -> Any:
    try:
        import psutil
    except ImportError as error:
        raise InstrumentError(f"{name}: needs psutil (pip install psutil)") from error
    return psutil
