"""How much a plan asks of each instrument, counted without walking it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from pybirch.scan.choices import ConditionNode
from pybirch.scan.loops import AdaptiveNode, AxisNode, Loop
from pybirch.scan.nodes import Body, ChangeNode, Node, ParallelNode, ReadNode, WaitNode
from pybirch.scan.plan import Plan


@dataclass
class Workload:
    """What is done in all; where the plan varies, the most there can be.

    Attributes:
        moves: axis -> number of moves.
        distance: axis -> way in all, in its units; an adaptive axis counts the span of its strategy.
        reads: measurement -> calls of `perform_measurement`.
        waiting: seconds of waits.
    """

    moves: dict[int, int] = field(default_factory=dict)
    distance: dict[int, float] = field(default_factory=dict)
    reads: dict[int, int] = field(default_factory=dict)
    waiting: float = 0.0

    def move(self, axis: int, times: int, distance: float) -> None:
        self.moves[axis] = self.moves.get(axis, 0) + times
        self.distance[axis] = self.distance.get(axis, 0.0) + distance


def workload_of(plan: Plan) -> Workload:
    """What the whole plan asks for."""
    work = Workload()
    _count(plan.body, 1, plan, work)
    return work


def _count(body: Body, visits: int, plan: Plan, work: Workload) -> None:
    for node in body.nodes:
        match node:
            case ReadNode():
                for reader in node.reads:
                    one = plan.readers[reader]
                    calls = visits * one.repeats
                    work.reads[one.measurement] = work.reads.get(one.measurement, 0) + calls
            case WaitNode():
                work.waiting += visits * (node.seconds + (node.until.seconds if node.until else 0.0))
            case AxisNode():
                work.move(node.axis, visits * node.rounds, _way(node, visits))
                _count(node.body, visits * node.rounds, plan, work)
            case AdaptiveNode():
                span = getattr(node.strategy, "high", 0.0) - getattr(node.strategy, "low", 0.0)
                work.move(node.axis, visits * node.rounds, visits * span)
                _count(node.body, visits * node.rounds, plan, work)
            case Loop():
                _count(node.body, visits * node.rounds, plan, work)
            case _:
                for below in _below(node):
                    _count(below, visits, plan, work)


def _way(node: AxisNode, visits: int) -> float:
    """How far an axis goes in so many visits: along its positions, and back to the first each time."""
    along = float(np.abs(np.diff(node.positions)).sum())
    back = 0.0 if node.snake else abs(float(node.positions[-1] - node.positions[0]))
    return visits * along + max(0, visits - 1) * back


def _below(node: Node) -> Iterator[Body]:
    match node:
        case ParallelNode():
            yield from node.branches
        case ConditionNode():
            yield max((node.then, node.otherwise), key=lambda body: body.readings)
        case ChangeNode():
            return
        case _:
            return
