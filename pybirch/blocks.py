"""Blocks of readings, cut and put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from pybirch.events import Readings


def follows(block: Readings, after: Readings) -> bool:
    """Whether `after` goes on where `block` ends, with the same columns."""
    return (
        block.measurement == after.measurement
        and block.end_index == after.first_index
        and block.positions.keys() == after.positions.keys()
        and block.values.keys() == after.values.keys()
    )


def join(blocks: Sequence[Readings]) -> Readings:
    """One block of several (at least one) that follow each other."""
    first = blocks[0]
    if len(blocks) == 1:
        return first
    return replace(
        first,
        steps=np.concatenate([b.steps for b in blocks]),
        times=np.concatenate([b.times for b in blocks]),
        positions={c: np.concatenate([b.positions[c] for b in blocks]) for c in first.positions},
        values={c: _join_values([b.values[c] for b in blocks]) for c in first.values},
        replaces=_join_replaces(blocks),
        timestamp=blocks[-1].timestamp,
    )


def part(block: Readings, start: int, end: int) -> Readings:
    """Readings `start` to `end` of the block, counted from its first."""
    return replace(
        block,
        first_index=block.first_index + start,
        steps=block.steps[start:end],
        times=block.times[start:end],
        positions={c: v[start:end] for c, v in block.positions.items()},
        values={c: v[start:end] for c, v in block.values.items()},
        replaces=None if block.replaces is None else block.replaces[start:end],
    )


def since(block: Readings, index: int) -> Readings:
    """The block from sequence index `index` on."""
    cut = index - block.first_index
    return block if cut <= 0 else part(block, cut, block.count)


def in_parts(blocks: Sequence[Readings], most_numbers: int) -> list[list[Readings]]:
    """The blocks in parts of at most about so many numbers each, cut between steps and never within one."""
    counts = [_numbers(block) for block in blocks]
    if sum(map(np.sum, counts)) <= most_numbers:
        return [list(blocks)]
    steps, place = np.unique(np.concatenate([b.steps for b in blocks]), return_inverse=True)
    heavy = np.bincount(place, np.concatenate(counts))
    _, firsts = np.unique((np.cumsum(heavy) - heavy) // most_numbers, return_index=True)
    bounds = [*steps[firsts], steps[-1] + 1]
    return [_between(blocks, first, end) for first, end in pairwise(bounds)]


def numbers_in(blocks: Sequence[Readings]) -> int:
    """How many numbers they hold."""
    return sum(int(_numbers(block).sum()) for block in blocks)


def _between(blocks: Sequence[Readings], first: int, end: int) -> list[Readings]:
    """What was read in the steps from `first` to `end`."""
    bounds = [np.searchsorted(block.steps, (first, end)) for block in blocks]
    return [part(b, int(i), int(j)) for b, (i, j) in zip(blocks, bounds, strict=True) if j > i]


def _numbers(block: Readings) -> np.ndarray:
    """Numbers of each reading, time and step included."""
    count = np.full(block.count, 2.0 + len(block.positions))
    for values in block.values.values():
        count += [np.size(v) for v in values] if isinstance(values, list) else values[:1].size
    return count


def _join_replaces(blocks: Sequence[Readings]) -> Any:
    if all(block.replaces is None for block in blocks):
        return None
    none = [np.full(b.count, -1) if b.replaces is None else b.replaces for b in blocks]
    return np.concatenate(none)


def _join_values(parts: Sequence[Any]) -> Any:
    arrays = all(isinstance(p, np.ndarray) for p in parts)
    if arrays and len({p.shape[1:] for p in parts}) == 1:
        return np.concatenate(parts)
    return [row for p in parts for row in p]
