"""What must be right before anything moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pybirch.errors import ScanSettingsError
from pybirch.instruments.base import BaseMeasurementInstrument, Measurable, Movable
from pybirch.instruments.movement import Movement, outside
from pybirch.scan.columns import column_of
from pybirch.scan.compiling import compile_tree
from pybirch.scan.items import (
    AdaptiveItem,
    InstrumentReference,
    LeaveItem,
    MeasurementItem,
    MovementItem,
    ParallelItem,
    RepeatItem,
    SequenceItem,
    SettingsItem,
    TreeItem,
    WaitItem,
)
from pybirch.scan.plan import Plan
from pybirch.scan.settings import ScanSettings
from pybirch.scan.tree import users, walk

Tree = Sequence[TreeItem]
Problems = Iterator[ScanSettingsError]

_BESIDE = (MovementItem, MeasurementItem, SequenceItem, RepeatItem, WaitItem, SettingsItem)
"""What may be done side by side with something else: all whose steps are known beforehand."""


def check_settings(settings: ScanSettings) -> Plan:
    """The plan of a scan that may run.

    Raises:
        ScanSettingsError: names the first field that is wrong: an instrument that is not there, a
            position outside its limits, two instruments under one name, two columns of one name.
    """
    tree = settings.scan_tree or ()
    for check in CHECKS:
        for problem in check(tree):
            raise problem
    plan = compile_tree(tree)
    for problem in _columns(plan):
        raise problem
    return plan


def all_problems(settings: ScanSettings) -> list[ScanSettingsError]:
    """Everything `check_settings` may find, not only the first."""
    tree = settings.scan_tree or ()
    found = [problem for check in CHECKS for problem in check(tree)]
    if not found:
        try:
            found = list(_columns(compile_tree(tree)))
        except ScanSettingsError as problem:
            found = [problem]
    return found


def _instruments(tree: Tree) -> Problems:
    """Each is there, can do what is asked of it, and is alone under its name."""
    by_name: dict[str, object] = {}
    for path, item in users(tree):
        field, instrument = f"{path}.{item.instrument_field}", item.instrument
        needed = {"movement": Movable, "measurement": Measurable}.get(item.instrument_field)
        if isinstance(instrument, InstrumentReference):
            yield ScanSettingsError(field, f"no instrument is called {instrument.name!r} here")
        elif needed is not None and not isinstance(instrument, needed):
            yield ScanSettingsError(field, _why_not(instrument, needed is Movable))
        elif isinstance(item, SettingsItem) and not hasattr(instrument, "apply_settings"):
            yield ScanSettingsError(
                field, f"a {type(instrument).__name__} cannot change its settings on the way"
            )
        elif by_name.setdefault(instrument.name, instrument) is not instrument:
            yield ScanSettingsError(field, f"two instruments of this scan are called {instrument.name!r}")
        elif needed is Movable and _moves_nothing(instrument):
            yield ScanSettingsError(
                field, f"{instrument.name} moves nothing: give it a position setter or move_to"
            )
        elif needed is Measurable and (problem := _units_problem(instrument)):
            yield ScanSettingsError(f"{instrument.name}.data_units", problem)


def _time_limits(tree: Tree) -> Problems:
    """What limits its calls is a time."""
    for _, item in users(tree):
        limit = getattr(item.instrument, "time_limit", None)
        if limit is not None and not (isinstance(limit, int | float) and limit > 0):
            yield ScanSettingsError(
                f"{item.instrument.name}.time_limit", f"must be seconds, more than 0, or None; not {limit!r}"
            )


def _why_not(instrument: object, moves: bool) -> str:
    """Why it can be no movement or measurement."""
    kind = type(instrument).__name__
    if isinstance(instrument, BaseMeasurementInstrument) and not hasattr(instrument, "name"):
        return f"a {kind} has no name yet: its __init__ must call super().__init__(name)"
    return f"a {kind} cannot be {'moved' if moves else 'measured'}"


def _moves_nothing(instrument: object) -> bool:
    """Whether it inherits all of `Movement` that moves; a plain `Movement` is a number to step."""
    kind = type(instrument)
    if kind is Movement or not isinstance(instrument, Movement):
        return False
    if getattr(instrument.move_to, "__func__", None) is not Movement.move_to:
        return False
    position = getattr(kind, "position", None)
    return isinstance(position, property) and position.fset in (None, Movement.position.fset)


def _units_problem(instrument: Any) -> str:
    """What is wrong with its units, if anything is; nothing for one that has none."""
    units = getattr(instrument, "data_units", None) or ()
    columns = getattr(instrument, "data_columns", None) or ()
    if isinstance(units, str) or not all(isinstance(unit, str) for unit in units):
        return f"must be a list of texts, not {units!r}"
    if units and columns and len(units) != len(columns):
        return f"are {len(units)} for {len(columns)} columns; give one for each column, or none at all"
    return ""


def _nesting(tree: Tree, field: str = "scan_tree", above: tuple[object, ...] = ()) -> Problems:
    """No movement is moved again while its own positions are gone through."""
    for number, item in enumerate(tree):
        path, around = f"{field}[{number}]", above
        if isinstance(item, MovementItem | AdaptiveItem):
            if any(item.movement is other for other in above):
                yield ScanSettingsError(
                    f"{path}.movement", f"{item.movement.name} is moved inside its own movement; use it once"
                )
            around = (*above, item.movement)
        for key, below in item.branches.items():
            yield from _nesting(below, f"{path}.{key}", around)


def _limits(tree: Tree) -> Problems:
    """No position is outside the limits of its movement."""
    for path, item in users(tree):
        limits = getattr(item.instrument, "limits", None)
        if limits is None:
            continue
        match item:
            case MovementItem():
                beyond = np.flatnonzero((item.positions < limits[0]) | (item.positions > limits[1]))
                if beyond.size:
                    first = int(beyond[0])
                    yield _outside(f"{path}.positions[{first}]", item.positions[first], item.movement)
            case AdaptiveItem():
                for end in ("low", "high"):
                    target = getattr(item.strategy, end, None)
                    if target is not None and not limits[0] <= target <= limits[1]:
                        yield _outside(f"{path}.strategy.{end}", target, item.movement)
            case _:
                pass


def _outside(field: str, target: float, movement: Any) -> ScanSettingsError:
    return ScanSettingsError(field, outside(target, movement.name, movement.limits, movement.position_units))


def _branches(tree: Tree) -> Problems:
    """What goes on side by side uses different hardware, and its steps are known beforehand."""
    for path, item in walk(tree):
        if not isinstance(item, ParallelItem):
            continue
        if len(item.children) < 2:
            yield ScanSettingsError(f"{path}.children", "needs at least two branches to be parallel")
        users_of: dict[str, str] = {}
        for number, branch in enumerate(item.children):
            where = f"{path}.children[{number}]"
            for below, part in walk([branch]):
                inside = where + below.removeprefix("scan_tree[0]")
                if not isinstance(part, _BESIDE):
                    yield ScanSettingsError(inside, f"{part.kind!r} cannot be done in a parallel branch")
                if isinstance(part, MovementItem) and part.on_error.then == "skip":
                    yield ScanSettingsError(
                        f"{inside}.on_error.then", 'a movement in a parallel branch cannot be "skip"ped'
                    )
                if part.instrument_field:
                    key = getattr(part.instrument, "lease_key", f"object:{id(part.instrument)}")
                    if users_of.setdefault(key, where) != where:
                        yield ScanSettingsError(
                            inside, f"{part.instrument.name!r} is used by another branch at the same time"
                        )


def _ways_out(tree: Tree, field: str = "scan_tree", in_loop: bool = False) -> Problems:
    """What is left early is there."""
    for number, item in enumerate(tree):
        path = f"{field}[{number}]"
        if isinstance(item, LeaveItem) and item.what != "scan" and not in_loop:
            yield ScanSettingsError(f"{path}.what", f"there is no {item.what} around this to leave")
        loops = isinstance(item, MovementItem | RepeatItem | AdaptiveItem)
        for key, below in item.branches.items():
            yield from _ways_out(below, f"{path}.{key}", in_loop or loops)


CHECKS: tuple[Callable[[Tree], Problems], ...] = (
    _instruments,
    _nesting,
    _limits,
    _time_limits,
    _branches,
    _ways_out,
)


def _columns(plan: Plan) -> Problems:
    """Every measurement has columns, no two of one name."""
    for number, measurement in enumerate(plan.measurements):
        field = f"{measurement.name}.data_columns"
        columns = [column_of(plan.movements[axis]) for axis in plan.axes_of[number]]
        columns += plan.columns_of[number]
        if not plan.columns_of[number]:
            yield ScanSettingsError(field, "is empty; name at least one column")
        double = next((column for column in columns if columns.count(column) > 1), None)
        if double is not None:
            yield ScanSettingsError(field, f"two columns are called {double!r}")
