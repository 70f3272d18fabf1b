"""The grid found piece by piece is the grid found in whole columns."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pybirch.dataset.grid import find_grid
from pybirch.dataset.growing import GridFinder, Repeats, runs, slabs

places = st.sampled_from([0.0, 1.0, 2.5, -3.0])
walks = st.lists(st.tuples(places, places), min_size=0, max_size=60)
maps = st.builds(
    lambda xs, ys, repeats, cut: [(x, y) for x in xs for y in ys for _ in range(repeats)][:cut],
    st.lists(places, min_size=1, max_size=4, unique=True),
    st.lists(places, min_size=1, max_size=4, unique=True),
    st.integers(1, 3),
    st.integers(1, 60),
)


@given(walks | maps, st.integers(1, 7))
def test_it_finds_what_whole_columns_tell(walk: list[tuple[float, float]], piece: int) -> None:
    columns = np.array(walk, dtype=np.float64).reshape(-1, 2)
    pieces = [columns[i : i + piece] for i in range(0, len(columns), piece)]
    blocks = [{"x": one[:, 0], "y": one[:, 1]} for one in pieces]
    finder = GridFinder(("x", "y"))
    for block in blocks:
        finder.add(block)
    finder.end_of_first()
    for block in blocks:
        finder.count_repeats(block)
    found, expected = finder.end(), find_grid({"x": columns[:, 0], "y": columns[:, 1]})
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.shape == expected.shape
        cells = np.concatenate([found.cells(block) for block in blocks])
        assert cells.tolist() == expected.cells.tolist()
        for name, axis in found.axes.items():
            assert axis.coordinates.tolist() == expected.axes[name].tolist()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_slabs_are_the_flat_places_in_their_order(shape: list[int], data: st.DataObject) -> None:
    whole = np.arange(prod(shape)).reshape(shape)
    start = data.draw(st.integers(0, whole.size))
    stop = data.draw(st.integers(start, whole.size))
    found = [whole[where].ravel() for where in slabs(tuple(shape), start, stop)]
    assert np.concatenate([np.empty(0, int), *found]).tolist() == list(range(start, stop))
    assert len(found) <= 2 * len(shape)


def test_runs_end_where_a_place_is_left_out() -> None:
    assert list(runs(np.array([1, 2, 3, 7, 8, 10]))) == [(0, 3), (3, 5), (5, 6)]
    assert list(runs(np.empty(0, dtype=np.int64))) == []


def test_a_place_measured_very_often_is_counted() -> None:
    repeats = Repeats(2)
    assert repeats.take(np.zeros(200, dtype=np.int64)).tolist() == list(range(200))
    assert repeats.take(np.zeros(200, dtype=np.int64)).tolist() == list(range(200, 400))
    assert repeats.take(np.array([1, 0])).tolist() == [0, 400]
