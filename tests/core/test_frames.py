"""Readings as DataFrames."""

from __future__ import annotations

import numpy as np

from pybirch.events import Readings
from pybirch.frames import join_frames, to_frame


def block(first: int, values: dict[str, object], count: int) -> Readings:
    return Readings(
        scan_id="s", measurement="m", first_index=first, steps=np.arange(count),
        times=np.arange(count, dtype=np.float64), positions={"x (mm)": np.arange(count, dtype=np.float64)},
        values=values,
    )  # fmt: skip


def test_positions_then_data_by_sequence_index() -> None:
    frame = to_frame(block(5, {"v (V)": np.array([1.0, 2.0])}, 2))
    assert list(frame.columns) == ["x (mm)", "v (V)"]
    assert list(frame.index) == [5, 6]
    assert frame.index.name == "sequence_index"
    assert frame["v (V)"].dtype == np.float64


def test_the_index_goes_on_over_blocks() -> None:
    frame = join_frames([block(0, {"v": np.zeros(2)}, 2), block(2, {"v": np.ones(3)}, 3)])
    assert list(frame.index) == [0, 1, 2, 3, 4]
    assert list(frame["v"]) == [0, 0, 1, 1, 1]


def test_array_readings_keep_whole_cells_whatever_their_lengths() -> None:
    even = block(0, {"v": np.arange(6.0).reshape(2, 3)}, 2)
    ragged = block(2, {"v": [np.zeros(2), np.zeros(4)]}, 2)
    frame = join_frames([even, ragged, block(4, {"v": np.ones(1)}, 1)])
    assert [np.size(cell) for cell in frame["v"]] == [3, 3, 2, 4, 1]
    assert len(frame.explode("v")) == 13
