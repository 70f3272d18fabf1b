"""What a scan left in small blocks is merged soon after its end, by a thread that nobody waits for."""

from __future__ import annotations

import threading

from database.care.compaction import compact, unfinished
from database.session import Database

EVERY = 5.0
"""Seconds between looks."""


class Tidying:
    """Scans that have ended, however they did, and whoever wrote them; a chore of `Housekeeping`.

    Args:
        most_rows: readings a merged block may have.
    """

    def __init__(self, database: Database, most_rows: int) -> None:
        self._database = database
        self._most_rows = most_rows
        self._end = threading.Event()

    def look(self) -> int:
        """Merge what there is to merge; gives how many measurements were looked after."""
        done = 0
        for number in unfinished(self._database):
            if self._end.is_set():
                break
            compact(self._database, number, self._most_rows, self._end.wait)
            done += 1
        return done

    def close(self) -> None:
        """Stop after the transaction under way."""
        self._end.set()
