"""Extensions that keep scans and queues in the database."""

from __future__ import annotations

from database.services import DatabaseService
from pybirch.database_integration.recorder import QueueRecorder, Recorder
from pybirch.database_integration.spooling import ReadableSpoolingStore
from pybirch.database_integration.store import DatabaseStore
from pybirch.database_integration.writers import new_writer
from pybirch.scan.scan import Scan

__all__ = ["DatabaseExtension", "DatabaseQueueExtension"]


class DatabaseExtension(Recorder):
    """Keeps a scan in the record that was made for it.

    Args:
        db_service: the database.
        scan_id: the record's `.id` or `.scan_id`. A scan that nobody watches yet takes on that
            scan_id; one in a queue keeps its own and is written to that record.

    Raises:
        NotFoundError: no such record.
    """

    def __init__(self, db_service: DatabaseService, scan_id: int | str) -> None:
        row = db_service.scans.get(scan_id)
        super().__init__(ReadableSpoolingStore(DatabaseStore(db_service, new_writer())), row.scan_id)

    def set_scan_reference(self, scan: Scan) -> None:
        super().set_scan_reference(scan)
        if scan.bus is None and self._scan_id is not None:
            scan.scan_id = self._scan_id


class DatabaseQueueExtension(QueueRecorder):
    """Keeps a plain queue and its scans: give it to the queue at its start, or `take_up` one later."""

    def __init__(self, db_service: DatabaseService, *, operator: str = "") -> None:
        super().__init__(ReadableSpoolingStore(DatabaseStore(db_service, new_writer(), operator=operator)))
