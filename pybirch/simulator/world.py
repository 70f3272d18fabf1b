"""What the devices share: one clock, one chance, one sample that sits on the stage."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable

import numpy as np

from pybirch.simulator.physics import ROOM_TEMPERATURE, Approach, Trajectory


class World:
    """The room the simulated devices stand in.

    Args:
        seed: decides all noise; each device draws from a stream of its own, so what one is
            asked does not change what another answers.
        clock: seconds that only grow.

    Attributes:
        stage: the move under way or the last one; replaced as a whole, so any thread may read it.
        heating: likewise, the temperature's approach to its set point.
        closing: set when the laboratory closes; cuts short every wait.
    """

    def __init__(self, seed: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.seed = seed
        self.clock = clock
        self.closing = threading.Event()
        now = clock()
        self.stage = Trajectory(start=0.0, target=0.0, began=now, speed=1.0)
        self.heating = Approach(ROOM_TEMPERATURE, ROOM_TEMPERATURE, began=now, time_constant=1.0)

    def chance(self, device: str) -> np.random.Generator:
        """The device's own stream of random numbers."""
        return np.random.default_rng([self.seed, zlib.crc32(device.encode())])

    def stage_position(self) -> float:
        """mm."""
        return self.stage.position(self.clock())

    def temperature(self) -> float:
        """Kelvin, of sample and diode."""
        return self.heating.value(self.clock())

    def sleep(self, seconds: float) -> None:
        """Let real time pass, or less if the laboratory closes."""
        self.closing.wait(max(0.0, seconds))
