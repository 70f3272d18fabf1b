"""Where a movement goes: lists, ranges and arrays, as numbers and as JSON."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pybirch.errors import ScanSettingsError

MANY = 1000
"""Positions up to this number are written out one by one."""


def linear(start: float, stop: float, num: int) -> dict[str, list[float]]:
    """`num` evenly spaced positions from `start` to `stop`, both included."""
    return {"linear": [float(start), float(stop), int(num)]}


def as_positions(given: Any, field: str = "positions") -> NDArray[np.float64]:
    """The positions as float64, shape (n,).

    Args:
        given: numbers in a list, range or array; or ``{"linear": [start, stop, num]}``; or
            ``{"range": [start, stop, step]}`` with `stop` left out, as in Python; or what `as_json`
            makes of a long array, ``{"float64": base64 of little-endian floats, …}``.

    Raises:
        ScanSettingsError: not numbers, not finite, or none at all; names `field`.
    """
    if isinstance(given, Mapping):
        return _from_spec(given, field)
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ScanSettingsError(
            field, f"must be a list, range or array of numbers, not {type(given).__name__}"
        )
    try:
        numbers = given if isinstance(given, np.ndarray) else np.array(list(given))
        if numbers.dtype.kind not in "fiu" and numbers.size:
            raise TypeError(f"not {numbers.dtype}")
        positions = np.array(numbers, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ScanSettingsError(field, f"must hold numbers only ({error})") from error
    return _checked(positions, field)


def _from_spec(spec: Mapping[str, Any], field: str) -> NDArray[np.float64]:
    try:
        match dict(spec):
            case {"linear": [start, stop, num]} if int(num) > 0:
                return _checked(np.linspace(float(start), float(stop), int(num)), f"{field}.linear")
            case {"range": [start, stop, step]} if float(step) != 0:
                return _checked(np.arange(float(start), float(stop), float(step)), f"{field}.range")
            case {"float64": str(text)}:
                packed = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f8")
                return _checked(packed.astype(np.float64), f"{field}.float64")
    except ScanSettingsError:
        raise
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ScanSettingsError(field, f"{dict(spec)} gives no positions ({error})") from error
    raise ScanSettingsError(
        field, 'must be a list of numbers, {"linear": [start, stop, num]} or {"range": [start, stop, step]}'
    )


def _checked(positions: NDArray[np.float64], field: str) -> NDArray[np.float64]:
    if positions.ndim != 1:
        raise ScanSettingsError(field, f"must be one-dimensional, not of shape {positions.shape}")
    if positions.size == 0:
        raise ScanSettingsError(field, "must hold at least one position")
    bad = np.flatnonzero(~np.isfinite(positions))
    if bad.size:
        raise ScanSettingsError(
            f"{field}[{bad[0]}]", f"is {positions[bad[0]]}; a position must be a finite number"
        )
    return positions


def as_json(given: Any, positions: NDArray[np.float64]) -> Any:
    """The positions as JSON: the short form they were given in, or the list.

    More than `MANY` become short as well, since a scan's record is rewritten as it goes on: evenly
    spaced ones (bit for bit) as ``linear``, others packed, with their first, last and count to show.
    """
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, range):
        return {"range": [given.start, given.stop, given.step]}
    if positions.size <= MANY:
        return positions.tolist()
    first, last, count = float(positions[0]), float(positions[-1]), int(positions.size)
    if np.array_equal(positions, np.linspace(first, last, count)):
        return {"linear": [first, last, count]}
    packed = base64.b64encode(positions.astype("<f8").tobytes()).decode("ascii")
    return {"float64": packed, "first": first, "last": last, "count": count}
