"""Changes of a scan's settings by the path of a field: ``{"scan_tree[0].positions.stop": 12}``."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pybirch.errors import FieldError
from pybirch.scan.positions import PARTS
from pybirch.scan.tree import KINDS

FREE = ("settings", "user_fields")
"""Objects to which new keys may be added."""

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def with_changes(data: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of settings, as `ScanSettings.serialize` gives them, with some fields changed.

    Args:
        changes: path of a field -> its new value: a name (``scan_name``), a place in the tree
            (``scan_tree[0].children[1].settings.gain``), or a part of positions that were given in short
            (``scan_tree[0].positions.stop``). Shorter paths are changed first.

    Raises:
        FieldError: there is no such field; names its path. What the values must be is checked by
            `ScanSettings.deserialize`.
    """
    made = copy.deepcopy(dict(data))
    for path in sorted(changes, key=lambda path: len(steps_of(path))):
        _set(made, path, copy.deepcopy(changes[path]))
    return made


def steps_of(path: str) -> list[str | int]:
    """``"scan_tree[0].settings"`` -> ``["scan_tree", 0, "settings"]``.

    Raises:
        FieldError: it is no path.
    """
    steps: list[str | int] = []
    at = 0
    while (found := _STEP.match(path, at)) is not None:
        steps.append(found[1] if found[1] is not None else int(found[2]))
        at = found.end()
    if not steps or at != len(path):
        raise FieldError(path or "changes", 'is no path of a field, such as "scan_tree[0].positions.stop"')
    return steps


def _set(data: dict[str, Any], path: str, value: Any) -> None:
    *way, last = steps_of(path)
    place: Any = data
    name: str | int = ""
    for name in way:
        place = place[_key(place, name, path)]
    if isinstance(place, dict) and name in FREE and isinstance(last, str):
        place[last] = value
        return
    key = _key(place, last, path, new=True)
    if (form := _short_form(place)) and key in PARTS[form]:
        place, key = place[form], PARTS[form].index(key)
    place[key] = value


def _key(place: Any, step: str | int, path: str, *, new: bool = False) -> Any:
    """The step as this object or list takes it; with `new` also a field that is not there yet."""
    match place, step:
        case list(), int() if step < len(place):
            return step
        case dict(), str() if step in place or (new and step in _possible(place)):
            return step
    known = f"0 to {len(place) - 1}" if isinstance(place, list) else ", ".join(_possible(place)) or "none"
    raise FieldError(path, f"there is no such field: {step!r} is none of {known}")


def _possible(place: Any) -> list[str]:
    """Fields that may be set here."""
    if not isinstance(place, dict):
        return []
    form = _short_form(place)
    short = PARTS[form] if form else ()
    item = KINDS.get(str(place.get("type")))
    optional = [field.name for field in fields(item)] if item is not None else []  # type: ignore[arg-type]
    hidden = item.instrument_field if item is not None else ""
    return list(dict.fromkeys([*place, *short, *(name for name in optional if name != hidden)]))


def _short_form(place: Any) -> str:
    """Which short form of positions this is; empty for none."""
    match place:
        case {"linear": list()} | {"logarithmic": list()} | {"around": list()} | {"range": list()}:
            form = next(iter(place))
            return form if len(place) == 1 and len(place[form]) == len(PARTS[form]) else ""
    return ""
