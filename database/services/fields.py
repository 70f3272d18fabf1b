"""Checks what is about to be stored, so that a mistake is named by its field and not by a driver."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import JSON, Boolean, Enum, Float, Integer, LargeBinary, String, inspect
from sqlalchemy.types import TypeEngine

from database.models.base import Base, UtcDateTime
from pybirch import wire
from pybirch.errors import FieldError

_INT64 = 2**63


def checked(model: type[Base], fields: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """The fields as the columns of `model` take them.

    Args:
        new: a row is made, so that what has no default must be there.

    Raises:
        FieldError: a field is unknown, missing, or its value does not fit.
    """
    columns = _columns(model)
    noun = model.__name__
    for name in fields:
        if name not in columns:
            raise FieldError(name, f"is not a field of {noun}; its fields are {', '.join(sorted(columns))}")
    if new:
        for name, column in columns.items():
            if (
                name not in fields
                and not column.nullable
                and column.default is None
                and not column.primary_key
            ):
                raise FieldError(name, f"{noun} needs it")
    return {name: _fit(name, value, columns[name]) for name, value in fields.items()}


def moment(value: datetime | str | float | None, field: str = "timestamp") -> datetime:
    """A moment from a datetime, ISO 8601 text or seconds since 1970; the present for None."""
    try:
        match value:
            case None:
                return datetime.now(UTC)
            case datetime():
                made = value
            case str():
                made = datetime.fromisoformat(value)
            case _:
                return datetime.fromtimestamp(float(value), UTC)
        return made.astimezone(UTC) if made.tzinfo else made.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, OSError) as error:
        raise FieldError(field, f"{value!r} is not a time; ISO 8601, please") from error


def plain_text(text: object) -> str:
    """Text from outside (an instrument's error) as the database takes it: without NUL, and UTF-8."""
    return wire.plain_text(str(text).replace("\x00", "\N{REPLACEMENT CHARACTER}"))


@cache
def _columns(model: type[Base]) -> dict[str, Any]:
    mapper = inspect(model)
    return {prop.key: prop.columns[0] for prop in mapper.column_attrs if prop.columns[0].table is not None}


def _fit(name: str, value: Any, column: Any) -> Any:
    if value is None:
        if not column.nullable:
            raise FieldError(name, "must not be empty")
        return None
    return _fit_type(name, value, column.type)


def _fit_type(name: str, value: Any, kind: TypeEngine[Any]) -> Any:
    match kind:
        case Enum(enum_class=enum) if enum is not None and issubclass(enum, StrEnum):
            try:
                return enum(value)
            except ValueError as error:
                choices = ", ".join(member.value for member in enum)
                raise FieldError(name, f"{value!r} is not one of {choices}") from error
        case UtcDateTime():
            return moment(value, name)
        case String(length=length):
            return text_of(name, value, length)
        case Boolean():
            return _of(name, value, bool, "yes or no")
        case Integer():
            return _whole(name, value)
        case Float():
            return _number(name, value)
        case LargeBinary():
            return _of(name, value, bytes, "bytes")
        case JSON():
            return _json(name, value)
    return value


def _of(name: str, value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise FieldError(name, f"{value!r} is not {what}")
    return value


def text_of(name: str, value: Any, length: int | None = None) -> str:
    """A text as both databases take it.

    Raises:
        FieldError: it is none, too long, or has what only one of them would keep.
    """
    text = str(_of(name, value, str, "text"))
    if length is not None and len(text) > length:
        raise FieldError(name, f"{len(text)} characters are too many; {length} at most")
    if "\x00" in text:
        raise FieldError(name, "contains a NUL character")
    if text != wire.plain_text(text):
        raise FieldError(name, "contains half a character (a lone surrogate)")
    return text


def _whole(name: str, value: Any) -> int:
    try:
        number = value.__index__()
    except AttributeError as error:
        raise FieldError(name, f"{value!r} is not a whole number") from error
    if isinstance(value, bool) or not -_INT64 <= number < _INT64:
        raise FieldError(name, f"{value!r} is not a whole number of 64 bits")
    return number


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool | str):
        raise FieldError(name, f"{value!r} is not a number")
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise FieldError(name, f"{value!r} is not a number") from error
    if not math.isfinite(number):
        raise FieldError(name, f"{number} is not finite")
    return number


def _json(name: str, value: Any) -> Any:
    if isinstance(value, tuple | set | frozenset):
        value = list(value)
    value = _of(name, value, (dict, list), "a mapping or a list")  # type: ignore[arg-type]
    try:
        wire.dumps(value)
    except TypeError as error:  # half a character, a number of more than 64 bits
        raise FieldError(name, f"cannot be said in JSON: {error}") from error
    return value
