"""Readings as pandas DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.blocks import join
from pybirch.replacing import hidden, newest, runs_of

if TYPE_CHECKING:
    import pandas as pd

    from pybirch.events import Readings


def to_frame(readings: Readings) -> pd.DataFrame:
    """One row per reading: position columns, then data columns; the index is the sequence index.

    A reading that is an array (a spectrum) keeps it whole in one cell;
    ``frame.explode(columns)`` gives a row per element.
    """
    import pandas as pd

    columns: dict[str, Any] = dict(readings.positions)
    columns |= {name: cells(values) for name, values in readings.values.items()}
    index = pd.RangeIndex(readings.first_index, readings.end_index, name="sequence_index")
    return pd.DataFrame(columns, index=index)


def join_frames(blocks: Sequence[Readings]) -> pd.DataFrame:
    """The frame of consecutive blocks of one measurement, at least one."""
    return to_frame(join(blocks))


def newest_frame(readings: Readings) -> pd.DataFrame:
    """The frame of all readings less those that another of them repeats; the index then has gaps."""
    frame = to_frame(readings)
    ranges = hidden(runs_of(readings))
    if not len(ranges):
        return frame
    return frame[newest(ranges, readings.first_index, readings.end_index)]


def cells(values: Any) -> Any:
    """A column of a frame: numbers as they are, arrays whole in one cell each."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return values
    cells = np.empty(len(values), dtype=object)
    cells[:] = list(values)
    return cells
