"""Where a movement goes: lists, ranges and arrays, as numbers and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pybirch.errors import ScanSettingsError
from pybirch.scan.fields import whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY = 1000
"""Positions up to this number are written out one by one."""

PARTS = {
    "linear": ("start", "stop", "num"),
    "logarithmic": ("start", "stop", "num"),
    "around": ("centre", "span", "num"),
    "range": ("start", "stop", "step"),
}
"""The short forms of positions, and what their numbers are called."""


def linear(start: float, stop: float, num: int) -> dict[str, list[float]]:
    """`num` evenly spaced positions from `start` to `stop`, both included."""
    return {"linear": [float(start), float(stop), whole(num, "num")]}


def logarithmic(start: float, stop: float, num: int) -> dict[str, list[float]]:
    """`num` positions from `start` to `stop`, both included, each the same multiple of the one before."""
    return {"logarithmic": [float(start), float(stop), whole(num, "num")]}


def around(centre: float, span: float, num: int) -> dict[str, list[float]]:
    """`num` evenly spaced positions over `span`, with `centre` in the middle."""
    return {"around": [float(centre), float(span), whole(num, "num")]}


def from_file(file: str | Path, column: str | int = 0) -> NDArray[np.float64]:
    """The positions in a column of a text file: numbers separated by commas, or one a line.

    Args:
        column: its number from 0, or its name in the first line.

    Raises:
        ScanSettingsError: no such file or column, or something in it that is no number.
    """
    import csv

    where = f"{Path(file).name}, column {column!r}"
    try:
        rows = list(csv.reader(Path(file).read_text(encoding="utf-8").splitlines()))
        if isinstance(column, str):
            rows, column = rows[1:], [cell.strip() for cell in rows[0]].index(column)
        numbers = [float(row[column]) for row in rows if row]
    except (OSError, ValueError, IndexError) as error:
        raise ScanSettingsError(where, f"holds no positions ({error})") from error
    return as_positions(numbers, where)


def as_positions(given: Any, field: str = "positions") -> NDArray[np.float64]:
    """The positions as float64, shape (n,).

    Args:
        given: numbers in a list, range or array; or ``{"linear": [start, stop, num]}``; or
            ``{"logarithmic": [start, stop, num]}``; or ``{"around": [centre, span, num]}``; or
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
        numbers = given if isinstance(given, np.ndarray) else np.array(given := list(given))
        if numbers.dtype.kind not in "fiu" and numbers.size:
            _name_the_text(given, field)
            raise TypeError(f"not {numbers.dtype}")
        positions = np.array(numbers, dtype=np.float64)
    except ScanSettingsError:
        raise
    except (TypeError, ValueError) as error:
        raise ScanSettingsError(field, f"must hold numbers only ({error})") from error
    return _checked(positions, field)


def _name_the_text(given: Iterable[Any], field: str) -> None:
    """Raise ScanSettingsError that names the first text among the positions, if there is one."""
    for place, position in enumerate(given):
        if isinstance(position, str):
            raise ScanSettingsError(f"{field}[{place}]", f"{str(position)!r} is text; give a number")


def _from_spec(spec: Mapping[str, Any], field: str) -> NDArray[np.float64]:
    from base64 import b64decode

    try:
        match dict(spec):
            case {"linear": [start, stop, num]} if _count(num):
                return _checked(np.linspace(float(start), float(stop), int(num)), f"{field}.linear")
            case {"logarithmic": [start, stop, num]} if _count(num) and float(start) * float(stop) > 0:
                return _checked(np.geomspace(float(start), float(stop), int(num)), f"{field}.logarithmic")
            case {"around": [centre, span, num]} if _count(num):
                half = float(span) / 2 if int(num) > 1 else 0.0
                positions = np.linspace(float(centre) - half, float(centre) + half, int(num))
                return _checked(positions, f"{field}.around")
            case {"range": [start, stop, step]} if float(step) != 0:
                return _checked(np.arange(float(start), float(stop), float(step)), f"{field}.range")
            case {"float64": str(text)}:
                packed = np.frombuffer(b64decode(text, validate=True), dtype="<f8")
                return _checked(packed.astype(np.float64), f"{field}.float64")
    except ScanSettingsError:
        raise
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ScanSettingsError(field, f"{dict(spec)} gives no positions ({error})") from error
    raise ScanSettingsError(
        field,
        'must be a list of numbers, {"linear": [start, stop, num]}, {"logarithmic": [start, stop, num]} with '
        'both on one side of zero, {"around": [centre, span, num]} or {"range": [start, stop, step]}',
    )


def _count(num: Any) -> bool:
    """Whether it is a number of positions; 3.0 is 3 in JSON."""
    if float(num) != int(num):
        raise ValueError(f"num must be a whole number, not {num!r}")
    return int(num) > 0


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
    from base64 import b64encode

    first, last, count = float(positions[0]), float(positions[-1]), int(positions.size)
    if np.array_equal(positions, np.linspace(first, last, count)):
        return {"linear": [first, last, count]}
    packed = b64encode(positions.astype("<f8").tobytes()).decode("ascii")
    return {"float64": packed, "first": first, "last": last, "count": count}
