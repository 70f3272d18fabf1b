"""Blocks put together into whole columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.facts import ColumnFacts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pybirch.events import Readings


@dataclass(frozen=True, slots=True)
class Gathered:
    """Readings as columns, n of them.

    Attributes:
        indexes, steps: int64, shape (n,); indexes have gaps where readings were measured again.
        times: seconds since 1970 UTC, float64, shape (n,).
        columns: full name -> (n,) or (n, k) float64, or a list of n arrays where lengths differ.
    """

    indexes: NDArray[np.int64]
    times: NDArray[np.float64]
    steps: NDArray[np.int64]
    columns: dict[str, Any]

    def __len__(self) -> int:
        return len(self.indexes)


def gather(
    blocks: Iterable[Readings], columns: Sequence[ColumnFacts], most: int, *, may_keep: bool = False
) -> Gathered:
    """All of `blocks`, which have at most `most` readings together.

    Args:
        may_keep: the arrays of a block that is the whole need no copying.
    """
    indexes, steps = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    times = np.empty(most)
    made: dict[str, Any] = {column.full: _room(column, most) for column in columns}
    at = 0
    for block in blocks:
        if may_keep and block.count == most:
            return _of_one(block, columns)
        end = at + block.count
        indexes[at:end] = np.arange(block.first_index, block.end_index)
        times[at:end], steps[at:end] = block.times, block.steps
        for column in columns:
            given = column.of(block)
            if isinstance(made[column.full], list):
                made[column.full].extend(np.atleast_1d(reading) for reading in given)
            else:
                made[column.full][at:end] = given
        at = end
    cut = {name: values if isinstance(values, list) else values[:at] for name, values in made.items()}
    return Gathered(indexes[:at], times[:at], steps[:at], cut)


def _of_one(block: Readings, columns: Sequence[ColumnFacts]) -> Gathered:
    made: dict[str, Any] = {}
    for column in columns:
        given = column.of(block)
        made[column.full] = list(map(np.atleast_1d, given)) if None in column.shape else np.asarray(given)
    return Gathered(np.arange(block.first_index, block.end_index), block.times, block.steps, made)


def _room(column: ColumnFacts, most: int) -> Any:
    return [] if None in column.shape else np.empty((most, *(k or 0 for k in column.shape)))
