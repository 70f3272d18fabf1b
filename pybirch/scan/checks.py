"""What must be right before anything moves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pybirch.errors import ScanSettingsError
from pybirch.instruments.base import BaseMeasurementInstrument, Measurable, Movable
from pybirch.scan.settings import ScanSettings
from pybirch.scan.traverse import Plan, compile_tree
from pybirch.scan.tree import InstrumentReference, Item, MovementItem, walk


def check_settings(settings: ScanSettings) -> Plan:
    """The plan of a scan that may run.

    Raises:
        ScanSettingsError: names the first field that is wrong: an instrument that is not there, a
            position outside its limits, two instruments under one name, two columns of one name.
    """
    tree = settings.scan_tree or ()
    _check_instruments(tree)
    _check_limits(tree)
    plan = compile_tree(tree)
    _check_columns(plan)
    return plan


def _check_instruments(tree: Sequence[Item]) -> None:
    by_name: dict[str, object] = {}
    for path, item in walk(tree):
        field = f"{path}.{'movement' if isinstance(item, MovementItem) else 'measurement'}"
        instrument = item.instrument
        if isinstance(instrument, InstrumentReference):
            raise ScanSettingsError(field, f"no instrument is called {instrument.name!r} here")
        if not isinstance(instrument, Movable if isinstance(item, MovementItem) else Measurable):
            raise ScanSettingsError(field, _why_not(instrument, isinstance(item, MovementItem)))
        if by_name.setdefault(instrument.name, instrument) is not instrument:
            raise ScanSettingsError(field, f"two instruments of this scan are called {instrument.name!r}")


def _why_not(instrument: object, moves: bool) -> str:
    """Why it can be no movement or measurement."""
    kind = type(instrument).__name__
    if isinstance(instrument, BaseMeasurementInstrument) and not hasattr(instrument, "name"):
        return f"a {kind} has no name yet: its __init__ must call super().__init__(name)"
    return f"a {kind} cannot be {'moved' if moves else 'measured'}"


def _check_limits(tree: Sequence[Item]) -> None:
    for path, item in walk(tree):
        limits = getattr(item.instrument, "limits", None)
        if not isinstance(item, MovementItem) or limits is None:
            continue
        outside = np.flatnonzero((item.positions < limits[0]) | (item.positions > limits[1]))
        if outside.size:
            first = int(outside[0])
            units = item.movement.position_units
            raise ScanSettingsError(
                f"{path}.positions[{first}]",
                f"{item.positions[first]:g} {units} is outside {item.movement.name}'s limits "
                f"{limits[0]:g} … {limits[1]:g} {units}".rstrip(),
            )


def _check_columns(plan: Plan) -> None:
    for measurement, axes in zip(plan.measurements, plan.axes_of, strict=True):
        columns = [column_of(plan.movements[axis]) for axis in axes] + list(measurement.columns())
        if not measurement.columns():
            raise ScanSettingsError(f"{measurement.name}.data_columns", "is empty; name at least one column")
        double = next((c for c in columns if columns.count(c) > 1), None)
        if double is not None:
            raise ScanSettingsError(f"{measurement.name}.data_columns", f"two columns are called {double!r}")


def column_of(movement: Movable) -> str:
    """The data column of a movement's position, ``"name (unit)"``."""
    name = movement.position_column or movement.name
    return f"{name} ({movement.position_units})" if movement.position_units else name
