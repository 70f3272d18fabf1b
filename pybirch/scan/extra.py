"""Readings that a script adds to a running scan as a DataFrame."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pybirch.errors import FieldError
from pybirch.events import Readings
from pybirch.scan.stacking import Layout

if TYPE_CHECKING:
    import pandas as pd


def block_from_frame(
    scan_id: str, frame: pd.DataFrame, measurement: str, step: int, layout: Layout | None = None
) -> Callable[[int], Readings]:
    """A maker of the block, to be given the first free index.

    Args:
        scan_id: names the block.
        frame: a row per reading.
        measurement: names the data.
        step: where in the scan they belong.
        layout: the columns this measurement has already, if it is known.

    Raises:
        FieldError: the frame is empty, a column holds no numbers, or its columns are not those
            that the measurement has.
    """
    count = len(frame)
    if not count or not len(frame.columns):
        raise FieldError("df", "has no rows or no columns")
    if layout is not None:
        expected = {*layout.position_columns, *layout.data_columns}
        if expected != set(map(str, frame.columns)) or len(frame.columns) != len(expected):
            raise FieldError(
                "df", f"{measurement} has the columns {', '.join(sorted(expected))}; the frame has others"
            )
    values: dict[str, np.ndarray] = {}
    for column in frame.columns:
        try:
            values[str(column)] = frame[column].to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise FieldError(f"df[{column!r}]", f"must hold numbers ({error})") from error
    now = time.time()
    axes = layout.position_columns if layout is not None else ()
    return lambda first: Readings(
        scan_id=scan_id,
        measurement=measurement,
        first_index=first,
        steps=np.full(count, step, dtype=np.int64),
        times=np.full(count, now),
        positions={column: values[column] for column in axes},
        values={column: array for column, array in values.items() if column not in axes},
    )


def layout_of_frame(frame: pd.DataFrame, measurement: str) -> Layout:
    """The layout of data that began with this frame."""
    return Layout(measurement, (), (), tuple(map(str, frame.columns)))
