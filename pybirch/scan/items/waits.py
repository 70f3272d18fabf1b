"""Items that let time pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pybirch.scan.fields import number
from pybirch.scan.items.base import Below, TreeItem, instrument_in


@dataclass(init=False, eq=False)
class WaitItem(TreeItem):
    """Do nothing for `seconds`; an abort cuts it short, a pause counts as waiting.

    Raises:
        ScanSettingsError: no time, or a negative or endless one.
    """

    kind: ClassVar[str] = "wait"

    seconds: float

    def __init__(self, seconds: float) -> None:
        self.seconds = number(seconds, "seconds", 0)

    def own_fields(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(data.get("seconds", "nothing"))


@dataclass(init=False, eq=False)
class StableItem(TreeItem):
    """Wait until a reading keeps still: all values of the last `seconds` within `tolerance`.

    The readings taken meanwhile are looked at and not recorded.

    Args:
        measurement: what is read.
        tolerance: largest minus smallest value allowed, in the column's units.
        seconds: for how long it must keep still.
        column: which column is looked at, by its name; the first by default.
        every: seconds between two readings.
        timeout: seconds after which the scan fails because it never kept still.

    Raises:
        ScanSettingsError: names the field that makes no sense.
    """

    kind: ClassVar[str] = "stable"
    instrument_field: ClassVar[str] = "measurement"

    measurement: Any
    tolerance: float
    seconds: float
    column: str
    every: float
    timeout: float

    def __init__(
        self,
        measurement: Any,
        tolerance: float,
        seconds: float,
        column: str = "",
        every: float = 0.5,
        timeout: float = 3600.0,
    ) -> None:
        self.measurement = measurement
        self.tolerance = number(tolerance, "tolerance", 0)
        self.seconds = number(seconds, "seconds", 0)
        self.column = str(column)
        self.every = number(every, "every", 0)
        self.timeout = number(timeout, "timeout", 0)

    def own_fields(self) -> dict[str, Any]:
        fields = ("tolerance", "seconds", "column", "every", "timeout")
        return {field: getattr(self, field) for field in fields}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(
            instrument_in(data),
            data.get("tolerance", "nothing"),
            data.get("seconds", "nothing"),
            data.get("column") or "",
            data.get("every", 0.5),
            data.get("timeout", 3600.0),
        )
