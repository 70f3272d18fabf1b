"""A lock-in amplifier through PyMeasure's SR830, unchanged: its oscillator and what it sees.

Both talk to one box: given the same adapter they share its connection. PyMeasure is imported when
the first of them connects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pybirch.instruments.visa import VisaMeasurement, VisaMovement

if TYPE_CHECKING:
    from numpy.typing import NDArray

DRIVER = "pymeasure.instruments.srs.SR830"

SETTLING = 7.0
"""Time constants until the output filter has forgotten all but a thousandth."""


class LockinFrequency(VisaMovement):
    """Frequency of the internal oscillator, in Hz.

    Args:
        name: unique within a scan.
        adapter: VISA resource.
        limits: frequencies allowed.
        settle: seconds to wait after a move; None waits as long as the output filter needs.
    """

    def __init__(
        self,
        name: str,
        adapter: str,
        limits: tuple[float, float] = (0.001, 102_000.0),
        settle: float | None = None,
        timeout: float = 2.0,
    ) -> None:
        super().__init__(
            name, DRIVER, adapter, attribute="frequency", position_units="Hz", limits=limits, timeout=timeout
        )
        self._settle_wanted = settle
        self._settle_known = False

    def initialize(self) -> None:
        super().initialize()
        self._set("reference_source", "Internal")
        self._settle_known = False

    def move_to(self, target: float) -> float:
        """Set it, let the filter settle, and give the frequency the instrument says."""
        if not self._settle_known:
            self.settle = self._time_to_settle()
            self._settle_known = True
        super().move_to(target)
        return self.position

    def _time_to_settle(self) -> float:
        if self._settle_wanted is not None:
            return self._settle_wanted
        return SETTLING * float(self._get("time_constant"))


class LockinSignal(VisaMeasurement):
    """What the lock-in sees, all of one instant.

    Args:
        name: unique within a scan.
        adapter: VISA resource.
        time_constant: of the output filter in seconds, None leaves what is set; any property of
            PyMeasure's SR830 may be given as a setting.
    """

    data_columns = ["X", "Y", "R", "theta"]
    data_units = ["V", "V", "V", "deg"]

    def __init__(
        self, name: str, adapter: str, time_constant: float | None = None, timeout: float = 2.0
    ) -> None:
        super().__init__(name, DRIVER, adapter, timeout=timeout)
        if time_constant is not None:
            self.settings = {"time_constant": time_constant}

    def perform_measurement(self) -> NDArray[np.float64]:
        with self.named_errors(), self.exclusively():
            return np.array([self.instrument.snap("X", "Y", "R", "Theta")], dtype=float)
