"""Simulated movements: a stage, a piezo, a temperature."""

from __future__ import annotations

import math
import time

from pybirch.errors import InterruptedMoveError
from pybirch.instruments.base import TIME_LIMIT
from pybirch.instruments.movement import Movement
from pybirch.simulator.physics import ROOM_TEMPERATURE, Approach, Trajectory


class FakeStage(Movement):
    """Moves at constant speed and reports on the way; an abort stops it where it is.

    Args:
        name: unique within a scan.
        limits: travel in mm.
        speed: mm/s; endless by default, so that it is there at once.
    """

    def __init__(
        self,
        name: str,
        limits: tuple[float, float] = (0.0, 100.0),
        speed: float = math.inf,
        position_units: str = "mm",
        adapter: str = "",
    ) -> None:
        super().__init__(name, position_units, adapter=adapter, limits=limits)
        self.speed = speed
        self._move = Trajectory(0.0, 0.0, 0.0, math.inf)

    @property
    def position(self) -> float:
        return self._move.position(time.monotonic())

    @position.setter
    def position(self, target: float) -> None:
        now = time.monotonic()
        self._move = Trajectory(self._move.position(now), self._reachable(target), now, self.speed)

    def move_to(self, target: float) -> float:
        self.check_target(target)
        self.position = target
        if self._move.is_moving(time.monotonic()):
            self._travel(target)
        return self.position

    def shutdown(self) -> None:
        self._stop()
        super().shutdown()

    def _travel(self, target: float) -> None:
        self._report_position_start(target)
        try:
            while (left := self._move.arrives - time.monotonic()) > 0:
                self.wait(min(left, 0.02))
                self._report_current_position()
        except InterruptedMoveError:
            self._stop()
            raise
        finally:
            self._report_position_complete()

    def _stop(self) -> None:
        here = self.position
        self._move = Trajectory(here, here, 0.0, math.inf)

    def _reachable(self, target: float) -> float:
        """The nearest position the mechanics can take."""
        return float(target)


class FakePiezo(FakeStage):
    """A piezo: micrometres, in steps of its resolution.

    Args:
        name: unique within a scan.
        limits: travel in µm.
        speed: µm/s.
        resolution: smallest step in µm.
    """

    def __init__(
        self,
        name: str,
        limits: tuple[float, float] = (0.0, 20.0),
        speed: float = math.inf,
        resolution: float = 0.001,
        adapter: str = "",
    ) -> None:
        super().__init__(name, limits, speed, "µm", adapter)
        self.resolution = resolution

    def _reachable(self, target: float) -> float:
        return round(target / self.resolution) * self.resolution


class FakeTemperatureController(Movement):
    """Nears its set point exponentially; a move ends within `tolerance` of it.

    Args:
        name: unique within a scan.
        limits: set points in K.
        time_constant: of the approach in seconds.
        tolerance: K.
    """

    def __init__(
        self,
        name: str,
        limits: tuple[float, float] = (4.0, 400.0),
        time_constant: float = 0.001,
        tolerance: float = 0.05,
        adapter: str = "",
    ) -> None:
        super().__init__(name, "K", adapter=adapter, limits=limits)
        self.time_constant = time_constant
        self.tolerance = tolerance
        self.time_limit = max(TIME_LIMIT, 20 * time_constant)
        self._approach = Approach(ROOM_TEMPERATURE, ROOM_TEMPERATURE, 0.0, 1.0)

    @property
    def position(self) -> float:
        return self._approach.value(time.monotonic())

    @position.setter
    def position(self, target: float) -> None:
        now = time.monotonic()
        self._approach = Approach(self._approach.value(now), float(target), now, self.time_constant)

    def move_to(self, target: float) -> float:
        self.check_target(target)
        self.position = target
        if not self._is_near(target):
            self._report_position_start(target)
            try:
                while not self._is_near(target):
                    self.wait(min(self.time_constant / 4, 0.05))
                    self._report_current_position()
            finally:
                self._report_position_complete()
        return self.position

    def shutdown(self) -> None:
        """The heater goes off: back to room temperature."""
        self.position = ROOM_TEMPERATURE
        super().shutdown()

    def _is_near(self, target: float) -> bool:
        return abs(self.position - target) <= self.tolerance
