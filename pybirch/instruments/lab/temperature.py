"""A temperature controller: a move ends when the sample is there, not when the set point is."""

from __future__ import annotations

from pybirch.errors import InstrumentTimeoutError, InterruptedMoveError
from pybirch.instruments.base import TIME_LIMIT
from pybirch.instruments.visa import VisaMovement


class Temperature(VisaMovement):
    """Temperature of the sample in kelvin; the heater goes off at `shutdown`.

    Args:
        name: unique within a scan.
        adapter: VISA resource.
        limits: set points allowed.
        tolerance: how near to the target counts as there, in kelvin.
        patience: seconds a move may take.
    """

    def __init__(
        self,
        name: str,
        adapter: str,
        limits: tuple[float, float] = (250.0, 400.0),
        tolerance: float = 0.1,
        patience: float = 60.0,
        timeout: float = 2.0,
    ) -> None:
        super().__init__(name, None, adapter, position_units="K", limits=limits, timeout=timeout)
        self.tolerance = tolerance
        self.patience = patience
        self.time_limit = max(TIME_LIMIT, 2 * patience)

    @property
    def position(self) -> float:
        return self.number("TEMP?")

    @position.setter
    def position(self, target: float) -> None:
        self.command(f"SETP {target:.3f};:OUTP ON")

    def move_to(self, target: float) -> float:
        """Set it and wait until the sample is within `tolerance`.

        Raises:
            InstrumentTimeoutError: it did not get there within `patience` seconds.
            InterruptedMoveError: the scan was aborted; the heater is off.
        """
        self.check_target(target)
        self.position = target
        self._report_position_start(target)
        try:
            arrived = self.wait_until(lambda: self._is_near(target), self.patience, poll=0.05)
        except InterruptedMoveError:
            self.make_safe()
            self._report_position_complete()
            raise
        reached = self.position
        self._report_position_complete(reached)
        if not arrived:
            raise InstrumentTimeoutError(f"{self.name}: is at {reached:g} K and did not reach {target:g} K")
        return reached

    def make_safe(self) -> None:
        self.command(":OUTP OFF")

    def _is_near(self, target: float) -> bool:
        temperature = self.position
        self._report_current_position(temperature)
        return abs(temperature - target) <= self.tolerance
