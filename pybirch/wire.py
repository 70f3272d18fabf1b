"""How readings travel: `Readings` (arrays in a process) to `DataBlock` (JSON on the wire) and back.

A block's columns are a list of ``{name, unit, role, shape, values}``; role is ``position``,
``data``, ``time`` (s since 1970) or ``step``; shape is [n] or [n, k]. Encodings:

- ``json``: values are (nested) lists of numbers; NaN and infinities are null, and the column's
  ``nonfinite`` tells which: ``{"12": "nan"}`` by flat position.
- ``float32`` and ``float64``: values are the base64 of little-endian floats, row by row. Steps are
  exact to 2^53; with float32, times and steps are counted from the column's ``offset``.

A block with readings that repeat earlier ones, after a rewind, has ``replaces``: runs of
``[first_index, count, replaces]``.

Readings whose lengths differ have the shape [n, null] and always go as lists.
"""

from __future__ import annotations

import base64
import re
from dataclasses import fields
from typing import Any

import numpy as np
import orjson

from pybirch.events import (
    DataBlock,
    DataPoint,
    Event,
    InstrumentPosition,
    InstrumentStatus,
    QueueLog,
    QueueStatus,
    Readings,
    ScanStatus,
)
from pybirch.replacing import Run, replaces_of, runs_of
from pybirch.states import InstrumentState, QueueState, ScanState, Wish

JSON_MOST_VALUES = 400
"""Up to this many numbers a block goes as JSON lists; above, as base64 float32."""

_INT64 = 2**63
_LARGEST_FLOAT = 2**1023
_SURROGATE = re.compile("[\ud800-\udfff]")
_COLUMN = re.compile(r"^(?P<name>.*\S) \((?P<unit>(?:[^()]|\([^()]*\))+)\)$", re.DOTALL)
_KINDS: dict[str, type[Event]] = {
    kind.kind: kind
    for kind in (
        ScanStatus,
        QueueStatus,
        QueueLog,
        InstrumentStatus,
        InstrumentPosition,
        DataPoint,
        DataBlock,
    )
}
_ENUMS: dict[type[Event], dict[str, type]] = {
    ScanStatus: {"status": ScanState, "requested": Wish},
    QueueStatus: {"status": QueueState},
    InstrumentStatus: {"status": InstrumentState},
}


def split_column(column: str) -> tuple[str, str]:
    """``"voltage (V)"`` -> ``("voltage", "V")``; without a unit the unit is empty."""
    match = _COLUMN.match(column)
    return (match["name"], match["unit"]) if match else (column, "")


