"""Values compared and said in words: fields of objects, and positions in all their forms."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pybirch.errors import ScanSettingsError
from pybirch.scan.positions import PARTS, as_positions

FEW = 3
"""Positions that are told one by one when they differ."""

SHORT = 8
"""Values of a list that are written out."""

MOST = 1_000_000
"""Positions that are expanded to see whether two forms of them are the same."""


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()
"""Stands for a value that is not there; None is one that is."""

Change = tuple[str, Any, Any]
"""Path, value before, value after."""


def fields_of(before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Fields that differ, objects taken apart; what is empty and what is not there are the same."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            below = f"{path}.{key}" if path else str(key)
            yield from fields_of(before.get(key, MISSING), after.get(key, MISSING), below)
    elif isinstance(before, Mapping) and before and after in ({}, None, MISSING):
        yield from fields_of(before, {}, path)
    elif isinstance(after, Mapping) and after and before in ({}, None, MISSING):
        yield from fields_of({}, after, path)
    elif not _same(before, after) and not (_is_empty(before) and _is_empty(after)):
        yield path, before, after


def positions_fields(before: Any, after: Any) -> Iterator[Change]:
    """How positions differ: in a part of their short form, in few places, or as a whole."""
    if _same(before, after) or (before is None and after is None):
        return
    match before, after:
        case Mapping(), Mapping() if (form := _form(before)) and form == _form(after):
            for part, was, now in zip(PARTS[form], before[form], after[form], strict=True):
                if not _same(was, now):
                    yield f"positions.{part}", was, now
            return
        case None, _:
            yield "positions", MISSING, positions_in_words(after)
            return
        case _, None:
            yield "positions", positions_in_words(before), MISSING
            return
    one, other = _expanded(before), _expanded(after)
    if one is None or other is None or one.shape != other.shape:
        yield "positions", positions_in_words(before), positions_in_words(after)
        return
    places = np.flatnonzero(one != other)
    if len(places) > FEW:
        told = f"{len(places)} of {len(one)} different"
        was, now = positions_in_words(before), positions_in_words(after)
        yield "positions", was, now if now != was else f"{now}, {told}"
        return
    for place in places:
        yield f"positions[{place}]", float(one[place]), float(other[place])


def positions_in_words(positions: Any) -> str:
    """``0 to 10, 11 positions``"""
    if isinstance(positions, Mapping) and "float64" in positions:
        first, last, count = (positions.get(key) for key in ("first", "last", "count"))
        return f"{in_words(first)} to {in_words(last)}, {count} positions"
    values = _expanded(positions)
    if values is None:
        return in_words(positions)
    if len(values) <= SHORT:
        return ", ".join(in_words(float(value)) for value in values)
    return f"{in_words(float(values[0]))} to {in_words(float(values[-1]))}, {len(values)} positions"


def in_words(value: Any) -> str:
    """A value as people read it, on one line."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"
        case str():
            return value if value else "empty"
        case list() if not value:
            return "none"
        case list() if all(isinstance(one, str | int | float) for one in value):
            told = [in_words(one) for one in value]
            if len(told) <= SHORT:
                return ", ".join(told)
            return f"{told[0]} … {told[-1]} ({len(told)} values)"
        case Mapping() | list():
            return json.dumps(value, default=str)
    return str(value)


def _same(one: Any, other: Any) -> bool:
    """Equal, and not merely because True is 1."""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def _is_empty(value: Any) -> bool:
    return value is MISSING or value is None or value in ("", [], {})


def _form(positions: Mapping[str, Any]) -> str:
    form = next(iter(positions), "")
    known = len(positions) == 1 and form in PARTS and isinstance(positions[form], list)
    return form if known and len(positions[form]) == len(PARTS[form]) else ""


def _expanded(positions: Any) -> Any:
    """The positions as an array; None where that would be large, or they are none."""
    try:
        if isinstance(positions, Mapping):
            form = _form(positions)
            if form and form != "range" and not 0 < float(positions[form][2]) <= MOST:
                return None
            if form == "range":
                start, stop, step = map(float, positions["range"])
                if not abs(stop - start) <= MOST * abs(step):
                    return None
        return as_positions(positions)
    except (ScanSettingsError, TypeError, ValueError):
        return None
