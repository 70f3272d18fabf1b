"""From the engine's columns to blocks of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.errors import InstrumentError
from pybirch.events import Readings
from pybirch.scan.columns import column_of
from pybirch.scan.pending import Batch
from pybirch.scan.plan import Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Layout:
    """Names of one measurement's columns, and which axes are its positions."""

    measurement: str
    axes: tuple[int, ...]
    position_columns: tuple[str, ...]
    data_columns: tuple[str, ...]


def layouts_of(plan: Plan) -> list[Layout]:
    """One layout for each measurement of the plan, by number."""
    return [
        Layout(
            measurement=measurement.name,
            axes=axes,
            position_columns=tuple(column_of(plan.movements[axis]) for axis in axes),
            data_columns=columns,
        )
        for measurement, axes, columns in zip(plan.measurements, plan.axes_of, plan.columns_of, strict=True)
    ]


def stack(scan_id: str, layout: Layout, batch: Batch, first_index: int) -> Readings:
    """One block from consecutive readings of one measurement.

    Raises:
        InstrumentError: the measurement gave another number of columns than it declares.
    """
    try:
        table = batch.table()
    except (ValueError, TypeError) as error:
        raise InstrumentError(
            f"{layout.measurement}: a movement's position is no number ({error})"
        ) from error
    return Readings(
        scan_id=scan_id,
        measurement=layout.measurement,
        first_index=first_index,
        steps=np.array(batch.steps, dtype=np.int64),
        times=np.array(batch.times, dtype=np.float64),
        positions={
            column: np.ascontiguousarray(table[:, axis])
            for column, axis in zip(layout.position_columns, layout.axes, strict=True)
        },
        values=_columns(layout, batch.values),
    )


def _columns(layout: Layout, values: Sequence[Any]) -> dict[str, Any]:
    width = len(layout.data_columns)
    try:
        arrays, table = _tables(values, width)
    except (ValueError, TypeError) as error:
        raise InstrumentError(f"{layout.measurement}: readings are no tables of numbers ({error})") from error
    if table.dtype.kind not in "fiub":  # complex would lose its half, None become NaN, unseen
        raise InstrumentError(
            f"{layout.measurement}: gave {values[-1]!r:.60}; a reading is made of real numbers"
        )
    table = table.astype(np.float64, copy=False)
    heights = set(map(len, arrays))
    if table.ndim != 2 or table.shape[1] != width or 0 in heights:
        raise InstrumentError(
            f"{layout.measurement}: gave a reading of shape {arrays[-1].shape}, "
            f"but names {width} columns: {', '.join(layout.data_columns)}"
        )
    if heights == {1}:
        return {c: np.ascontiguousarray(table[:, i]) for i, c in enumerate(layout.data_columns)}
    if len(heights) == 1:
        cube = table.reshape(len(arrays), -1, width)
        return {c: np.ascontiguousarray(cube[:, :, i]) for i, c in enumerate(layout.data_columns)}
    return {
        c: [np.array(a[:, i], dtype=np.float64) for a in arrays] for i, c in enumerate(layout.data_columns)
    }


def _tables(values: Sequence[Any], width: int) -> tuple[Sequence[Any], NDArray[Any]]:
    """The readings as rows × columns each, and one below the other."""
    if set(map(type, values)) == {np.ndarray} and values[0].ndim == 2:
        return values, np.concatenate(values)  # raises where another has other dimensions
    arrays = [v if isinstance(v, np.ndarray) and v.ndim == 2 else _rows(v, width) for v in values]
    return arrays, np.concatenate(arrays)


def _rows(values: Any, width: int) -> NDArray[Any]:
    """A reading given as a number, a list or a row, as rows × columns."""
    array = np.asarray(values)
    return array.reshape(1, -1) if array.ndim < 2 or width == 0 else array
