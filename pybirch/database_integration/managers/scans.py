"""Scans in the record."""

from __future__ import annotations

from typing import Any

from database.models import Scan as ScanRow
from database.services import DatabaseService
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.states import ScanState

Key = int | str


class ScanManager:
    """Makes records of scans and moves them from state to state.

    Every method takes a scan's `.id` or `.scan_id` and gives the detached row.
    """

    def __init__(self, db: DatabaseService) -> None:
        self._db = db

    def create_scan(
        self,
        settings: ScanSettings,
        sample_id: Key | None = None,
        queue_id: Key | None = None,
        project_id: Key | None = None,
        owner: str = "",
    ) -> ScanRow:
        """A new record.

        Raises:
            FieldError, NotFoundError: names the argument that is wrong.
        """
        given: dict[str, Any] = {"sample_id": sample_id, "project_id": project_id}
        return self._db.scans.create_from_pybirch(
            Scan(settings, owner=owner),
            queue_id,
            **{name: value for name, value in given.items() if value is not None},
        )

    def start_scan(self, scan_id: Key) -> ScanRow:
        return self._move(scan_id, ScanState.RUNNING)

    def pause_scan(self, scan_id: Key) -> ScanRow:
        return self._move(scan_id, ScanState.PAUSED)

    def resume_scan(self, scan_id: Key) -> ScanRow:
        return self._move(scan_id, ScanState.RUNNING)

    def complete_scan(self, scan_id: Key) -> ScanRow:
        return self._move(scan_id, ScanState.COMPLETED)

    def fail_scan(self, scan_id: Key, error: str = "") -> ScanRow:
        return self._move(scan_id, ScanState.FAILED, message=error or None)

    def abort_scan(self, scan_id: Key, reason: str = "") -> ScanRow:
        return self._move(scan_id, ScanState.ABORTED, message=reason or None)

    def get_scan(self, scan_id: Key) -> ScanRow:
        return self._db.scans.get(scan_id)

    def get_scans_for_queue(self, queue_id: Key) -> list[ScanRow]:
        """All its scans, in queue order."""
        return list(self._db.get_queue_with_scans(queue_id).scans)

    def _move(self, scan_id: Key, state: ScanState, **fields: Any) -> ScanRow:
        return self._db.scans.set_status(scan_id, state, **fields)
