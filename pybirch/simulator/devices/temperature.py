"""A temperature controller: the sample nears the set point exponentially."""

from __future__ import annotations

from pybirch.simulator.physics import ROOM_TEMPERATURE, Approach
from pybirch.simulator.scpi import ScpiDevice, command, number, switch
from pybirch.simulator.world import World

COLDEST, HOTTEST = 250.0, 400.0


class TemperatureController(ScpiDevice):
    """With the heater off, the sample goes back to room temperature. 5 mK of noise."""

    identity = "PyBirch,TC-1,SIM,1.0"

    def __init__(self, world: World, time_constant: float = 1.0) -> None:
        super().__init__()
        self._world = world
        self._chance = world.chance("temperature")
        self._time_constant = time_constant
        self.set_point = ROOM_TEMPERATURE
        self.heater = False

    @command("*RST")
    def reset(self) -> None:
        self.set_point, self.heater = ROOM_TEMPERATURE, False
        self._head_for_target()

    @command("SETPoint")
    def set_set_point(self, value: str) -> None:
        self.set_point = number(value, COLDEST, HOTTEST)
        self._head_for_target()

    @command("SETPoint?")
    def get_set_point(self) -> str:
        return f"{self.set_point:.3f}"

    @command(":OUTPut")
    def set_heater(self, state: str) -> None:
        self.heater = switch(state)
        self._head_for_target()

    @command(":OUTPut?")
    def get_heater(self) -> str:
        return str(int(self.heater))

    @command("TEMPerature?")
    def temperature(self) -> str:
        return f"{self._world.temperature() + self._chance.normal(0.0, 0.005):.4f}"

    def _head_for_target(self) -> None:
        now = self._world.clock()
        target = self.set_point if self.heater else ROOM_TEMPERATURE
        self._world.heating = Approach(self._world.heating.value(now), target, now, self._time_constant)
