"""What instruments are made with, checked where it is given."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pybirch.errors import FieldError


def text(value: Any, field: str, *, empty: bool = True) -> str:
    """`value`, which must be text.

    Raises:
        FieldError: it is none, or blank where it may not be `empty`.
    """
    if not isinstance(value, str):
        raise FieldError(field, f"must be text, not {value!r}")
    if not empty and not value.strip():
        raise FieldError(field, "must not be empty")
    return value


def texts(values: Any, field: str) -> list[str]:
    """`values` as a list of texts.

    Raises:
        FieldError: they are no list, or one of them is no text.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise FieldError(field, f"must be a list of texts, not {values!r}")
    return [text(value, f"{field}[{place}]") for place, value in enumerate(values)]


def limits_in(value: Any) -> tuple[float, float] | None:
    """The lowest and the highest position; None for no limits. Either may be infinite.

    Raises:
        FieldError: names `limits`.
    """
    if value is None:
        return None
    try:
        low, high = (_number(end) for end in value)
    except (TypeError, ValueError):
        raise FieldError(
            "limits", f"must be two numbers, the lowest and the highest position; not {value!r}"
        ) from None
    if low > high:
        raise FieldError("limits", f"the lowest position comes first: ({high:g}, {low:g}), not {value!r}")
    return low, high


def _number(value: Any) -> float:
    if isinstance(value, str | bool) or math.isnan(float(value)):
        raise ValueError(f"{value!r} is no number")
    return float(value)
