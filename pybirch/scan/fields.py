"""Numbers that people give, checked."""

from __future__ import annotations

import math
from typing import Any

from pybirch.errors import ScanSettingsError


def number(value: Any, field: str, low: float = -math.inf, *, endless: bool = False) -> float:
    """`value` as a float, `low` or more.

    Raises:
        ScanSettingsError: it is none, NaN, too small, or endless where that makes no sense.
    """
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        raise ScanSettingsError(field, f"must be a number, not {value!r}")
    result = float(value)
    if math.isnan(result) or (math.isinf(result) and not endless):
        raise ScanSettingsError(field, f"must be a number, and not endless; not {value!r}")
    if result < low:
        raise ScanSettingsError(field, f"must be {low:g} or more, not {value!r}")
    return result


def whole(value: Any, field: str, low: int = 1) -> int:
    """`value` as an int, `low` or more.

    Raises:
        ScanSettingsError: it is none, or too small.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < low:
        raise ScanSettingsError(field, f"must be a whole number from {low} on, not {value!r}")
    return int(value)
