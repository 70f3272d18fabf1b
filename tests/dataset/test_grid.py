"""Which readings lie on a grid, and where in it."""

from __future__ import annotations

import numpy as np
import pytest

from pybirch.dataset.grid import find_grid

OUTER, INNER = np.repeat([10.0, 20.0, 30.0], 4), np.tile([1.0, 2.0, 3.0, 4.0], 3)


def test_a_nested_walk_is_a_grid_with_the_outer_axis_first() -> None:
    grid = find_grid({"x": OUTER, "y": INNER})
    assert grid is not None
    assert grid.shape == (3, 4)
    assert list(grid.axes["x"]) == [10, 20, 30]
    assert list(grid.cells) == list(range(12))


@pytest.mark.parametrize("end", range(1, 13))
def test_a_walk_broken_off_anywhere_still_is_one(end: int) -> None:
    grid = find_grid({"x": OUTER[:end], "y": INNER[:end]})
    assert grid is not None
    assert list(grid.cells) == list(range(end))


def test_a_snake_is_a_grid_in_the_order_of_the_first_line() -> None:
    snake = np.concatenate([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    grid = find_grid({"x": np.repeat([0.0, 1.0], 4), "y": snake})
    assert grid is not None
    assert list(grid.axes["y"]) == [1, 2, 3, 4]
    assert list(grid.cells) == [0, 1, 2, 3, 7, 6, 5, 4]


def test_a_falling_axis_keeps_its_order() -> None:
    grid = find_grid({"x": np.array([3.0, 2.0, 1.0])})
    assert grid is not None
    assert list(grid.axes["x"]) == [3, 2, 1]


def test_axes_that_move_together_are_no_grid() -> None:
    line = np.arange(100.0)
    assert find_grid({"x": line, "y": line * 2}) is None


def test_several_readings_at_each_place_are_an_axis_of_their_own() -> None:
    grid = find_grid({"x": np.repeat([1.0, 2.0], 3)})
    assert grid is not None
    assert grid.shape == (2, 3)
    assert list(grid.cells) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("values", [[], [np.nan, 1.0]])
def test_without_places_there_is_no_grid(values: list[float]) -> None:
    assert find_grid({"x": np.array(values)}) is None
    assert find_grid({}) is None
