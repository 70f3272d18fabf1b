"""A spectrometer: one reading is a whole spectrum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.errors import FieldError, InstrumentError
from pybirch.instruments.visa import VisaMeasurement

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Spectrometer(VisaMeasurement):
    """Wavelength and counts, a row a pixel.

    Args:
        name: unique within a scan.
        adapter: VISA resource.
        integration: exposure in seconds; also the setting ``integration``.
    """

    data_columns = ["wavelength", "intensity"]
    data_units = ["nm", "counts"]

    def __init__(self, name: str, adapter: str, integration: float = 0.02, timeout: float = 2.0) -> None:
        super().__init__(name, None, adapter, timeout=timeout)
        self.settings = {"integration": integration}
        self._wavelengths = np.empty(0)

    def initialize(self) -> None:
        super().initialize()
        self._wavelengths = np.array(self.numbers("WAV?"))

    def apply_settings(self, settings: Mapping[str, Any]) -> None:
        for name, value in settings.items():
            if name != "integration":
                raise FieldError(f"settings.{name}", f"{self.name} has no such setting, only integration")
            try:
                self.command(f"INT {float(value):g}")
            except (ValueError, TypeError):
                raise FieldError("settings.integration", f"{value!r} is not a number of seconds") from None

    def perform_measurement(self) -> NDArray[np.float64]:
        """One exposure; an abort does not wait for its end."""
        integration = float(self.settings["integration"])
        self.write("INIT")
        self.wait(integration)
        counts = np.array(self.numbers("FETC?"))
        if counts.shape != self._wavelengths.shape:
            known, got = len(self._wavelengths), len(counts)
            raise InstrumentError(f"{self.name} at {self.adapter}: gave {got} values for {known} wavelengths")
        return np.column_stack([self._wavelengths, counts])

    def make_safe(self) -> None:
        self.command("ABOR")
