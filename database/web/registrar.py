"""A record for scans and queues that are first heard of by a broadcast."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from database.services.scan_states import BROADCAST
from pybirch.events import Event, QueueLog, QueueStatus, ScanStatus
from pybirch.states import ScanState

if TYPE_CHECKING:
    from database.services import DatabaseService


class Registrar:
    """Makes the record of what nobody has stored, and keeps its state; leaves others' records alone."""

    def __init__(self, db: DatabaseService) -> None:
        self._db = db
        self._ours: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case ScanStatus():
                    self._scan(event)
                case QueueStatus():
                    self._queue(event)
                case QueueLog():
                    self._queue_row(event.queue_id)
                case _:
                    pass

    def _scan(self, event: ScanStatus) -> None:
        key = ("scan", event.scan_id)
        if key not in self._ours:
            row = self._db.scans.find(event.scan_id)
            if row is None:
                row = self._db.scans.create(scan_id=event.scan_id, scan_name=event.scan_id, writer=BROADCAST)
            self._ours[key] = row.writer == BROADCAST
        if self._ours[key]:
            self._follow(event)

    def _follow(self, event: ScanStatus) -> None:
        row = self._db.scans.get(event.scan_id)
        path = (
            [ScanState.RUNNING] if row.status is ScanState.QUEUED and event.status in _AFTER_RUNNING else []
        )
        for state in (*path, event.status):
            if state is not row.status or event.progress is not None:
                self._db.scans.set_status(
                    event.scan_id,
                    state,
                    message=event.message,
                    progress=event.progress,
                    timestamp=event.timestamp,
                )

    def _queue(self, event: QueueStatus) -> None:
        if self._queue_row(event.queue_id):
            self._db.queues.set_status(event.queue_id, event.status, current_scan=event.current_scan)

    def _queue_row(self, queue_id: str) -> bool:
        """Whether the queue exists by its broadcasts only; makes its row when there is none."""
        key = ("queue", queue_id)
        if key not in self._ours:
            self._ours[key] = not self._db.queues.list(queue_id=queue_id, limit=1, archived=True)
            if self._ours[key]:
                self._db.queues.attach(queue_id)
        return self._ours[key]


_AFTER_RUNNING = frozenset({ScanState.PAUSED, ScanState.COMPLETED})
