"""A measurement as Arrow: in batches, one a block, or as one table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.dataset.libraries import library

if TYPE_CHECKING:
    import pyarrow as pa

    from pybirch.dataset.facts import ColumnFacts
    from pybirch.dataset.measurement import MeasurementData
    from pybirch.events import Readings


def to_arrow(data: MeasurementData) -> pa.Table:
    """See `MeasurementData.to_arrow`."""
    return library("pyarrow").Table.from_batches(batches(data), schema=schema(data))


def schema(data: MeasurementData) -> pa.Schema:
    """sequence_index, step, time, then the columns; a field's metadata has ``unit`` and ``role``.

    The schema's metadata has the scan's facts as JSON under ``pybirch``.
    """
    pa = library("pyarrow")
    fields = [
        pa.field("sequence_index", pa.int64(), nullable=False),
        pa.field("step", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
    for column in data.columns:
        about = {"unit": column.unit, "role": column.role}
        fields.append(pa.field(column.full, _type(column), nullable=False, metadata=about))
    facts = data.source.facts().as_json() | {"measurement": data.name}
    return pa.schema(fields, metadata={"pybirch": json.dumps(facts, default=str)})


def batches(data: MeasurementData) -> Iterator[pa.RecordBatch]:
    """The readings, a batch a block."""
    form = schema(data)
    for block in data.blocks():
        yield batch(block, data.columns, form)


def batch(block: Readings, columns: Sequence[ColumnFacts], form: pa.Schema) -> pa.RecordBatch:
    """One block in the form of `schema`."""
    pa = library("pyarrow")
    arrays = [
        pa.array(np.arange(block.first_index, block.end_index)),
        pa.array(block.steps),
        pa.array(np.round(block.times * 1e6).astype("datetime64[us]")).cast(form.field("time").type),
    ]
    arrays += [_array(block, column) for column in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=form)


def _type(column: ColumnFacts) -> Any:
    pa = library("pyarrow")
    match column.shape:
        case ():
            return pa.float64()
        case (int(k),):
            return pa.list_(pa.float64(), k)
        case _:
            return pa.list_(pa.float64())


def _array(block: Readings, column: ColumnFacts) -> Any:
    pa = library("pyarrow")
    values = column.of(block)
    match column.shape:
        case ():
            return pa.array(values)
        case (int(k),):
            flat = pa.array(np.ascontiguousarray(np.asarray(values)).reshape(-1))
            return pa.FixedSizeListArray.from_arrays(flat, k)
        case _:
            readings = [np.atleast_1d(reading) for reading in values]
            ends = np.cumsum([0, *map(len, readings)], dtype=np.int32)
            flat = np.concatenate(readings) if readings else np.empty(0)
            return pa.ListArray.from_arrays(pa.array(ends), pa.array(flat))
