"""Blocks of readings, cut and put together."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pybirch.blocks import in_parts, join, numbers_in, part, since
from pybirch.events import Readings


def block(measurement: str, steps: list[int], values: Any, first: int = 0) -> Readings:
    return Readings(
        scan_id="S",
        measurement=measurement,
        first_index=first,
        steps=np.array(steps, dtype=np.int64),
        times=np.array(steps, dtype=float),
        positions={"x": np.array(steps, dtype=float)},
        values={"v": values},
    )


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=30),
    st.lists(st.integers(0, 3), min_size=1, max_size=30),
    st.integers(1, 60),
)
def test_parts_hold_everything_in_order_and_split_no_step(
    often: list[int], seldom: list[int], most: int
) -> None:
    steps = [[n for n, times in enumerate(counts) for _ in range(times)] for counts in (often, seldom)]
    blocks = [
        block("even", steps[0], np.arange(len(steps[0]), dtype=float)),
        block("ragged", steps[1], [np.zeros(n % 5 + 1) for n in range(len(steps[1]))]),
    ]
    blocks = [b for b in blocks if b.count]
    if not blocks:
        return
    parts = in_parts(blocks, most)
    seen: set[int] = set()
    for found in parts:
        here = {int(step) for b in found for step in b.steps}
        assert not here & seen
        seen |= here
        before_the_last = [part(b, 0, int(np.searchsorted(b.steps, max(here)))) for b in found]
        assert numbers_in(before_the_last) <= most, "over the limit by its last step at most"
    for whole in blocks:
        pieces = [b for found in parts for b in found if b.measurement == whole.measurement]
        together = join(pieces)
        assert list(together.steps) == list(whole.steps)
        assert [list(np.ravel(v)) for v in together.values["v"]] == [
            list(np.ravel(v)) for v in whole.values["v"]
        ]
        ends = [b.end_index for b in pieces]
        assert [b.first_index for b in pieces] == [0, *ends[:-1]]


def test_little_stays_one() -> None:
    blocks = [block("a", [0, 1], np.zeros(2))]
    assert in_parts(blocks, 1000) == [blocks]


def test_cut_and_joined_again() -> None:
    whole = block("a", list(range(10)), np.arange(10.0), first=5)
    pieces = [part(whole, 0, 4), since(whole, 9)]
    assert [(p.first_index, p.count) for p in pieces] == [(5, 4), (9, 6)]
    assert list(join(pieces).values["v"]) == list(range(10))
    assert since(whole, 3) is whole
