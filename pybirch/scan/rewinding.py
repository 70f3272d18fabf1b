"""Going back: which readings of the record still count, and which ones new readings repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = 65_536
"""Steps read in one go."""

StepsOf: TypeAlias = "Callable[[str, int, int], NDArray[np.int64]]"
"""The steps of a measurement's readings from one index to another."""


@dataclass(frozen=True)
class Rewind:
    """The walk was taken up again at `step`; `counts` has the readings there were, by measurement."""

    step: int
    counts: Mapping[str, int]


def standing(measurement: str, steps: NDArray[np.int64], rewinds: Iterable[Rewind]) -> NDArray[np.bool_]:
    """Which readings, of all from index 0 on, no rewind went back behind; their steps never fall."""
    stand = np.ones(len(steps), dtype=bool)
    for rewind in rewinds:
        count = rewind.counts.get(measurement, 0)
        stand[:count] &= steps[:count] < rewind.step
    return stand


class Earlier:
    """The newest readings there are of the steps from `step` on, to be named by those that repeat them.

    A reading's key is its step and its place among the measurement's readings of that step. The
    table is kept in runs: keys and indexes mostly rise together.

    Args:
        step: where the walk goes on.
        measurements: the measurements of the tree.
        counts: their readings so far.
        rewinds: earlier ones; between two of them steps never fall.
        steps_of: reads their steps.
    """

    def __init__(
        self,
        step: int,
        measurements: Iterable[str],
        counts: Mapping[str, int],
        rewinds: Sequence[Rewind],
        steps_of: StepsOf,
    ) -> None:
        self._tables: dict[str, _Table] = {}
        for name in measurements:
            if counts.get(name):
                bounds = [0, *(rewind.counts.get(name, 0) for rewind in rewinds), counts[name]]
                walks = [_from_step(step, name, start, end, steps_of) for start, end in pairwise(bounds)]
                self._tables[name] = _Table(walks)

    def repeated_by(self, measurement: str, steps: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """For new readings of whole steps, the index each repeats, -1 where none; None if all do so."""
        table = self._tables.get(measurement)
        return None if table is None else table.indexes(steps)


class _Table:
    """Newest index by step and place in the step."""

    def __init__(self, walks: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> None:
        steps = np.concatenate([steps for steps, _ in walks])
        indexes = np.concatenate([indexes for _, indexes in walks])
        places = np.concatenate([_places(steps) for steps, _ in walks])
        self._width = int(places.max(initial=0)) + 1
        keys = steps * self._width + places
        order = np.argsort(keys, kind="stable")
        keys, indexes = keys[order], indexes[order]
        last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
        keys, indexes = keys[last], indexes[last]
        starts = np.append(True, (np.diff(keys) != 1) | (np.diff(indexes) != 1))[: len(keys)]
        self._keys, self._indexes = keys[starts], indexes[starts]
        self._counts = np.diff(np.append(np.flatnonzero(starts), len(keys)))

    def indexes(self, steps: NDArray[np.int64]) -> NDArray[np.int64] | None:
        if not self._keys.size:
            return None
        places = _places(steps)
        keys = steps * self._width + places
        run = np.maximum(np.searchsorted(self._keys, keys, side="right") - 1, 0)
        beyond = keys - self._keys[run]
        known = (beyond >= 0) & (beyond < self._counts[run]) & (places < self._width)
        return np.where(known, self._indexes[run] + beyond, -1) if known.any() else None


def _places(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each reading, how many came before it in the same step."""
    everyone = np.arange(len(steps))
    new = np.append(True, np.diff(steps) != 0)[: len(steps)]
    return everyone - np.maximum.accumulate(np.where(new, everyone, 0))


def _from_step(
    step: int, measurement: str, start: int, end: int, steps_of: StepsOf
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Steps and indexes of a walk's readings from `step` on; read from its end, no further than needed."""
    pieces = [np.empty(0, dtype=np.int64)]
    at = end
    while at > start:
        begin = max(start, at - PIECE)
        piece = steps_of(measurement, begin, at)
        pieces.insert(0, piece)
        at = begin
        if piece[0] < step:
            break
    steps = np.concatenate(pieces)
    wanted = steps >= step
    return steps[wanted], at + np.flatnonzero(wanted)