def join_column(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def to_wire(event: Event) -> dict[str, Any]:
    """The event's payload: its fields, JSON-ready. `Readings` become a `data_block`."""
    if isinstance(event, Readings):
        event = to_block(event)
    payload = {f.name: getattr(event, f.name) for f in fields(event)}
    if isinstance(event, DataBlock | DataPoint) and event.replaces is None:
        del payload["replaces"]
    return payload if isinstance(event, DataBlock) else clean(payload)


def from_wire(kind: str, payload: dict[str, Any]) -> Event:
    """The event of that name with these fields; unknown keys are left out.

    Raises:
        ValueError: no such event, a field is missing, or a state is not one.
    """
    if kind not in _KINDS:
        raise ValueError(f"no event is called {kind!r}")
    cls = _KINDS[kind]
    known = {f.name for f in fields(cls)}
    values = {key: value for key, value in payload.items() if key in known}
    for key, enum in _ENUMS.get(cls, {}).items():
        if values.get(key) is not None:
            values[key] = enum(values[key])
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from error


def dumps(value: Any) -> str:
    """JSON text without a bare NaN (it becomes null); NumPy values and arrays allowed."""
    return orjson.dumps(
        value, default=_default, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    ).decode()


def _default(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)


def clean(value: Any) -> Any:
    """As JSON says it: numbers that are none become null, NumPy scalars plain, odd texts whole."""
    if isinstance(value, dict):
        return {clean(key) if isinstance(key, str) else key: clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, np.ndarray):
        return clean(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < _INT64:
        return float(value) if abs(value) < _LARGEST_FLOAT else str(value)
    return value


def plain_text(text: str) -> str:
    """Text that UTF-8 can say: a half of a surrogate pair, as a broken driver may give it, is replaced."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def to_block(readings: Readings, encoding: str | None = None) -> DataBlock:
    """Encode readings; without `encoding`, small blocks go as JSON and larger as float32."""
    if encoding is None:
        size = sum(
            np.size(v) if not isinstance(v, list) else sum(map(len, v)) for v in readings.values.values()
        )
        encoding = "json" if size <= JSON_MOST_VALUES else "float32"
    columns = [
        *(_encode(name, "position", values, encoding) for name, values in readings.positions.items()),
        *(_encode(name, "data", values, encoding) for name, values in readings.values.items()),
        _encode("time (s)", "time", readings.times, encoding),
        _encode("step", "step", readings.steps, encoding),
    ]
    return DataBlock(
        scan_id=readings.scan_id,
        measurement=readings.measurement,
        first_index=readings.first_index,
        count=readings.count,
        columns=columns,
        encoding=encoding,
        replaces=[[run.first, run.count, run.replaces] for run in runs_of(readings)] or None,
        timestamp=readings.timestamp,
    )


def from_block(block: DataBlock) -> Readings:
    """Decode a block.

    Raises:
        ValueError: a column is missing, of unknown encoding, or not `count` long.
    """
    by_role: dict[str, dict[str, Any]] = {"position": {}, "data": {}, "time": {}, "step": {}}
    for column in block.columns:
        try:
            role, name, unit = column["role"], column["name"], column.get("unit", "")
            values = _decode(column, block.encoding)
            length = len(values)
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"data_block {block.measurement}: a column lacks {error}") from error
        if role not in by_role:
            raise ValueError(f"data_block {block.measurement}: column {name!r} has an unknown role {role!r}")
        if length != block.count:
            raise ValueError(f"data_block {block.measurement}: column {name!r} has {length} of {block.count}")
        by_role[role][join_column(name, unit)] = values
    if not by_role["time"] or not by_role["step"]:
        raise ValueError(f"data_block {block.measurement}: needs a time and a step column")
    return Readings(
        scan_id=block.scan_id,
        measurement=block.measurement,
        first_index=block.first_index,
        steps=next(iter(by_role["step"].values())).astype(np.int64),
        times=next(iter(by_role["time"].values())),
        positions=by_role["position"],
        values=by_role["data"],
        replaces=replaces_of(_runs(block), block.first_index, block.first_index + block.count),
        timestamp=block.timestamp,
    )


def _runs(block: DataBlock) -> list[Run]:
    """What the block says of readings that repeat others.

    Raises:
        ValueError: it says it of readings that are not in it, or cannot be repeated.
    """
    try:
        runs = [Run(*map(int, (first, count, replaces))) for first, count, replaces in block.replaces or ()]
    except (TypeError, ValueError) as error:
        raise ValueError(f"data_block {block.measurement}: replaces is no list of three numbers") from error
    for run in runs:
        inside = block.first_index <= run.first < run.end <= block.first_index + block.count
        if not inside or not 0 <= run.replaces < run.first:
            raise ValueError(
                f"data_block {block.measurement}: reading {run.first} cannot repeat reading {run.replaces}"
            )
    return runs


def to_points(readings: Readings, stride: int = 1) -> list[DataPoint]:
    """Every `stride`-th reading as an event of its own."""
    data = _by_bare_name(readings.values)
    position = _by_bare_name(readings.positions)
    named = {} if readings.replaces is None else dict(enumerate(readings.replaces.tolist()))
    return [
        DataPoint(
            scan_id=readings.scan_id,
            measurement=readings.measurement,
            data={name: clean(values[i]) for name, values in data.items()},
            position={name: clean(values[i]) for name, values in position.items()},
            sequence_index=readings.first_index + i,
            stride=stride,
            replaces=named[i] if named.get(i, -1) >= 0 else None,
            timestamp=readings.timestamp,
        )
        for i in range(0, readings.count, stride)
    ]


def _by_bare_name(columns: dict[str, Any]) -> dict[str, Any]:
    """By name without unit; where two columns differ in their unit only, both keep it."""
    bare = [split_column(column)[0] for column in columns]
    return {
        name if bare.count(name) == 1 else column: values
        for (column, values), name in zip(columns.items(), bare, strict=True)
    }


def encode_column(column: str, role: str, values: Any, encoding: str) -> dict[str, Any]:
    """One column as it goes over the wire, `column` being ``"name (unit)"``."""
    return _encode(column, role, values, encoding)


def _encode(column: str, role: str, values: Any, encoding: str) -> dict[str, Any]:
    name, unit = split_column(column)
    head: dict[str, Any] = {"name": name, "unit": unit, "role": role}
    if isinstance(values, list):
        spread = head | {
            "shape": [len(values), None],
            "values": [clean(np.asarray(v).tolist()) for v in values],
        }
        flat = np.concatenate([np.ravel(v) for v in values]) if values else np.empty(0)
        return spread | _nonfinite(flat)
    array = np.asarray(values)
    head["shape"] = list(array.shape)
    match encoding:
        case "json":
            if array.dtype.kind != "f" or np.isfinite(array).all():
                return head | {"values": array.tolist()}
            return head | {"values": clean(array.tolist())} | _nonfinite(array.reshape(-1))
        case "float32" if role in ("time", "step") and array.size:
            head["offset"] = float(array[0])
            return head | {"values": _base64((array - array[0]).astype("<f4"))}
        case "float32":
            with np.errstate(over="ignore"):  # beyond float32 it is shown as infinite
                return head | {"values": _base64(array.astype("<f4"))}
        case "float64":
            return head | {"values": _base64(array.astype("<f8"))}
    raise ValueError(f"no encoding is called {encoding!r}")


def _nonfinite(flat: np.ndarray) -> dict[str, Any]:
    """Which numbers are none, by flat position; nothing where all are."""
    bad = np.flatnonzero(~np.isfinite(flat))
    return {"nonfinite": {str(int(i)): str(float(flat[i])) for i in bad}} if bad.size else {}


def _decode(column: dict[str, Any], encoding: str) -> Any:
    shape, values = column["shape"], column["values"]
    if len(shape) == 2 and shape[1] is None:
        flat = _restored([x for v in values for x in v], column)
        return np.split(flat, np.cumsum([len(v) for v in values])[:-1]) if values else []
    if encoding == "json":
        return _restored(values, column).reshape(shape)
    if encoding not in ("float32", "float64"):
        raise ValueError(f"no encoding is called {encoding!r}")
    raw = np.frombuffer(
        base64.b64decode(values, validate=True), dtype="<f4" if encoding == "float32" else "<f8"
    )
    return raw.astype(np.float64).reshape(shape) + column.get("offset", 0.0)


def _restored(values: Any, column: dict[str, Any]) -> np.ndarray:
    """Numbers from JSON, flat, with NaN and infinities in their places."""
    flat = np.array(values, dtype=np.float64).reshape(-1)
    for position, what in column.get("nonfinite", {}).items():
        flat[int(position)] = float(what)
    return flat


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
