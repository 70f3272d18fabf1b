"""From the engine's tuples to blocks of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pybirch.errors import InstrumentError
from pybirch.events import Readings
from pybirch.scan.checks import column_of
from pybirch.scan.traverse import Plan

Reading = tuple[int, int, float, tuple[float, ...], Any]
"""Measurement number, step, time (s since 1970), positions of all axes, values."""


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
            data_columns=tuple(measurement.columns()),
        )
        for measurement, axes in zip(plan.measurements, plan.axes_of, strict=True)
    ]


def stack(scan_id: str, layout: Layout, batch: Sequence[Reading], first_index: int) -> Readings:
    """One block from consecutive readings of one measurement.

    Raises:
        InstrumentError: the measurement gave another number of columns than it declares.
    """
    _, steps, times, positions, values = zip(*batch, strict=True)
    count = len(batch)
    axes = len(positions[0])
    try:
        table = np.fromiter(chain.from_iterable(positions), np.float64, count * axes).reshape(count, axes)
    except (ValueError, TypeError) as error:
        raise InstrumentError(
            f"{layout.measurement}: a movement's position is no number ({error})"
        ) from error
    return Readings(
        scan_id=scan_id,
        measurement=layout.measurement,
        first_index=first_index,
        steps=np.array(steps, dtype=np.int64),
        times=np.array(times, dtype=np.float64),
        positions={
            column: np.ascontiguousarray(table[:, axis])
            for column, axis in zip(layout.position_columns, layout.axes, strict=True)
        },
        values=_columns(layout, values),
    )


def _columns(layout: Layout, values: Sequence[Any]) -> dict[str, Any]:
    width = len(layout.data_columns)
    try:
        arrays = [v if isinstance(v, np.ndarray) and v.ndim == 2 else _rows(v, width) for v in values]
        table = np.concatenate(arrays)
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


def _rows(values: Any, width: int) -> NDArray[Any]:
    """A reading given as a number, a list or a row, as rows × columns."""
    array = np.asarray(values)
    return array.reshape(1, -1) if array.ndim < 2 or width == 0 else array
