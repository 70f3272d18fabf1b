"""Time as something to move along: a scan over seconds."""

from __future__ import annotations

import time

from pybirch.instruments.movement import Movement

WORTH_REPORTING = 0.2
"""Seconds; shorter waits are not shown as moves."""


class Elapsed(Movement):
    """Seconds since `initialize`; moving to a time waits for it, and a past time is not waited for."""

    time_limit = None

    def __init__(self, name: str = "elapsed") -> None:
        super().__init__(name, "s")
        self._began = time.monotonic()

    @property
    def position(self) -> float:
        return time.monotonic() - self._began

    @position.setter
    def position(self, target: float) -> None:
        self.wait(target - self.position)

    def initialize(self) -> None:
        self._began = time.monotonic()
        super().initialize()

    def move_to(self, target: float) -> float:
        """Wait until `target`; gives the time it really is then.

        Raises:
            InterruptedMoveError: the scan was aborted meanwhile.
        """
        if target - self.position < WORTH_REPORTING:
            self.position = target
            return self.position
        self._report_position_start(target)
        try:
            while (left := target - self.position) > 0:
                self.wait(min(left, 0.1))
                self._report_current_position()
        finally:
            self._report_position_complete()
        return self.position
