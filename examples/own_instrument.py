"""Two instruments written from nothing: a motor that reports where it is, and a meter that reads it.

A scan calls `connect`, `initialize`, then `move_to` and `perform_measurement` again and again, and
`shutdown` on every way out. Override what your hardware needs; the rest is inherited.
"""

import math

import numpy as np

from pybirch import Measurement, MeasurementItem, Movement, MovementItem, Scan, ScanSettings
from pybirch.errors import ScanSettingsError


class Motor(Movement):
    """Turns at constant speed. Positions outside the limits are refused before anything moves."""

    def __init__(self, name: str, speed: float = 720.0) -> None:
        super().__init__(name, position_units="deg", limits=(0.0, 360.0))
        self.speed = speed
        self.angle = 0.0

    @property
    def position(self) -> float:
        return self.angle  # here the hardware would be asked

    def move_to(self, target: float) -> float:
        """Go there, tell where it is on the way, and return the position that was reached."""
        self.check_target(target)
        self._report_position_start(target)
        try:
            while not math.isclose(self.angle, target):
                self.wait(0.01)  # not time.sleep: an abort ends this wait at once
                step = self.speed * 0.01
                self.angle += max(-step, min(step, target - self.angle))
                self._report_current_position()
        finally:
            self._report_position_complete()
        return self.angle

    def shutdown(self) -> None:
        """The safe state: here the current would be switched off. May be called more than once."""
        super().shutdown()


class Photodiode(Measurement):
    """Light behind a polariser that sits on the motor: Malus's law."""

    data_columns = ["intensity"]
    data_units = ["mW"]

    def __init__(self, name: str, polariser: Motor) -> None:
        super().__init__(name)
        self.polariser = polariser

    def perform_measurement(self) -> np.ndarray:
        """One row is one reading of scalars; n rows would be one reading of arrays (a spectrum)."""
        return np.array([[5.0 * math.cos(math.radians(self.polariser.position)) ** 2]])


def settings(angles: list[float]) -> ScanSettings:
    polariser = Motor("polariser")
    diode = Photodiode("photodiode", polariser)
    tree = [MovementItem(polariser, angles, children=[MeasurementItem(diode)])]
    return ScanSettings("Tutorial", "Malus's law", "angle", "example", tree)


if __name__ == "__main__":
    scan = Scan(settings([0, 30, 60, 90, 120, 150, 180]))
    scan.run()
    print(scan.data["photodiode"].round(3))

    try:
        Scan(settings([0, 400])).run()
    except ScanSettingsError as refused:
        print(f"refused: {refused}")
