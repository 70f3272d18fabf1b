"""Readings that a script adds to a running scan as a DataFrame."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pybirch.errors import FieldError
from pybirch.events import Readings

if TYPE_CHECKING:
    import pandas as pd


def block_from_frame(
    scan_id: str, frame: pd.DataFrame, measurement: str, step: int
) -> Callable[[int], Readings]:
    """A maker of the block, to be given the first free index.

    Raises:
        FieldError: the frame is empty, or a column holds no numbers.
    """
    count = len(frame)
    if not count or not len(frame.columns):
        raise FieldError("df", "has no rows or no columns")
    values: dict[str, np.ndarray] = {}
    for column in frame.columns:
        try:
            values[str(column)] = frame[column].to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise FieldError(f"df[{column!r}]", f"must hold numbers ({error})") from error
    now = time.time()
    return lambda first: Readings(
        scan_id=scan_id,
        measurement=measurement,
        first_index=first,
        steps=np.full(count, step, dtype=np.int64),
        times=np.full(count, now),
        positions={},
        values=values,
    )
