"""Anything with a position that can be set: a stage, a source, a field, a temperature."""

from __future__ import annotations

import time
from typing import Any

from pybirch.errors import FieldError
from pybirch.events import InstrumentPosition
from pybirch.instruments.arguments import limits_in, text
from pybirch.instruments.base import BaseMeasurementInstrument
from pybirch.states import InstrumentState

REPORTS_PER_SECOND = 10


class Movement(BaseMeasurementInstrument):
    """Subclass and give `position` a getter and setter, or override `move_to`.

    Args:
        name: unique within a scan.
        position_units: unit of `position`, e.g. ``"mm"`` or ``"V"``.
        position_column: name of the column in the data; the instrument's name by default.
        limits: lowest and highest position allowed, in `position_units`.
        settle: seconds to wait after a move before the next measurement.

    Raises:
        FieldError: names the argument that makes no sense.
    """

    def __init__(
        self,
        name: str,
        position_units: str = "",
        position_column: str = "",
        adapter: str = "",
        limits: tuple[float, float] | None = None,
        settle: float = 0.0,
    ) -> None:
        super().__init__(name, adapter)
        self.position_units = text(position_units, "position_units")
        self.position_column = text(position_column, "position_column") or name
        self.limits = limits_in(limits)
        self.settle = settle
        self._position = 0.0
        self._target: float | None = None
        self._reported_at = 0.0

    @property
    def position(self) -> float:
        """Where it is now, in `position_units`.

        Setting it goes there at once and checks nothing: this is what drivers do. `move_to` checks the
        limits first, and scans use that.
        """
        return self._position

    @position.setter
    def position(self, target: float) -> None:
        self._position = target

    def move_to(self, target: float) -> float | None:
        """Go to `target` and return when there.

        Returns:
            The position reached if the driver reads it back; None records the target.

        Raises:
            FieldError: `target` is outside `limits`; nothing moved.
            InstrumentError: it did not arrive.
        """
        self.check_target(target)
        self.position = target
        if self.settle:
            self.wait(self.settle)
        return None

    def column(self) -> str:
        """The data column of its position, ``"name (unit)"``."""
        return (
            f"{self.position_column} ({self.position_units})" if self.position_units else self.position_column
        )

    def check_target(self, target: float, field: str = "position") -> None:
        """Raise FieldError when `target` is outside `limits`."""
        if self.limits is not None and not self.limits[0] <= target <= self.limits[1]:
            raise FieldError(field, outside(target, self.name, self.limits, self.position_units))

    def describe(self) -> dict[str, Any]:
        return super().describe() | {
            "kind": "movement",
            "position_column": self.position_column,
            "position_units": self.position_units,
            "limits": list(self.limits) if self.limits else None,
        }

    def _report_position_start(self, target: float) -> None:
        """For drivers that report on the way: a move to `target` begins."""
        self._target = float(target)
        self.status = InstrumentState.MOVING
        self._report(self.position, moving=True)

    def _report_current_position(self, position: float | None = None) -> None:
        """For drivers: where it is on the way; passed on ten times a second at most."""
        if time.monotonic() - self._reported_at >= 1 / REPORTS_PER_SECOND:
            self._report(self.position if position is None else position, moving=True)

    def _report_position_complete(self, position: float | None = None) -> None:
        """For drivers: the move has ended."""
        self._report(self.position if position is None else position, moving=False)
        self.status = InstrumentState.IDLE

    def _report(self, position: float, *, moving: bool) -> None:
        self._reported_at = time.monotonic()
        if self.listener is None:
            return
        axis = self.column()
        self.listener(
            InstrumentPosition(
                instrument_id=self.instrument_id,
                instrument_name=self.name,
                position={axis: float(position)},
                target=None if self._target is None else {axis: self._target},
                is_moving=moving,
            )
        )


def outside(target: float, name: str, limits: tuple[float, float], units: str) -> str:
    """Why a position is refused: ``"25 mm is outside stage's limits 0 … 20 mm"``."""
    low, high = limits
    unit = f" {units}" if units else ""
    return f"{target:g}{unit} is outside {name}'s limits {low:g} … {high:g}{unit}"
