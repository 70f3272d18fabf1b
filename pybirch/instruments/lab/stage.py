"""A linear stage that reports on the way and stops when the scan is aborted."""

from __future__ import annotations

from pybirch.errors import InstrumentTimeoutError, InterruptedMoveError
from pybirch.instruments.visa import VisaMovement


class Stage(VisaMovement):
    """Position in mm.

    Args:
        name: unique within a scan.
        adapter: VISA resource.
        limits: travel allowed.
        speed: mm/s, None leaves what is set.
        patience: seconds a move may take beyond what its length needs.
    """

    def __init__(
        self,
        name: str,
        adapter: str,
        limits: tuple[float, float] = (0.0, 50.0),
        speed: float | None = None,
        patience: float = 5.0,
        timeout: float = 2.0,
    ) -> None:
        super().__init__(name, None, adapter, position_units="mm", limits=limits, timeout=timeout)
        self.speed = speed
        self.patience = patience

    @property
    def position(self) -> float:
        return self.number("POS?")

    @position.setter
    def position(self, target: float) -> None:
        self.command(f"MOVE {target:.5f}")

    def initialize(self) -> None:
        super().initialize()
        if self.speed is None:
            self.speed = self.number("VEL?")
        else:
            self.command(f"VEL {self.speed:g}")

    def move_to(self, target: float) -> float:
        """Go there, reporting the position on the way.

        Raises:
            FieldError: outside the limits; nothing moved.
            InterruptedMoveError: the scan was aborted; the stage has been stopped where it was.
            InstrumentTimeoutError: it did not arrive; likewise stopped.
        """
        self.check_target(target)
        way = abs(target - self.position)
        self.position = target
        self._report_position_start(target)
        try:
            arrived = self.wait_until(self._arrived, way / (self.speed or 1.0) + self.patience, poll=0.01)
        except InterruptedMoveError:
            self._halt()
            raise
        if not arrived:
            reached = self._halt()
            raise InstrumentTimeoutError(f"{self.name}: is at {reached:g} mm and did not reach {target:g} mm")
        reached = self.position
        self._report_position_complete(reached)
        return reached

    def make_safe(self) -> None:
        self.command("STOP")  # heard before the connection closes: another may ask at once

    def _arrived(self) -> bool:
        moving, position = self.numbers("MOVING?;POS?")
        self._report_current_position(position)
        return not moving

    def _halt(self) -> float:
        self.write("STOP")
        position = self.position
        self._report_position_complete(position)
        return position
