"""Which item of one tree is which of another: by what it does and with which instrument."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any


@dataclass(frozen=True)
class Pair:
    """An item as it was at place `was`, and as it is at place `at`; None where it is not there."""

    was: int | None
    at: int | None
    before: Any = None
    after: Any = None
    moved: bool = False


def matched(before: Sequence[Any], after: Sequence[Any]) -> list[Pair]:
    """Every item of both lists once, in the order of `after`; what is gone comes last.

    Items that are alike all over are found first; between them those of one kind and instrument, then
    those of one kind, then what has only changed its place.
    """
    pairs: dict[int, tuple[int, bool]] = {}
    for key, moves in ((_whole, False), (_kind_and_name, False), (_kind_and_name, True), (_kind, False)):
        _pair_up(before, after, pairs, key, moves)
    taken = {was for was, _ in pairs.values()}
    there = [
        Pair(pairs[at][0], at, before[pairs[at][0]], item, pairs[at][1])
        if at in pairs
        else Pair(None, at, after=item)
        for at, item in enumerate(after)
    ]
    return there + [Pair(was, None, before=item) for was, item in enumerate(before) if was not in taken]


def _pair_up(
    before: Sequence[Any], after: Sequence[Any], pairs: dict[int, tuple[int, bool]], key: Any, moves: bool
) -> None:
    """Add pairs of items that are alike by `key`, between those found already, or with `moves` anywhere."""
    taken = {was for was, _ in pairs.values()}
    if moves:
        left = [was for was in range(len(before)) if was not in taken]
        for at in [at for at in range(len(after)) if at not in pairs]:
            same = next((was for was in left if key(before[was]) == key(after[at])), None)
            if same is not None:
                left.remove(same)
                pairs[at] = (same, True)
        return
    in_order = sorted((was, at) for at, (was, moved) in pairs.items() if not moved)
    edges = [(-1, -1), *in_order, (len(before), len(after))]
    for (was, at), (next_was, next_at) in pairwise(edges):
        ours = [n for n in range(was + 1, next_was) if n not in taken]
        theirs = [n for n in range(at + 1, next_at) if n not in pairs]
        matcher = SequenceMatcher(
            None, [key(before[n]) for n in ours], [key(after[n]) for n in theirs], autojunk=False
        )
        for block in matcher.get_matching_blocks():
            for n in range(block.size):
                pairs[theirs[block.b + n]] = (ours[block.a + n], False)


def _whole(item: Any) -> str:
    return json.dumps(item, sort_keys=True, default=str)


def _kind_and_name(item: Any) -> tuple[str, str]:
    known = item if isinstance(item, Mapping) else {}
    name = (known.get("instrument") or {}).get("name") or known.get("title") or ""
    return _kind(item), str(name)


def _kind(item: Any) -> str:
    return str(item.get("type")) if isinstance(item, Mapping) else ""
