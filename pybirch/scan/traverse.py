"""From tree to steps, lazily: what the engine does one after the other.

A *step* is the moves to one set of positions and all measurements there. `compile_tree` numbers the
axes and measurements once; `traverse` then yields steps as plain tuples, so that a tree of 10⁸
points starts at once and takes no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pybirch.scan.tree import Item, MeasurementItem

Move = tuple[int, float]
"""Axis number and target."""

Step = tuple[tuple[Move, ...], tuple[int, ...]]
"""The moves to make, then the numbers of the measurements to read."""


@dataclass(frozen=True)
class _Reads:
    measurements: tuple[int, ...]


@dataclass(frozen=True)
class _Axis:
    number: int
    positions: Any
    body: tuple[_Reads | _Axis, ...]


@dataclass(frozen=True)
class Plan:
    """A tree made ready to run.

    Attributes:
        movements: the axes by number.
        measurements: the measurements by number.
        axes_of: for each measurement, the numbers of the axes it is taken under: its position columns.
        steps: number of steps in all.
        readings: number of readings in all.
    """

    movements: list[Any]
    measurements: list[Any]
    axes_of: list[tuple[int, ...]]
    steps: int
    readings: int
    body: tuple[_Reads | _Axis, ...]


def compile_tree(tree: Sequence[Item]) -> Plan:
    """Number axes and measurements, and group measurements that are read at one place."""
    movements: list[Any] = []
    measurements: list[Any] = []
    axes_of: list[list[int]] = []

    def number_of(instrument: Any, known: list[Any]) -> int:
        for number, other in enumerate(known):
            if other is instrument:
                return number
        known.append(instrument)
        return len(known) - 1

    def build(items: Sequence[Item], above: tuple[int, ...]) -> tuple[_Reads | _Axis, ...]:
        body: list[_Reads | _Axis] = []
        together: list[int] = []
        for item in items:
            if isinstance(item, MeasurementItem):
                measurement = number_of(item.measurement, measurements)
                if measurement == len(axes_of):
                    axes_of.append([])
                axes_of[measurement] += [axis for axis in above if axis not in axes_of[measurement]]
                together.append(measurement)
                continue
            if together:
                body.append(_Reads(tuple(together)))
                together = []
            axis = number_of(item.movement, movements)
            inner = build(item.children, above if axis in above else (*above, axis))
            body.append(_Axis(axis, item.positions, inner))
        if together:
            body.append(_Reads(tuple(together)))
        return tuple(body)

    body = build(tree, ())
    steps, readings = _count(body)
    return Plan(movements, measurements, [tuple(axes) for axes in axes_of], steps, readings, body)


def _count(body: tuple[_Reads | _Axis, ...]) -> tuple[int, int]:
    steps = readings = 0
    for node in body:
        if isinstance(node, _Reads):
            steps += 1
            readings += len(node.measurements)
        else:
            inner_steps, inner_readings = _count(node.body)
            steps += len(node.positions) * max(1, inner_steps)
            readings += len(node.positions) * inner_readings
    return steps, readings


def traverse(plan: Plan) -> Iterator[Step]:
    """Every step in order; a movement without children is a step that only moves."""
    return _steps(plan.body, ())


def _steps(body: tuple[_Reads | _Axis, ...], before: tuple[Move, ...]) -> Iterator[Step]:
    for node in body:
        if isinstance(node, _Reads):
            yield before, node.measurements
            before = ()
            continue
        reads = _only_reads(node.body)
        for target in _floats(node.positions):
            moves = (*before, (node.number, target)) if before else ((node.number, target),)
            before = ()
            if reads is None:
                yield from _steps(node.body, moves)
            else:
                yield moves, reads


def _only_reads(body: tuple[_Reads | _Axis, ...]) -> tuple[int, ...] | None:
    """The measurements if nothing but they is done at a position, the innermost loop."""
    if not body:
        return ()
    return body[0].measurements if len(body) == 1 and isinstance(body[0], _Reads) else None


def _floats(positions: Any, piece: int = 4096) -> Iterator[float]:
    """The positions as Python floats, a piece at a time."""
    pieces = (positions[start : start + piece].tolist() for start in range(0, len(positions), piece))
    return chain.from_iterable(pieces)
