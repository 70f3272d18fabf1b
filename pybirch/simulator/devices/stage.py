"""A linear stage that takes its time."""

from __future__ import annotations

from pybirch.simulator.physics import Trajectory
from pybirch.simulator.scpi import ScpiDevice, command, number
from pybirch.simulator.world import World

TRAVEL = 50.0
"""mm, from 0."""


class Stage(ScpiDevice):
    """Moves the sample at constant speed; a new MOVE starts from where it is."""

    identity = "PyBirch,STAGE-50,SIM,1.0"

    def __init__(self, world: World, speed: float = 20.0) -> None:
        super().__init__()
        self._world = world
        self._speed = speed

    @command("MOVE")
    def move(self, target: str) -> None:
        self._go(number(target, 0.0, TRAVEL))

    @command("HOME")
    def home(self) -> None:
        self._go(0.0)

    @command("STOP")
    def stop(self) -> None:
        self._go(self._world.stage_position())

    @command("POSition?")
    def position(self) -> str:
        return f"{self._world.stage_position():.5f}"

    @command("MOVING?")
    def moving(self) -> str:
        return str(int(self._world.stage.is_moving(self._world.clock())))

    @command("VELocity")
    def set_velocity(self, value: str) -> None:
        self._speed = number(value, 0.01, 1_000.0)

    @command("VELocity?")
    def get_velocity(self) -> str:
        return f"{self._speed:g}"

    @command("LIMits?")
    def limits(self) -> str:
        return f"0,{TRAVEL:g}"

    def _go(self, target: float) -> None:
        now = self._world.clock()
        self._world.stage = Trajectory(self._world.stage.position(now), target, now, self._speed)
