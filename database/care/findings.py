"""What a check finds: where it is, and whether it can be made anew from the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""


class Kind(StrEnum):
    DAMAGED = "damaged"
    MISSING = "missing"
    DOUBLE = "double"
    SUMMARY = "summary"
    COUNT = "count"
    LEFTOVER = "leftover"
    REFERENCE = "reference"
    FILE = "file"
    STRUCTURE = "structure"


REPAIRABLE = frozenset({Kind.SUMMARY, Kind.COUNT, Kind.LEFTOVER})
"""What follows from the rest of the record. Readings never do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        first, end: the readings it is about, ``first … end - 1``, where it is about some.
        owner: number of the measurement object.
        scan: number of the scan.
    """

    kind: Kind
    problem: str
    scan_id: str = ""
    measurement: str = ""
    first: int | None = None
    end: int | None = None
    owner: int | None = None
    scan: int | None = None

    @property
    def is_repairable(self) -> bool:
        return self.kind in REPAIRABLE

    def __str__(self) -> str:
        where = f"scan {self.scan_id}" if self.scan_id else "database"
        if self.measurement:
            where += f", measurement {self.measurement!r}"
        if self.first is not None and self.end is not None:
            where += f", readings {self.first} to {self.end - 1}"
        return f"{where}: {self.problem}"
