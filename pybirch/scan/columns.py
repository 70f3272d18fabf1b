"""The names of data columns, each ``"name (unit)"``."""

from __future__ import annotations

from typing import Any

from pybirch.instruments.base import Movable
from pybirch.scan.items.measurement import Keep


def column_of(movement: Movable) -> str:
    """The data column of a movement's position."""
    name = movement.position_column or movement.name
    return f"{name} ({movement.position_units})" if movement.position_units else name


def columns_of(measurement: Any, keep: Keep = "every") -> tuple[str, ...]:
    """The data columns of a measurement; with ``"std"`` as many again, for the standard deviations."""
    columns = tuple(measurement.columns())
    return columns if keep != "std" else columns + tuple(map(_deviation, columns))


def _deviation(column: str) -> str:
    name, mark, unit = column.rpartition(" (")
    return f"{name} std ({unit}" if mark else f"{column} std"
