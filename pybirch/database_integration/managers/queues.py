"""Queues in the record."""

from __future__ import annotations

from typing import Any

from database.models import Queue as QueueRow
from database.models import QueueLog
from database.services import DatabaseService
from pybirch.queue.queue import Queue
from pybirch.states import QueueState

Key = int | str


class QueueManager:
    """Makes records of queues; takes a queue's `.id` or `.queue_id` alike."""

    def __init__(self, db: DatabaseService) -> None:
        self._db = db

    def create_queue(self, queue: Queue | str, **fields: Any) -> QueueRow:
        """The record of that queue, made where there is none."""
        if isinstance(queue, Queue):
            return self._db.queues.create_from_pybirch(queue, **fields)
        return self._db.queues.attach(queue, **fields)

    def get_queue(self, queue_id: Key) -> QueueRow:
        """The queue with its scans and log."""
        return self._db.get_queue_with_scans(queue_id)

    def update_status(
        self, queue_id: Key, status: QueueState | str, current_scan: Key | None = None
    ) -> QueueRow:
        return self._db.queues.set_status(queue_id, status, current_scan)

    def log(self, queue_id: Key, level: str, message: str, scan_id: Key | None = None) -> QueueLog:
        return self._db.add_queue_log(queue_id, level, message, scan_id)
