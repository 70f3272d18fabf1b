"""Readings that a script adds to a running scan as a DataFrame."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pybirch.errors import FieldError
from pybirch.events import Readings
from pybirch.scan.stacking import Layout

if TYPE_CHECKING:
    import pandas as pd


class Extras:
    """Makes blocks from frames; one name has one set of columns.

    Args:
        scan_id: names the blocks.
        layouts: columns of the measurements of the tree.
    """

    def __init__(self, scan_id: str, layouts: Sequence[Layout]) -> None:
        self._scan_id = scan_id
        self._layouts = {layout.measurement: layout for layout in layouts}
        self._lock = threading.Lock()

    def block_maker(self, frame: pd.DataFrame, measurement: str, step: int) -> Callable[[int], Readings]:
        """A maker of the block, to be given the first free index.

        Raises:
            FieldError: the frame is empty, a column holds no numbers, or its columns are not those
                that the measurement has.
        """
        values = _numbers(frame)
        with self._lock:
            layout = self._layouts.setdefault(measurement, Layout(measurement, (), (), tuple(values)))
        expected = {*layout.position_columns, *layout.data_columns}
        if expected != set(values):
            raise FieldError(
                "df", f"{measurement} has the columns {', '.join(sorted(expected))}; the frame has others"
            )
        count, now = len(frame), time.time()
        return lambda first: Readings(
            scan_id=self._scan_id,
            measurement=measurement,
            first_index=first,
            steps=np.full(count, step, dtype=np.int64),
            times=np.full(count, now),
            positions={column: values[column] for column in layout.position_columns},
            values={column: values[column] for column in layout.data_columns},
        )


def _numbers(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    if not len(frame) or not len(frame.columns):
        raise FieldError("df", "has no rows or no columns")
    values: dict[str, np.ndarray] = {}
    for place, column in enumerate(map(str, frame.columns)):
        if column in values:
            raise FieldError(f"df[{column!r}]", "is there twice")
        try:
            values[column] = frame.iloc[:, place].to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise FieldError(f"df[{column!r}]", f"must hold numbers ({error})") from error
    return values
