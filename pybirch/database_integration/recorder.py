"""The recorder: the sink that keeps a scan in a store, one commit a tick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pybirch.database_integration.config import IntegrationConfig
from pybirch.database_integration.spooling import SpoolingStore
from pybirch.database_integration.store import Readable, Store
from pybirch.events import Readings, ScanStatus
from pybirch.extensions.base import BaseExtension
from pybirch.queue.journal import QueueExtension
from pybirch.scan.scan import Scan
from pybirch.states import ScanState


class Recorder(BaseExtension):
    """Keeps one scan's readings and states.

    Args:
        store: where.
        scan_id: the record to write to, when it is not the scan's own id.
    """

    goes_on = False

    def __init__(self, store: Store, scan_id: str | None = None) -> None:
        self.store = store
        self.pull_every = IntegrationConfig.from_environment().flush_interval_seconds
        self._scan_id = scan_id
        self._claimed = False

    def set_scan_reference(self, scan: Scan) -> None:
        self.scan = scan
        if isinstance(self.store, SpoolingStore):
            self.store.watch(self.scan_id, scan)
        if scan.record is None and isinstance(self.store, Readable):
            scan.record = self.store.record_of(self.scan_id)

    @property
    def scan_id(self) -> str:
        return self._scan_id or self.scan.scan_id

    def save_readings(self, readings: Sequence[Readings]) -> None:
        if self._scan_id is not None:
            readings = [replace(block, scan_id=self._scan_id) for block in readings]
        self.store.save_readings(readings, replace(self.scan.status(), scan_id=self.scan_id))

    def save_status(self, status: ScanStatus) -> None:
        if not self._claimed:
            self.store.claim(self.scan_id)
            self._claimed = True
        self.store.save_status(replace(status, scan_id=self.scan_id))

    def save_conditions(self, conditions: dict[str, Any]) -> None:
        self.store.save_conditions(self.scan_id, conditions)

    def on_rewind(self, step: int) -> None:
        self.store.save_rewind(self.scan_id, step)

    def owe_status(self, status: ScanStatus) -> None:
        self.store.owe_status(replace(status, scan_id=self.scan_id))


class QueueRecorder(QueueExtension):
    """Keeps a queue, and gives each of its scans a recorder."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def attach(self, queue: Any) -> None:
        self.queue = queue
        self.store.open_queue(queue)

    def take_up(self, queue: Any) -> None:
        """Keep a queue that is there already, and the scans that wait in it, from now on."""
        self.attach(queue)
        for handle in queue.handles:
            if not handle.is_active() and not handle.is_finished() and not is_recorded(handle.scan):
                self._open(handle.scan)
                if handle.terms.as_json():
                    self.terms_changed(handle.scan_id, handle.terms.as_json())
        queue.extensions.append(self)

    def let_go(self) -> list[Scan]:
        """Keep nothing new; gives the scans under way, which are kept to their end."""
        if self in self.queue.extensions:
            self.queue.extensions.remove(self)
        mine = [handle for handle in self.queue.handles if self._keeps(handle.scan)]
        for handle in mine:
            if handle.state is ScanState.QUEUED:
                handle.scan.extensions[:] = [e for e in handle.scan.extensions if not self._is_mine(e)]
        return [h.scan for h in mine if self._keeps(h.scan) and not h.is_finished()]

    def close(self, timeout: float) -> None:
        """Send what still waits for the store, for at most so many seconds; the rest stays on the disk."""
        if isinstance(self.store, SpoolingStore):
            self.store.close(timeout)

    def _keeps(self, scan: Scan) -> bool:
        return any(map(self._is_mine, scan.extensions))

    def _is_mine(self, extension: Any) -> bool:
        return isinstance(extension, Recorder) and extension.store is self.store

    def scan_added(self, scan: Scan, position: int) -> None:
        if is_recorded(scan):
            return
        self._open(scan)
        others = [handle.scan_id for handle in self.queue.handles]
        if position < len(others):
            self.order_changed([*others[:position], scan.scan_id, *others[position:]])

    def _open(self, scan: Scan) -> None:
        self.store.open_scan(scan, self.queue.queue_id)
        self.record(scan)

    def record(self, scan: Scan) -> None:
        """Give the scan a recorder; its record is there already."""
        recorder = Recorder(self.store)
        recorder.set_scan_reference(scan)
        scan.extensions.insert(0, recorder)

    def scan_reopened(self, scan: Scan) -> None:
        if isinstance(self.store, Readable):
            self.store.take_over(scan.scan_id)
        if not is_recorded(scan):
            self.record(scan)

    def scan_removed(self, scan: Scan) -> None:
        self.store.drop_scan(scan, self.queue.queue_id)

    def order_changed(self, scan_ids: list[str]) -> None:
        self.store.reorder(self.queue.queue_id, scan_ids)

    def terms_changed(self, scan_id: str, terms: dict[str, Any]) -> None:
        self.store.save_terms(scan_id, terms)

    def queue_changed(self, queue: Any) -> None:
        self.store.save_queue(queue)

    def save_log(self, line: Any) -> None:
        self.store.save_log(line)

    def save_status(self, status: Any) -> None:
        self.store.save_queue_status(status)


def is_recorded(scan: Scan) -> bool:
    """Whether a recorder keeps this scan already."""
    return any(isinstance(extension, Recorder) for extension in scan.extensions)
