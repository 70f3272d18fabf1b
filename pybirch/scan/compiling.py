"""From tree to plan: instruments are numbered, and what is read at one place is read in one step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from pybirch.errors import ScanSettingsError
from pybirch.scan.choices import ConditionNode, LeaveNode
from pybirch.scan.columns import columns_of
from pybirch.scan.items import (
    AdaptiveItem,
    ConditionItem,
    LeaveItem,
    MeasurementItem,
    MovementItem,
    OnError,
    ParallelItem,
    RepeatItem,
    SequenceItem,
    SettingsItem,
    StableItem,
    TreeItem,
    WaitItem,
)
from pybirch.scan.loops import AdaptiveNode, AxisNode, Loop
from pybirch.scan.nodes import Body, ChangeNode, Node, ParallelNode, ReadNode, WaitNode
from pybirch.scan.parts import Until
from pybirch.scan.plan import Mover, Plan, Reader

Axes = tuple[int, ...]


def compile_tree(tree: Sequence[TreeItem]) -> Plan:
    """The plan of a tree whose items have passed the checks.

    Raises:
        ScanSettingsError: a condition or strategy looks at what is not measured, or has no such column.
    """
    return _Compiler().plan(tree)


class _Compiler:
    def __init__(self) -> None:
        self.movements: list[Any] = []
        self.measurements: list[Any] = []
        self.changed: list[Any] = []
        self.probes: list[Any] = []
        self.axes_of: list[list[int]] = []
        self.columns_of: list[tuple[str, ...]] = []
        self.movers: list[Mover] = []
        self.readers: list[Reader] = []

    def plan(self, tree: Sequence[TreeItem]) -> Plan:
        body = self.body(tree, ())
        return Plan(
            self.movements,
            self.measurements,
            [tuple(axes) for axes in self.axes_of],
            self.columns_of,
            self.movers,
            self.readers,
            self.changed,
            self.probes,
            body,
        )

    def body(self, items: Sequence[TreeItem], above: Axes) -> Body:
        nodes: list[Node] = []
        for reads, group in groupby(_flat(items), lambda item: isinstance(item, MeasurementItem)):
            if reads:
                together = (self.reads(item, above) for item in group if isinstance(item, MeasurementItem))
                nodes.append(ReadNode(tuple(number for reads in together for number in reads)))
            else:
                nodes.extend(self.node(item, above) for item in group)
        return Body(tuple(nodes))

    def node(self, item: TreeItem, above: Axes) -> Node:
        match item:
            case WaitItem():
                return WaitNode(item.seconds)
            case StableItem():
                return self.stable(item)
            case RepeatItem():
                return Loop(item.times, self.body(item.children, above))
            case MovementItem():
                axis, mover = self.mover(item.movement, item.on_error)
                inner = self.body(item.children, _with(above, axis))
                return AxisNode(axis, mover, item.positions, item.snake, inner)
            case ParallelItem():
                beside = self.axes_in(item.children, above)
                return ParallelNode(tuple(self.body([branch], beside) for branch in item.children))
            case SettingsItem():
                return ChangeNode(_number_of(item.target, self.changed), item.settings)
            case LeaveItem():
                return LeaveNode(item.what)
            case ConditionItem():
                number, column = self.look_at(item.when.measurement, item.when.column, "when")
                then, otherwise = self.body(item.children, above), self.body(item.otherwise, above)
                return ConditionNode(item.when, number, column, then, otherwise)
            case AdaptiveItem():
                return self.adaptive(item, above)
        raise TypeError(f"{type(item).__name__} cannot be walked")

    def adaptive(self, item: AdaptiveItem, above: Axes) -> AdaptiveNode:
        axis, mover = self.mover(item.movement, item.on_error)
        body = self.body(item.children, _with(above, axis))
        number, column = self.look_at(item.measurement, item.column, "measurement")
        return AdaptiveNode(
            axis,
            mover,
            item.strategy,
            item.max_positions,
            item.measurement,
            number,
            column,
            body,
        )

    def stable(self, item: StableItem) -> WaitNode:
        probe = _number_of(item.measurement, self.probes)
        column = _place(columns_of(item.measurement), item.column, item.measurement.name)
        return WaitNode(until=Until(probe, column, item.tolerance, item.seconds, item.every, item.timeout))

    def mover(self, movement: Any, on_error: OnError) -> tuple[int, int]:
        """The number of the axis, and of this way to move it."""
        axis = _number_of(movement, self.movements)
        self.movers.append(Mover(axis, on_error))
        return axis, len(self.movers) - 1

    def reads(self, item: MeasurementItem, above: Axes) -> tuple[int, ...]:
        """The numbers of the readers of one item, one for each reading that is kept."""
        number = self.measurement(item.measurement, item)
        self.axes_of[number] += [axis for axis in above if axis not in self.axes_of[number]]
        every = item.keep == "every"
        self.readers.append(Reader(number, 1 if every else item.repeats, item.keep, item.on_error))
        return (len(self.readers) - 1,) * (item.repeats if every else 1)

    def measurement(self, measurement: Any, item: MeasurementItem) -> int:
        """Its number; it has one set of columns in the whole tree."""
        number = _number_of(measurement, self.measurements)
        columns = columns_of(measurement, item.keep)
        if number == len(self.axes_of):
            self.axes_of.append([])
            self.columns_of.append(columns)
        elif columns != self.columns_of[number]:
            raise ScanSettingsError(
                f"{measurement.name}.keep", 'must be "std" wherever it is read in this scan, or nowhere'
            )
        return number

    def look_at(self, name: str, column: str, field: str) -> tuple[int, int]:
        """The number of a measurement that is read already, and of its column."""
        for number, measurement in enumerate(self.measurements):
            if measurement.name == name:
                return number, _place(self.columns_of[number], column, name)
        known = ", ".join(measurement.name for measurement in self.measurements) or "nothing"
        raise ScanSettingsError(field, f"{name!r} is not measured earlier in the tree (measured: {known})")

    def axes_in(self, items: Sequence[TreeItem], above: Axes) -> Axes:
        """`above` and the axes of all movements in these items."""
        for item in items:
            if isinstance(item, MovementItem):
                above = _with(above, _number_of(item.movement, self.movements))
            for below in item.branches.values():
                above = self.axes_in(below, above)
        return above


def _place(columns: tuple[str, ...], wanted: str, name: str) -> int:
    """The number of a column, by its name with or without the unit; the first for no name."""
    for place, column in enumerate(columns):
        if wanted in ("", column, column.rpartition(" (")[0]):
            return place
    raise ScanSettingsError("column", f"{name} has no column {wanted!r}, only {', '.join(columns)}")


def _flat(items: Sequence[TreeItem]) -> list[TreeItem]:
    """The items, those of a sequence in its place."""
    return [
        one for item in items for one in (_flat(item.children) if isinstance(item, SequenceItem) else [item])
    ]


def _number_of(instrument: Any, known: list[Any]) -> int:
    for number, other in enumerate(known):
        if other is instrument:
            return number
    known.append(instrument)
    return len(known) - 1


def _with(axes: Axes, axis: int) -> Axes:
    return axes if axis in axes else (*axes, axis)
