"""Formulas of the simulated laboratory; SI units unless a name says otherwise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROOM_TEMPERATURE = 295.0
"""Kelvin."""

_BOLTZMANN_PER_CHARGE = 8.617333262e-5
"""Volt per kelvin."""


def diode_current(
    voltage: float,
    temperature: float = ROOM_TEMPERATURE,
    saturation: float = 1e-9,
    ideality: float = 1.8,
    resistance: float = 10.0,
) -> float:
    """Current of a diode with a series resistor (Shockley's equation).

    The junction voltage u solves ``u + R·Is·(exp(u/nVt) - 1) = V``; the left side rises and curves
    upwards, so Newton's method from above walks down to it. The saturation current doubles every
    10 K.
    """
    thermal = ideality * _BOLTZMANN_PER_CHARGE * temperature
    saturation = saturation * 2.0 ** ((temperature - ROOM_TEMPERATURE) / 10.0)
    junction = min(voltage, thermal * math.log1p(max(voltage, 0.0) / (saturation * resistance)))
    for _ in range(50):
        grown = math.exp(junction / thermal)
        excess = junction + resistance * saturation * (grown - 1.0) - voltage
        step = excess / (1.0 + resistance * saturation * grown / thermal)
        junction -= step
        if abs(step) < 1e-12:
            break
    return saturation * math.expm1(junction / thermal)


def resonance(frequency: float, centre: float = 32_768.0, quality: float = 400.0) -> complex:
    """Response of a driven, damped oscillator, 1 in magnitude at its centre."""
    return (centre**2 / quality) / complex(centre**2 - frequency**2, frequency * centre / quality) * 1j


@dataclass(frozen=True)
class SpectralLine:
    """Wavelength and width (standard deviation) in nm, height relative to the strongest."""

    wavelength: float
    height: float
    width: float = 0.8


MERCURY = (
    SpectralLine(404.66, 0.35),
    SpectralLine(435.83, 0.80),
    SpectralLine(546.07, 1.00),
    SpectralLine(576.96, 0.30),
    SpectralLine(579.07, 0.32),
)


def spectrum(
    wavelengths: NDArray[np.float64], lines: tuple[SpectralLine, ...] = MERCURY
) -> NDArray[np.float64]:
    """Sum of Gaussian lines over a faint broad background, at `wavelengths` (nm)."""
    total = 0.02 * np.exp(-(((wavelengths - 550.0) / 120.0) ** 2))
    for line in lines:
        total += line.height * np.exp(-0.5 * ((wavelengths - line.wavelength) / line.width) ** 2)
    return total


def beam_profile(position: float, centre: float = 25.0, width: float = 6.0) -> float:
    """Share of the light that a sample at `position` (mm) catches: a Gaussian beam."""
    return math.exp(-0.5 * ((position - centre) / width) ** 2)


@dataclass(frozen=True)
class Trajectory:
    """A move at constant speed that began at time `began`."""

    start: float
    target: float
    began: float
    speed: float

    @property
    def arrives(self) -> float:
        """When it reaches the target."""
        return self.began + abs(self.target - self.start) / self.speed

    def position(self, now: float) -> float:
        if now >= self.arrives:
            return self.target
        return self.start + math.copysign(self.speed * (now - self.began), self.target - self.start)

    def is_moving(self, now: float) -> bool:
        return now < self.arrives


@dataclass(frozen=True)
class Approach:
    """A quantity that nears `target` exponentially since `began`."""

    start: float
    target: float
    began: float
    time_constant: float

    def value(self, now: float) -> float:
        return self.target + (self.start - self.target) * math.exp(-(now - self.began) / self.time_constant)
