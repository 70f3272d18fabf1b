"""Nodes that depend on what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pybirch.scan.items import When
from pybirch.scan.nodes import Body, Node, prepare
from pybirch.scan.parts import Leave, Moves, Part
from pybirch.scan.sense import Sense


class ConditionNode(Node):
    """One of two branches; the numbers of `otherwise` come after those of `then`.

    Args:
        number, column: of the measurement that `when` is about.
    """

    varies = True

    def __init__(self, when: When, number: int, column: int, then: Body, otherwise: Body) -> None:
        self.when = when
        self.number, self.column = number, column
        self.then, self.otherwise = then, otherwise
        self.steps = then.steps + otherwise.steps
        self.readings = max(then.readings, otherwise.readings)

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        if moves:
            yield prepare(at, moves)
        if self._holds(at, sense):
            yield from self.then.parts(at, (), 0, visit, sense)
        else:
            yield from self.otherwise.parts(at + self.then.steps, (), 0, visit, sense)

    def loop_start(self, at: int, step: int) -> int | None:
        if step < self.then.steps:
            return self.then.loop_start(at, step)
        return self.otherwise.loop_start(at + self.then.steps, step - self.then.steps)

    def _holds(self, at: int, sense: Sense) -> bool:
        value = sense.last(self.when.measurement, self.number, self.column, at).value
        holds = self.when.holds(value)
        sense.note = f"{self.when} {'holds' if holds else 'does not hold'} (it is {value:.6g})"
        return holds


class LeaveNode(Node):
    """Ends a round, a loop or the walk."""

    varies = True

    def __init__(self, what: Literal["round", "loop", "scan"]) -> None:
        self.what: Literal["round", "loop", "scan"] = what

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        if moves:
            yield prepare(at, moves)
        raise Leave(self.what)
