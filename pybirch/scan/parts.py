"""What the engine is told to do next: a line of steps, or one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Literal, NamedTuple

Move = tuple[int, float]
"""Number of a mover, and target."""

Moves = tuple[Move, ...]
Reads = tuple[int, ...]
"""Numbers of readers."""


class Lane(NamedTuple):
    """Moves, then readings, one after the other; the lanes of a step go on side by side."""

    moves: Moves
    reads: Reads


class Until(NamedTuple):
    """Wait until a probe's column keeps within `tolerance` for `seconds`; see `StableItem`."""

    probe: int
    column: int
    tolerance: float
    seconds: float
    every: float
    timeout: float


class Step(NamedTuple):
    """One step.

    Attributes:
        number: ordinal in the traversal.
        lanes: what is moved and read.
        wait: seconds to wait after that.
        until: what to wait for.
        changes: number of an instrument and its new settings.
        counts: False where it only prepares the step of that number.
    """

    number: int
    lanes: tuple[Lane, ...] = ()
    wait: float = 0.0
    until: Until | None = None
    changes: tuple[tuple[int, Mapping[str, Any]], ...] = ()
    counts: bool = True


class Line(NamedTuple):
    """Steps that differ in the target of one mover only: the innermost loop.

    Attributes:
        number: ordinal of the first.
        moves: made before the first of them.
        mover: goes to each of `targets`.
        targets: shape (n,), in the axis's units.
        reads: the readers read at each.
    """

    number: int
    moves: Moves
    mover: int
    targets: Any
    reads: Reads

    def steps(self) -> Iterator[Step]:
        moves = self.moves
        for place, target in enumerate(floats(self.targets)):
            yield Step(self.number + place, (Lane((*moves, (self.mover, target)), self.reads),))
            moves = ()


Part = Line | Step


class Leave(Exception):  # noqa: N818  (not an error: the tree says so)
    """Ends a round, a loop or the whole walk."""

    def __init__(self, what: Literal["round", "loop", "scan"]) -> None:
        super().__init__(what)
        self.what = what


class Unmoved(Exception):  # noqa: N818  (not an error: its policy says that the position is left out)
    """A mover did not get there: what was to be done at that position is not done."""

    def __init__(self, mover: int) -> None:
        super().__init__(mover)
        self.mover = mover


def floats(positions: Any, piece: int = 4096) -> Iterator[float]:
    """The positions as Python floats, a piece at a time."""
    pieces = (positions[start : start + piece].tolist() for start in range(0, len(positions), piece))
    return chain.from_iterable(pieces)
