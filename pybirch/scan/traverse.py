"""From plan to parts, lazily: a tree of 10⁸ points starts at once and takes no memory."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from pybirch.scan.nodes import Before
from pybirch.scan.parts import Lane, Leave, Line, Move, Part, Step
from pybirch.scan.plan import Plan
from pybirch.scan.sense import Sense


def traverse(plan: Plan, start: int = 0, sense: Sense | None = None) -> Iterator[Step]:
    """Every step from number `start` on, in order; see `parts`."""
    for part in parts(plan, start, sense):
        if isinstance(part, Line):
            yield from part.steps()
        else:
            yield part


def parts(plan: Plan, start: int = 0, sense: Sense | None = None) -> Generator[Part]:
    """What is to be done from step `start` on: lines of steps, and single ones.

    With a later start, a first part that does not count brings every axis and setting back to where
    the steps before have left them.

    Args:
        sense: knows what was measured, for trees that depend on it.
    """
    sense = sense or Sense(plan.axes_of, len(plan.movements))
    try:
        if start <= 0:
            yield from plan.body.parts(0, (), 0, 0, sense)
        else:
            yield from _going_on(plan, start, sense)
    except Leave:
        sense.left = True


def _going_on(plan: Plan, start: int, sense: Sense) -> Iterator[Part]:
    before = Before()
    if plan.varies:
        found = _replayed(plan, start, before, sense)
    else:
        plan.body.pass_over(0, start, 0, before)
        found = plan.body.parts(0, (), start, 0, sense)
    first = next(found, None)
    if first is None:
        return
    own = {plan.movers[mover].axis for mover in _movers(first)}
    back = tuple(move for axis, move in before.here.items() if axis not in own)
    changes = tuple(before.changes.items())
    if back or changes:
        yield Step(first.number, (Lane(back, ()),), changes=changes, counts=False)
    yield first
    yield from found


def _replayed(plan: Plan, start: int, before: Before, sense: Sense) -> Iterator[Part]:
    """The parts from `start` on of a plan that varies: the walk is gone through again on the record."""
    found = plan.body.parts(0, (), 0, 0, sense)
    for part in found:
        for mover, target in _moves(part):
            before.move(plan.movers[mover].axis, mover, target)
        if isinstance(part, Line):
            done = start - part.number
            if done < len(part.targets):
                targets = part.targets[max(0, done) :]
                yield part._replace(moves=(), targets=targets, number=max(start, part.number))
                break
            before.move(plan.movers[part.mover].axis, part.mover, float(part.targets[-1]))
        elif part.number >= start:
            yield part
            break
        else:
            for instrument, settings in part.changes:
                before.changes.setdefault(instrument, {}).update(settings)
    yield from found


def _moves(part: Part) -> Iterator[Move]:
    """What the part moves first."""
    match part:
        case Line():
            yield from part.moves
        case Step():
            for lane in part.lanes:
                yield from lane.moves


def _movers(part: Part) -> set[int]:
    """What the part moves before it reads."""
    movers = {mover for mover, _ in _moves(part)}
    return movers | {part.mover} if isinstance(part, Line) else movers
