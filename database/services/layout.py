"""A measurement's columns: which there are, in which order blocks keep them, and `Readings` both ways."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from database import codec
from database.codec import Column
from database.services.fields import text_of
from pybirch.errors import FieldError
from pybirch.events import Readings
from pybirch.replacing import Run, runs_of
from pybirch.wire import join_column, split_column

Layout = list[dict[str, Any]]
LONGEST_NAME = 255
"""Characters of a measurement's name."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Readings checked and, in their own column order, encoded: the work done before the write lock."""

    measurement: str
    first: int
    count: int
    layout: Layout
    columns: list[Column]
    codec: int
    payload: bytes
    repeats: list[Run] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.first + self.count


def prepare(readings: Readings, most_rows: int) -> Prepared:
    """Check and encode readings; those too many for one block are encoded later, in pieces.

    Raises:
        FieldError: a column is not numbers, or not as long as the others.
    """
    layout: Layout = []
    columns: list[Column] = []
    for role, given in (("position", readings.positions), ("data", readings.values)):
        for name, values in given.items():
            column = _numbers(name, values, readings.count)
            bare, unit = split_column(text_of("columns", name))
            layout.append({"name": bare, "unit": unit, "role": role, "shape": _shape(column)})
            columns.append(column)
    if readings.first_index < 0:
        raise FieldError("first_index", f"{readings.first_index} is negative")
    columns.append(np.ascontiguousarray(readings.times, dtype="<f8"))
    columns.append(np.ascontiguousarray(readings.steps, dtype="<i8"))
    if len(readings.steps) != readings.count:
        raise FieldError("steps", f"{len(readings.steps)} steps for {readings.count} readings")
    if readings.replaces is not None and len(readings.replaces) != readings.count:
        raise FieldError("replaces", f"{len(readings.replaces)} for {readings.count} readings")
    kind, payload = (codec.RAW, b"")
    if readings.count <= most_rows:
        kind, payload = codec.encode(columns, readings.count)
    return Prepared(
        measurement=text_of("measurement", readings.measurement, LONGEST_NAME),
        first=readings.first_index,
        count=readings.count,
        layout=layout,
        columns=columns,
        codec=kind,
        payload=payload,
        repeats=runs_of(readings),
    )


def arrange(prepared: Prepared, layout: Layout) -> list[Column]:
    """The columns in the order of `layout`.

    Raises:
        FieldError: these are not the measurement's columns.
    """
    places = {_key(column): i for i, column in enumerate(prepared.layout)}
    wanted = [_key(column) for column in layout]
    if len(places) != len(wanted) or set(places) != set(wanted):
        had = ", ".join(join_column(c["name"], c["unit"]) for c in layout)
        got = ", ".join(join_column(c["name"], c["unit"]) for c in prepared.layout)
        raise FieldError(
            f"{prepared.measurement}.columns",
            f"a measurement keeps its columns: it has {had}; these readings have {got}",
        )
    return [prepared.columns[places[key]] for key in wanted] + prepared.columns[-2:]


def same_order(a: Layout, b: Layout) -> bool:
    return [_key(column) for column in a] == [_key(column) for column in b]


def widened(layout: Layout, seen: Layout) -> Layout | None:
    """`layout` with open lengths where `seen` differs in shape; None when nothing changes."""
    shapes = {_key(column): column["shape"] for column in seen}
    changed = [
        column if column["shape"] in (shapes[_key(column)], [None]) else column | {"shape": [None]}
        for column in layout
    ]
    return changed if changed != layout else None


def to_readings(
    scan_id: str,
    measurement: str,
    first: int,
    layout: Layout,
    columns: Sequence[Column],
    wanted: Sequence[str] | None = None,
) -> Readings:
    """`Readings` of decoded columns; only the `wanted` ones, by ``"name"`` or ``"name (unit)"``.

    Raises:
        FieldError: a wanted column does not exist.
    """
    positions: dict[str, Any] = {}
    values: dict[str, Any] = {}
    keep = chosen(layout, wanted)
    for i, column in enumerate(layout):
        if i in keep:
            into = positions if column["role"] == "position" else values
            into[join_column(column["name"], column["unit"])] = columns[i]
    return Readings(
        scan_id=scan_id,
        measurement=measurement,
        first_index=first,
        times=np.asarray(columns[-2]),
        steps=np.asarray(columns[-1], dtype=np.int64),
        positions=positions,
        values=values,
    )


def chosen(layout: Layout, wanted: Sequence[str] | None) -> set[int]:
    """Places of the wanted columns; all without a wish."""
    if wanted is None:
        return set(range(len(layout)))
    found: set[int] = set()
    for name in wanted:
        places = {
            i
            for i, column in enumerate(layout)
            if name in (column["name"], join_column(column["name"], column["unit"]))
        }
        if not places:
            names = ", ".join(column["name"] for column in layout)
            raise FieldError("columns", f"there is no column {name!r}; there are {names}")
        found |= places
    return found


def empty_columns(layout: Layout) -> list[Column]:
    """Columns of no readings."""
    made: list[Column] = []
    for column in layout:
        match column["shape"]:
            case []:
                made.append(np.empty(0))
            case [None]:
                made.append([])
            case [k]:
                made.append(np.empty((0, k)))
    return [*made, np.empty(0), np.empty(0, dtype=np.int64)]


def _key(column: dict[str, Any]) -> tuple[str, str, str]:
    return column["role"], column["name"], column["unit"]


def _shape(column: Column) -> list[int | None]:
    if isinstance(column, list):
        return [None]
    return [] if column.ndim == 1 else [column.shape[1]]


def _numbers(name: str, values: Any, count: int) -> Column:
    try:
        if isinstance(values, list | tuple) and values and np.ndim(values[0]) == 1:
            readings = [np.ascontiguousarray(v, dtype="<f8").reshape(-1) for v in values]
            column: Column = np.stack(readings) if len({len(r) for r in readings}) == 1 else readings
        else:
            if np.iscomplexobj(values):
                raise FieldError(name, "complex numbers: give real and imaginary part as two columns")
            column = np.ascontiguousarray(values, dtype="<f8")
    except (TypeError, ValueError) as error:
        raise (
            error if isinstance(error, FieldError) else FieldError(name, f"is not numbers: {error}")
        ) from error
    if isinstance(column, np.ndarray):
        if column.ndim not in (1, 2):
            raise FieldError(
                name, f"has {column.ndim} dimensions; a reading is a number or a list of numbers"
            )
        if column.ndim == 2 and column.shape[1] == 0:
            column = [np.empty(0) for _ in range(len(column))]
    if len(column) != count:
        raise FieldError(name, f"has {len(column)} values for {count} readings")
    return column
