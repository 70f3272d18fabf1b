"""A source-measure unit with a diode on its terminals."""

from __future__ import annotations

from pybirch.simulator.physics import diode_current
from pybirch.simulator.scpi import ScpiDevice, command, number, switch
from pybirch.simulator.world import World

RANGE = 20.0
"""Volts, either sign."""

COMPLIANCE = 0.1
"""Amperes; beyond it the output stops rising."""


class SourceMeasureUnit(ScpiDevice):
    """Gives a voltage, measures the current: 1e-4 of the value and 1 nA of noise."""

    identity = "PyBirch,SMU-1,SIM,1.0"

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._chance = world.chance("smu")
        self.voltage = 0.0
        self.output = False

    @command("*RST")
    def reset(self) -> None:
        self.voltage, self.output = 0.0, False

    @command(":SOURce:VOLTage")
    def set_voltage(self, value: str) -> None:
        self.voltage = number(value, -RANGE, RANGE)

    @command(":SOURce:VOLTage?")
    def get_voltage(self) -> str:
        return f"{self.voltage:.6E}"

    @command(":OUTPut")
    def set_output(self, state: str) -> None:
        self.output = switch(state)

    @command(":OUTPut?")
    def get_output(self) -> str:
        return str(int(self.output))

    @command(":MEASure:CURRent?")
    def measure_current(self) -> str:
        current = self._current()
        return f"{current + self._chance.normal(0.0, abs(current) * 1e-4 + 1e-9):.6E}"

    @command(":MEASure:VOLTage?")
    def measure_voltage(self) -> str:
        voltage = self.voltage if self.output else 0.0
        return f"{voltage + self._chance.normal(0.0, 2e-5):.6E}"

    def _current(self) -> float:
        if not self.output:
            return 0.0
        return min(diode_current(self.voltage, self._world.temperature()), COMPLIANCE)
