"""A spectrometer that looks at the sample on the stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pybirch.simulator.physics import beam_profile, spectrum
from pybirch.simulator.scpi import ScpiDevice, ScpiError, command, number
from pybirch.simulator.world import World

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS = 512
COUNTS_PER_SECOND = 400_000.0
"""In the strongest line, with the sample in the middle of the beam."""

READ_NOISE = 8.0
DARK = 100.0


class Spectrometer(ScpiDevice):
    """INITiate starts an exposure, FETCh? waits for its end; SPECtrum? does both."""

    identity = "PyBirch,SPEC-512,SIM,1.0"

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._chance = world.chance("spectrometer")
        self._wavelengths = np.linspace(380.0, 720.0, PIXELS)
        self._lines = spectrum(self._wavelengths)
        self._integration = 0.02
        self._ready_at: float | None = None

    @command("*RST")
    def reset(self) -> None:
        self._integration, self._ready_at = 0.02, None

    @command("INTegration")
    def set_integration(self, seconds: str) -> None:
        self._integration = number(seconds, 0.001, 60.0)

    @command("INTegration?")
    def get_integration(self) -> str:
        return f"{self._integration:g}"

    @command("PIXels?")
    def pixels(self) -> str:
        return str(PIXELS)

    @command("WAVelength?")
    def wavelengths(self) -> str:
        return ",".join(f"{value:.3f}" for value in self._wavelengths)

    @command("INITiate")
    def initiate(self) -> None:
        self._ready_at = self._world.clock() + self._integration

    @command("ABORt")
    def abort(self) -> None:
        self._ready_at = None

    @command("FETCh?")
    def fetch(self) -> str:
        if self._ready_at is None:
            raise ScpiError(-230, "Data corrupt or stale")
        return self._wait_and_read(self._ready_at)

    @command("SPECtrum?")
    def measure(self) -> str:
        self._ready_at = self._world.clock() + self._integration
        return self._wait_and_read(self._ready_at)

    def _wait_and_read(self, ready_at: float) -> str:
        self._world.sleep(ready_at - self._world.clock())
        self._ready_at = None
        return ",".join(f"{value:.0f}" for value in self._expose())

    def _expose(self) -> NDArray[np.float64]:
        light = COUNTS_PER_SECOND * self._integration * beam_profile(self._world.stage_position())
        photons = self._chance.poisson(self._lines * light)
        return photons + DARK + self._chance.normal(0.0, READ_NOISE, PIXELS)
