"""Where a scan's data come from: a database, a server, this program's own memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from pybirch.dataset.facts import MeasurementFacts, ScanFacts, StoredArray
from pybirch.events import Readings


class Source(Protocol):
    """One scan, read piece by piece. Nothing is held open between two pieces.

    Attributes:
        gives_new_arrays: the arrays of its blocks are the receiver's; else they are only to be looked at.
    """

    @property
    def gives_new_arrays(self) -> bool: ...

    def facts(self) -> ScanFacts: ...

    def measurements(self) -> list[MeasurementFacts]:
        """In the order in which they first appeared."""
        ...

    def blocks(
        self, measurement: str, start: int, end: int, columns: Sequence[str] | None, newest: bool
    ) -> Iterator[Readings]:
        """The readings ``start … end - 1``, as far as they exist, in order.

        Args:
            columns: full names of those wanted; None for all.
            newest: without those that were measured again after a rewind.
        """
        ...

    def arrays(self, measurement: str) -> Iterator[StoredArray]:
        """What is kept beside the readings, oldest first."""
        ...
