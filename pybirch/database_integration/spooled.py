"""The readings of a scan of which some still wait in a spool."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import orjson
from numpy.typing import NDArray
from sqlalchemy.exc import DBAPIError

from database.errors import DatabaseUnavailableError
from database.services import DatabaseService
from pybirch.blocks import join, part
from pybirch.database_integration.spool import Entry
from pybirch.database_integration.store import StoredReadings
from pybirch.events import Readings
from pybirch.scan.rewinding import Rewind


class SpooledReadings(StoredReadings):
    """The record's readings, and behind them those that wait.

    What waits is looked up first: what is sent in between is found in both, and taken once.

    Args:
        db, scan_id: the record.
        waiting: gives the blocks and rewinds that wait, in order.
    """

    def __init__(self, db: DatabaseService, scan_id: str, waiting: Callable[[str], list[Entry]]) -> None:
        super().__init__(db, scan_id)
        self._waiting = waiting

    def counts(self) -> dict[str, int]:
        blocks = [entry for entry in self._waiting(self._scan_id) if entry.kind == "data_block"]
        counts = self._stored_counts()
        for entry in blocks:
            name, end = str(entry.measurement), (entry.first or 0) + entry.count
            counts[name] = max(counts.get(name, 0), end)
        return counts

    def read(self, measurement: str, start: int, end: int) -> Readings:
        waiting = [
            entry
            for entry in self._waiting(self._scan_id)
            if entry.measurement == measurement and entry.kind == "data_block"
        ]
        first = min((entry.first or 0 for entry in waiting), default=end)
        found: list[Readings] = []
        if start < first or not waiting or start >= end:
            try:
                found.append(super().read(measurement, start, min(end, first)))
            except DBAPIError as error:
                raise DatabaseUnavailableError(f"the database does not answer: {error.orig}") from error
        for entry in waiting:
            begin, stop = max(start, entry.first or 0), min(end, (entry.first or 0) + entry.count)
            if begin < stop:
                found.append(part(entry.readings(), begin - (entry.first or 0), stop - (entry.first or 0)))
        return join(found)

    def steps_of(self, measurement: str, start: int, end: int) -> NDArray[np.int64]:
        return np.asarray(self.read(measurement, start, end).steps, dtype=np.int64)

    def rewinds(self) -> list[Rewind]:
        waiting = self._waiting(self._scan_id)
        known, counts = super().rewinds(), self._stored_counts()
        for entry in waiting:
            if entry.kind == "data_block":
                counts[str(entry.measurement)] = (entry.first or 0) + entry.count
            else:
                rewind = Rewind(int(orjson.loads(entry.body)["step"]), dict(counts))
                if rewind not in known[-1:]:
                    known.append(rewind)
        return known

    def _stored_counts(self) -> dict[str, int]:
        try:
            return super().counts()
        except DBAPIError as error:
            raise DatabaseUnavailableError(f"the database does not answer: {error.orig}") from error
