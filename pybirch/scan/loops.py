"""Nodes that do their body again and again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pybirch.errors import InstrumentError
from pybirch.scan.nodes import Before, Body, Node, prepare
from pybirch.scan.parts import Leave, Line, Moves, Part, Unmoved
from pybirch.scan.sense import Sense

if TYPE_CHECKING:
    from pybirch.scan.strategies import Strategy

Rounds = Iterator[tuple[int, Moves]]
"""The number of a round, and its own moves."""


class Loop(Node):
    """Rounds of at least one step each."""

    mover = -1

    def __init__(self, rounds: int, body: Body) -> None:
        self.rounds = rounds
        self.body = body
        self.inner = max(1, body.steps)
        self.steps = rounds * self.inner
        self.readings = rounds * body.readings
        self.varies = body.varies

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        first, inside = divmod(skip, self.inner)
        for round_, own in self._rounds(at, first, visit, sense):
            start, again = at + round_ * self.inner, visit * self.rounds + round_
            try:
                yield from self.body.parts(start, moves if inside else moves + own, inside, again, sense)
            except Unmoved as unmoved:
                if unmoved.mover != self.mover:
                    raise
            except Leave as leave:
                if leave.what == "scan":
                    raise
                if leave.what == "loop":
                    return
            moves, inside = (), 0
        if moves:
            yield prepare(at, moves)

    def _rounds(self, at: int, first: int, visit: int, sense: Sense) -> Rounds:
        """The rounds from `first` on."""
        return ((round_, ()) for round_ in range(first, self.rounds))

    def pass_over(self, at: int, steps: int, visit: int, before: Before) -> None:
        whole, inside = divmod(steps, self.inner)
        for round_, done in ((whole - 1, self.inner), (whole, inside)):
            if done and round_ >= 0:
                start = at + round_ * self.inner
                self._enter(start, round_, visit, before)
                self.body.pass_over(start, done, visit * self.rounds + round_, before)

    def loop_start(self, at: int, step: int) -> int | None:
        round_, inside = divmod(step, self.inner)
        inner = self.body.loop_start(at + round_ * self.inner, inside)
        return at if inner is None else inner

    def _enter(self, start: int, round_: int, visit: int, before: Before) -> None:
        """Note what the beginning of a round, whose first step is `start`, does."""


class AxisNode(Loop):
    """Goes to positions that are known beforehand."""

    def __init__(self, axis: int, mover: int, positions: Any, snake: bool, body: Body) -> None:
        super().__init__(len(positions), body)
        self.axis = axis
        self.mover = mover
        self.positions = positions
        self.snake = snake

    def targets(self, visit: int) -> Any:
        """Where it goes when it is entered for the `visit`-th time, from 0."""
        return self.positions[::-1] if self.snake and visit % 2 else self.positions

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        reads = self.body.only_reads
        if reads is None:
            return super().parts(at, moves, skip, visit, sense)
        return iter((Line(at + skip, moves, self.mover, self.targets(visit)[skip:], reads),))

    def _rounds(self, at: int, first: int, visit: int, sense: Sense) -> Rounds:
        targets = self.targets(visit)
        return ((round_, ((self.mover, float(targets[round_])),)) for round_ in range(first, self.rounds))

    def _enter(self, start: int, round_: int, visit: int, before: Before) -> None:
        before.move(self.axis, self.mover, float(self.targets(visit)[round_]))


class AdaptiveNode(Loop):
    """Goes where a strategy says.

    Args:
        name, number, column: of the measurement it judges by.
    """

    varies = True

    def __init__(
        self,
        axis: int,
        mover: int,
        strategy: Strategy,
        rounds: int,
        name: str,
        number: int,
        column: int,
        body: Body,
    ) -> None:
        super().__init__(rounds, body)
        self.varies = True
        self.axis = axis
        self.mover = mover
        self.strategy = strategy
        self.name, self.number, self.column = name, number, column

    def _rounds(self, at: int, first: int, visit: int, sense: Sense) -> Rounds:
        positions: list[float] = []
        values: list[float] = []
        for round_ in range(self.rounds):
            chosen = self.strategy.next_position(positions, values)
            if chosen is None:
                return
            target = self._finite(chosen)
            yield round_, ((self.mover, target),)
            start = at + round_ * self.inner
            seen = sense.last(self.name, self.number, self.column, start + self.inner, since=start)
            values.append(seen.value)
            positions.append(seen.positions.get(self.axis, target))

    def _finite(self, chosen: float) -> float:
        try:
            target = float(chosen)
        except (TypeError, ValueError):
            target = math.nan
        if not math.isfinite(target):
            raise InstrumentError(f"the strategy of {self.name} chose {chosen!r}, which is no position")
        return target
