"""A tree with its instruments numbered: what the engine walks and the outlet lays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pybirch.scan.items import OnError
from pybirch.scan.items.measurement import Keep
from pybirch.scan.nodes import Body


@dataclass(frozen=True)
class Mover:
    """One way to move an axis."""

    axis: int
    on_error: OnError


@dataclass(frozen=True)
class Reader:
    """One way to take a reading of a measurement."""

    measurement: int
    repeats: int
    keep: Keep
    on_error: OnError


@dataclass(frozen=True)
class Plan:
    """A tree made ready to run.

    Attributes:
        movements: the axes by number.
        measurements: the measurements by number.
        axes_of: for each measurement, the numbers of the axes it is taken under: its position columns.
        columns_of: for each measurement, its data columns, each ``"name (unit)"``.
        movers, readers: how axes are moved and measurements read, by the numbers of the parts.
        changed: instruments whose settings are changed on the way, by number.
        probes: measurements that are waited for, by number.
        steps: number of steps in all.
        readings: number of readings in all.
        varies: both are the most there can be; what is measured decides.
    """

    movements: list[Any]
    measurements: list[Any]
    axes_of: list[tuple[int, ...]]
    columns_of: list[tuple[str, ...]]
    movers: list[Mover]
    readers: list[Reader]
    changed: list[Any]
    probes: list[Any]
    body: Body

    @property
    def steps(self) -> int:
        return self.body.steps

    @property
    def readings(self) -> int:
        return self.body.readings

    @property
    def varies(self) -> bool:
        return self.body.varies
