"""A queue whose every scan, state and log line is kept in the database."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from database.services import DatabaseService
from database.services.belonging import usable
from pybirch.database_integration.noted import NotedQueue
from pybirch.database_integration.recorder import QueueRecorder
from pybirch.database_integration.spooling import ReadableSpoolingStore, send_what_was_left
from pybirch.database_integration.store import DatabaseStore
from pybirch.database_integration.writers import is_another_living_script, new_writer
from pybirch.errors import FieldError
from pybirch.events import EventBus
from pybirch.queue.archive import scan_from_json
from pybirch.queue.leases import Leases
from pybirch.queue.policy import QueuePolicy
from pybirch.queue.terms import Terms
from pybirch.scan.scan import Scan
from pybirch.states import ScanState

TO_SEND = 5.0
_INCOMPLETE = (ScanState.RUNNING, ScanState.PAUSED, ScanState.INTERRUPTED)


class DatabaseQueue(NotedQueue):
    """A `Queue` with a record.

    Args:
        db_service: the database.
        QID: the queue_id; one that is known takes up that queue's record, None makes a new one.
        project_id: project of scans that name none.
        sample_id: sample of scans that have none.
        operator: owner of scans that name none.
        scans: scans to begin with.
        max_parallel_scans: how many may run at a time in parallel mode.
        update_server: shows everything live (see `enable_websocket_integration`).
        writer: who writes, fenced by the record; a new name by default.

    Raises:
        FieldError, NotFoundError: names the argument that is wrong, or names what is archived.
    """

    def __init__(
        self,
        db_service: DatabaseService,
        QID: str | None = None,
        *,
        project_id: int | None = None,
        sample_id: int | str | None = None,
        operator: str = "",
        scans: Sequence[Scan] | None = None,
        max_parallel_scans: int = 4,
        update_server: Any = None,
        bus: EventBus | None = None,
        leases: Leases | None = None,
        writer: str | None = None,
    ) -> None:
        if not isinstance(db_service, DatabaseService):
            raise FieldError("db_service", f"must be a DatabaseService, not {type(db_service).__name__}")
        self.db_service = db_service
        self.operator = operator
        if project_id is not None:
            usable(db_service.projects, project_id, "project_id")
        sample = None if sample_id is None else usable(db_service.samples, sample_id, "sample_id")
        self._bridge: Any = None
        store = DatabaseStore(
            db_service,
            writer or new_writer(),
            project_id=project_id,
            sample_id=None if sample is None else sample.id,
            operator=operator,
        )
        self._store = ReadableSpoolingStore(store)
        self._store.settle()
        self._recorder = QueueRecorder(self._store)
        super().__init__(
            QID or f"queue-{secrets.token_hex(4)}",
            None,
            max_parallel_scans,
            bus=bus,
            leases=leases,
            extensions=[self._recorder],
        )
        row = db_service.queues.get(self.QID)
        self.policy = QueuePolicy.from_json(row.policy)
        self.remember(mode=row.mode, revision=row.revision)
        for scan in scans or ():
            self.enqueue(scan)
        if update_server is not None:
            self.enable_websocket_integration(update_server)

    @classmethod
    def from_database(
        cls,
        db: DatabaseService,
        QID: str,
        instruments: Mapping[str, Any] | Sequence[Any] | None = None,
        **options: Any,
    ) -> DatabaseQueue:
        """The queue as the record has it, idle; nothing is run.

        Args:
            db: the database.
            QID: the queue_id.
            instruments: those the scans may use, found by name; a scan that lacks one can be shown,
                and is refused by its name when it is to run.

        Raises:
            NotFoundError: no such queue.
        """
        send_what_was_left(DatabaseStore(db, options.get("writer") or new_writer()))
        row = db.get_queue_with_scans(QID)
        options.setdefault("max_parallel_scans", row.max_parallel_scans)
        queue = cls(db, row.queue_id, **options)
        scans = [queue._recalled(scan, by_name(instruments)) for scan in row.scans]
        queue.recall(scans, [Terms.from_json(scan.terms) for scan in row.scans])
        return queue

    def enable_websocket_integration(self, update_server: Any) -> None:
        """Show everything of this queue through `update_server`; harmless when it is."""
        from pybirch.database_integration.sync.websocket_integration import setup_websocket_integration

        self.disable_websocket_integration()
        self._bridge = setup_websocket_integration(self, update_server)

    def disable_websocket_integration(self) -> None:
        if self._bridge is not None:
            self._bridge.unregister()
            self._bridge = None

    def wait_for_completion(self, timeout: float | None = None) -> bool:
        """As `Queue` does; what waits for the database then has a few seconds more to reach it."""
        deadline = None if timeout is None else time.monotonic() + timeout
        done = super().wait_for_completion(timeout)
        if done:
            left = TO_SEND if deadline is None else deadline - time.monotonic()
            self._store.drain(max(0.0, min(TO_SEND, left)))
        return done

    def close_store(self, timeout: float) -> None:
        """Send what still waits for the database, for at most so many seconds; the rest stays on the disk."""
        self._recorder.close(timeout)

    def get_incomplete_scans(self) -> list[Any]:
        """Rows of this queue's scans that neither wait in it nor run, and did not end on purpose.

        What a living station runs is none of them. Of other programs the record does not know
        whether they live.
        """
        rows = self.db_service.get_queue_with_scans(self.QID).scans
        mine = {handle.scan_id for handle in self.handles if not handle.is_finished()}
        return [
            row
            for row in rows
            if row.status in _INCOMPLETE
            and row.scan_id not in mine
            and not self.db_service.stations.is_living(row.writer)
            and not is_another_living_script(row.writer)
        ]

    def mark_incomplete_scans_failed(self) -> int:
        """Mark what `get_incomplete_scans` gives as failed; how many there were.

        A program that was taken for gone and is not has its further writes refused.
        """
        incomplete = {row.scan_id: row.writer for row in self.get_incomplete_scans()}
        return self.db_service.scans.give_up(incomplete, "did not end: the program that ran it was gone")

    def _recalled(self, row: Any, instruments: Mapping[str, Any] | None) -> Scan:
        scan = scan_from_json(_archived(row), instruments)
        scan.created_at = _text(row.created_at) or scan.created_at
        scan.record = self._store.record_of(scan.scan_id)
        if scan.state is ScanState.QUEUED:
            self._recorder.record(scan)
        return scan


def _archived(row: Any) -> dict[str, Any]:
    """A scan's row as `pybirch.queue.archive` keeps a scan."""
    return {
        "scan_id": row.scan_id,
        "settings": row.settings,
        "sample": row.sample.to_pybirch_sample().serialize() if row.sample else None,
        "owner": row.owner,
        "state": row.status,
        "progress": row.progress,
        "points_done": row.points_done,
        "error": row.error,
        "started_at": _text(row.started_at),
        "finished_at": _text(row.finished_at),
        "restarted_from": row.restarted_from,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def by_name(instruments: Mapping[str, Any] | Sequence[Any] | None) -> dict[str, Any] | None:
    """Name -> instrument."""
    if instruments is None or isinstance(instruments, Mapping):
        return None if instruments is None else dict(instruments)
    return {instrument.name: instrument for instrument in instruments}
