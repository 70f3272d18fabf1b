"""Simulated measurements: a multimeter, a lock-in, a spectrometer."""

from __future__ import annotations

import cmath
import math
import time
from typing import TYPE_CHECKING

import numpy as np

from pybirch.instruments.measurement import Measurement
from pybirch.instruments.movement import Movement
from pybirch.simulator.physics import beam_profile, diode_current, resonance, spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SeededMeasurement(Measurement):
    """Noise that is the same at every run, and a delay that stands for the time a reading takes.

    Args:
        name: unique within a scan.
        seed: decides the noise; it begins anew with each `initialize`.
        delay: seconds a reading takes; an abort cuts it short.
    """

    def __init__(self, name: str, seed: int = 1, delay: float = 0.0, adapter: str = "") -> None:
        super().__init__(name, adapter=adapter)
        self.seed = seed
        self.delay = delay
        self._chance = np.random.default_rng(seed)

    def initialize(self) -> None:
        self._chance = np.random.default_rng(self.seed)
        super().initialize()

    def _take_time(self) -> None:
        if self.delay:
            self.wait(self.delay)


class FakeMultimeter(SeededMeasurement):
    """Voltage and current of a diode.

    Args:
        name: unique within a scan.
        source: a movement whose position is the voltage; without one it swings slowly by itself.
    """

    data_columns = ["voltage", "current"]
    data_units = ["V", "A"]

    def __init__(
        self, name: str, seed: int = 1, delay: float = 0.0, source: Movement | None = None, adapter: str = ""
    ) -> None:
        super().__init__(name, seed, delay, adapter)
        self._source = source

    def perform_measurement(self) -> NDArray[np.float64]:
        self._take_time()
        voltage = self._source.position if self._source else 0.5 + 0.1 * math.sin(time.monotonic())
        current = diode_current(voltage)
        noise = self._chance.standard_normal(2)
        return np.array([[voltage + 2e-5 * noise[0], current + (1e-9 + 1e-4 * abs(current)) * noise[1]]])


class FakeLockin(SeededMeasurement):
    """X, Y, R and theta of a resonance at 32.768 kHz.

    Args:
        name: unique within a scan.
        frequency: a movement whose position is the drive's frequency in Hz; the resonance without one.
    """

    data_columns = ["X", "Y", "R", "theta"]
    data_units = ["V", "V", "V", "deg"]

    def __init__(
        self,
        name: str,
        seed: int = 1,
        delay: float = 0.0,
        frequency: Movement | None = None,
        adapter: str = "",
    ) -> None:
        super().__init__(name, seed, delay, adapter)
        self._frequency = frequency

    def perform_measurement(self) -> NDArray[np.float64]:
        self._take_time()
        frequency = self._frequency.position if self._frequency else 32_768.0
        signal = 0.1 * resonance(frequency) + 1e-5 * complex(*self._chance.standard_normal(2))
        return np.array([[signal.real, signal.imag, abs(signal), math.degrees(cmath.phase(signal))]])


class FakeSpectrometer(SeededMeasurement):
    """A mercury lamp: wavelength and counts, a row a pixel.

    Args:
        name: unique within a scan.
        pixels: rows of a reading.
        stage: a movement in mm that carries the sample through the beam; without one it stays in it.
    """

    data_columns = ["wavelength", "intensity"]
    data_units = ["nm", "counts"]

    def __init__(
        self,
        name: str,
        seed: int = 1,
        delay: float = 0.0,
        pixels: int = 256,
        stage: Movement | None = None,
        adapter: str = "",
    ) -> None:
        super().__init__(name, seed, delay, adapter)
        self.pixels = pixels
        self._stage = stage
        self._wavelengths = np.linspace(380.0, 720.0, pixels)
        self._lines = spectrum(self._wavelengths)

    def perform_measurement(self) -> NDArray[np.float64]:
        self._take_time()
        caught = beam_profile(self._stage.position) if self._stage else 1.0
        counts = self._chance.poisson(self._lines * 10_000.0 * caught) + 100.0
        return np.column_stack([self._wavelengths, counts]).astype(np.float64, copy=False)
