"""A tree made ready to run: nodes that give the engine its parts, from any step on.

The steps of a node have fixed numbers, whether they are done or left out: an adaptive item has
room for all its positions, a condition for both its branches. So a step's number tells where in
the tree it belongs, and a scan can go on after any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from pybirch.scan.parts import Lane, Line, Moves, Part, Reads, Step, Until
from pybirch.scan.sense import Sense


@dataclass
class Before:
    """How steps that are not done again have left things.

    Attributes:
        here: axis -> its mover and target, in the order of the last moves.
        changes: instrument -> settings in force.
    """

    here: dict[int, tuple[int, float]] = field(default_factory=dict)
    changes: dict[int, dict[str, Any]] = field(default_factory=dict)

    def move(self, axis: int, mover: int, target: float) -> None:
        self.here.pop(axis, None)
        self.here[axis] = (mover, target)


class Node:
    """Part of a plan.

    Attributes:
        steps: how many step numbers it takes.
        readings: how many readings it gives, at most.
        varies: what it does depends on what is measured.
    """

    steps: int = 0
    readings: int = 0
    varies: bool = False

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        """What is to be done; `moves` are part of it in any case.

        Args:
            at: the number of its first step in this visit.
            moves: to be made before the first step.
            skip: so many of its steps are done; nothing where it varies.
            visit: how often it was entered before.
        """
        raise NotImplementedError

    def pass_over(self, at: int, steps: int, visit: int, before: Before) -> None:
        """Note how the first `steps` steps, more than none, leave things; for what does not vary."""

    def loop_start(self, at: int, step: int) -> int | None:
        """The first step of the innermost loop that its step `step`, from 0, is in; None: in no loop.

        Args:
            at: the number of its first step.
        """
        return None


class Body:
    """Nodes one after the other."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = nodes
        self.steps = sum(node.steps for node in nodes)
        self.readings = sum(node.readings for node in nodes)
        self.varies = any(node.varies for node in nodes)

    @property
    def only_reads(self) -> Reads | None:
        """The readers if nothing but reading is done here, as in the innermost loop."""
        if not self.nodes:
            return ()
        first = self.nodes[0]
        return first.reads if len(self.nodes) == 1 and isinstance(first, ReadNode) else None

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        for node in self.nodes:
            if skip and skip >= node.steps:
                skip -= node.steps
            else:
                yield from node.parts(at, moves, skip, visit, sense)
                moves, skip = (), 0
            at += node.steps
        if moves:
            yield prepare(at, moves)

    def loop_start(self, at: int, step: int) -> int | None:
        for node in self.nodes:
            if step < node.steps:
                return node.loop_start(at, step)
            at, step = at + node.steps, step - node.steps
        return None

    def pass_over(self, at: int, steps: int, visit: int, before: Before) -> None:
        for node in self.nodes:
            if steps <= 0:
                return
            if node.steps:
                node.pass_over(at, min(steps, node.steps), visit, before)
            at, steps = at + node.steps, steps - node.steps


def prepare(at: int, moves: Moves) -> Step:
    """Moves that are no step of their own."""
    return Step(at, (Lane(moves, ()),), counts=False)


class ReadNode(Node):
    """Readings at one place: one step."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self.steps, self.readings = 1, len(reads)

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        yield Step(at, (Lane(moves, self.reads),))


class WaitNode(Node):
    """A while, or until something keeps still."""

    steps = 1

    def __init__(self, seconds: float = 0.0, until: Until | None = None) -> None:
        self.seconds = seconds
        self.until = until

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        yield Step(at, (Lane(moves, ()),), wait=self.seconds, until=self.until)


class ChangeNode(Node):
    """New settings for an instrument."""

    steps = 1

    def __init__(self, instrument: int, settings: Mapping[str, Any]) -> None:
        self.instrument = instrument
        self.settings = settings

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        yield Step(at, (Lane(moves, ()),), changes=((self.instrument, self.settings),))

    def pass_over(self, at: int, steps: int, visit: int, before: Before) -> None:
        before.changes.setdefault(self.instrument, {}).update(self.settings)


class ParallelNode(Node):
    """Branches side by side, step by step."""

    def __init__(self, branches: tuple[Body, ...]) -> None:
        self.branches = branches
        self.steps = max(branch.steps for branch in branches)
        self.readings = sum(branch.readings for branch in branches)

    def parts(self, at: int, moves: Moves, skip: int, visit: int, sense: Sense) -> Iterator[Part]:
        if moves:
            yield prepare(at, moves)
        branches = [_steps(branch.parts(at, (), skip, visit, sense)) for branch in self.branches]
        for number, side_by_side in enumerate(zip_longest(*branches), at + skip):
            steps = [step for step in side_by_side if step is not None]
            yield Step(
                number,
                tuple(lane for step in steps for lane in step.lanes),
                wait=max(step.wait for step in steps),
                changes=tuple(change for step in steps for change in step.changes),
            )

    def pass_over(self, at: int, steps: int, visit: int, before: Before) -> None:
        for branch in self.branches:
            branch.pass_over(at, min(steps, branch.steps), visit, before)

    def loop_start(self, at: int, step: int) -> int | None:
        """Its own beginning if there is a loop in a branch: side by side, they have no common line."""
        loops = [branch.loop_start(at, min(step, branch.steps - 1)) for branch in self.branches]
        return None if all(start is None for start in loops) else at


def _steps(parts: Iterator[Part]) -> Iterator[Step]:
    for part in parts:
        if isinstance(part, Line):
            yield from part.steps()
        else:
            yield part
