"""A queue runs scans, one after the other or side by side.

::

    idle ──start──► running ◄──pause/resume──► paused
     ▲                 │ stop_queue, abort        │
     └────────────── stopping ◄───────────────────┘

One dispatcher thread picks what may start: the scan's turn has come, a place is free and all its
instruments can be leased. Each running scan has a thread of its own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError
from pybirch.events import EventBus, QueueStatus, utc_now
from pybirch.queue.archive import scan_from_json, scan_to_json
from pybirch.queue.callbacks import CallbackMethods, Callbacks
from pybirch.queue.control import Control
from pybirch.queue.dispatcher import Dispatcher
from pybirch.queue.handles import LogEntry, ScanHandle
from pybirch.queue.journal import QueueExtension
from pybirch.queue.leases import PROCESS_LEASES, Leases
from pybirch.queue.notes import Notes
from pybirch.queue.places import Places
from pybirch.scan.preflight import Finding, preflight
from pybirch.scan.scan import Scan
from pybirch.states import ExecutionMode, QueueState, ScanState

__all__ = ["ExecutionMode", "LogEntry", "Queue", "QueueState", "ScanHandle", "ScanState"]


class Queue(Control, CallbackMethods):
    """Scans in order.

    Args:
        QID: the queue_id, by which it is known everywhere.
        scans: scans to begin with.
        max_parallel_scans: how many may run at a time in parallel mode.
        bus: where everything of this queue and its scans is published.
        leases: the book of instruments in use; shared by all queues of the process by default.
        extensions: keep what the queue does (see `QueueExtension`).

    Raises:
        FieldError: names the argument that is wrong.
    """

    def __init__(
        self,
        QID: str,
        scans: Sequence[Scan] | None = None,
        max_parallel_scans: int = 4,
        *,
        bus: EventBus | None = None,
        leases: Leases | None = None,
        extensions: Sequence[QueueExtension] | None = None,
    ) -> None:
        if not str(QID).strip():
            raise FieldError("QID", "a queue needs an id")
        if int(max_parallel_scans) < 1:
            raise FieldError("max_parallel_scans", f"must be at least 1, not {max_parallel_scans}")
        self.QID = str(QID)
        self.max_parallel_scans = int(max_parallel_scans)
        self.created_at = utc_now()
        self.bus = bus or EventBus()
        self.extensions: list[QueueExtension] = list(extensions or ())
        self._notes = Notes(self.QID, self.bus, self.extensions)
        self._places = Places(self.QID, self._notes, self._admit)
        self._changed = self._places.changed
        self._leases = leases or PROCESS_LEASES
        self._dispatcher = Dispatcher(
            self.QID,
            self._places.handles,
            self._changed,
            self._leases,
            self._notes,
            self.max_parallel_scans,
            self._publish_status,
        )
        self._places.is_running = self._dispatcher.is_running
        self._callbacks = Callbacks(self.bus, self.QID, self._name_of)
        for extension in self.extensions:
            extension.attach(self)
        for scan in scans or ():
            self.enqueue(scan)

    # What can be asked

    @property
    def queue_id(self) -> str:
        return self.QID

    @property
    def handles(self) -> list[ScanHandle]:
        """All scans in order."""
        with self._changed:
            return list(self._places.handles)

    def under_way(self) -> list[ScanHandle]:
        """The scans that have their instruments: running, paused, about to begin or not quite ended."""
        return [handle for handle in self.handles if self._is_current(handle)]

    @property
    def hung(self) -> list[Any]:
        """Instruments whose driver has not come back to a scan that ended without them."""
        with self._changed:
            return [one for hung in self._dispatcher.parted.values() for one in hung]

    def size(self) -> int:
        return len(self._places.handles)

    def is_empty(self) -> bool:
        return not self._places.handles

    def get_handle(self, index: int) -> ScanHandle:
        """The handle at `index`.

        Raises:
            NotFoundError: no such place.
        """
        return self._places.at(index)

    def get_handle_by_id(self, scan_id: str) -> ScanHandle:
        """The handle of that scan.

        Raises:
            NotFoundError: it is not in this queue.
        """
        return self._places.of(scan_id)

    def get_handles_by_state(self, state: ScanState) -> list[ScanHandle]:
        return [handle for handle in self.handles if handle.state is ScanState(state)]

    def get_logs(self, limit: int | None = None) -> list[LogEntry]:
        """The newest lines, oldest first."""
        lines = list(self._notes.lines)
        return lines if limit is None else lines[max(0, len(lines) - limit) :]

    def get_status(self) -> dict[str, Any]:
        """The queue and its scans as pages and windows show them."""
        handles = self.handles
        status = self._status_event(handles)
        return {
            "queue_id": self.QID,
            "name": self.QID,
            "status": str(self.state),
            "mode": str(self.mode),
            "current_scan": status.current_scan,
            "completed_scans": status.completed_scans,
            "total_scans": status.total_scans,
            "created_at": self.created_at,
            "scans": [handle.describe() for handle in handles],
        }

    def preflight(self, scan_id: str) -> list[Finding]:
        """What stands in the way of a scan, and what it will take; nothing is moved or connected.

        Raises:
            NotFoundError: it is not in this queue.
        """
        return preflight(self.get_handle_by_id(scan_id).scan, leases=self._leases, folder=Path.cwd())

    # What is in it

    def enqueue(self, scan: Scan) -> str:
        """Add a scan at the end; a running queue takes it in its turn.

        Returns:
            Its scan_id.

        Raises:
            ScanSettingsError: the scan could not run; names the field.
            FieldError: it is no scan, has been run, or is here already.
        """
        self._places.append(scan)
        self._show_new(scan)
        self._notes.write("INFO", f"{scan.settings.scan_name} queued", scan)
        self._notes.flush()
        return scan.scan_id

    def dequeue(self, scan: int | str = 0) -> Scan:
        """Take a scan out, by place or scan_id.

        Raises:
            NotFoundError: it is not here.
            IllegalTransitionError: it is under way.
        """
        handle = self._places.remove(scan)
        self._show_edit()
        return handle.scan

    def clear(self) -> None:
        """Take out every scan that is not under way."""
        for handle in self.handles:
            with suppress(IllegalTransitionError, NotFoundError):
                self.dequeue(handle.scan_id)

    def move_scan(self, from_index: int, to_index: int) -> None:
        """Move a scan to another place.

        Raises:
            NotFoundError: no such place.
        """
        self._places.move(from_index, to_index)
        self._show_edit()

    def replace_scan(self, index: int, scan: Scan) -> str:
        """Put `scan` in the place of one that has not been started.

        Raises:
            IllegalTransitionError: the scan there is under way.
        """
        self._places.replace(index, scan)
        self._show_new(scan)
        self._notes.flush()
        return scan.scan_id

    # Once more, and waiting

    def restart(self, scan_id: str) -> str:
        """Queue a new scan with the same settings.

        Extensions go with it, but those that are made for one scan (`goes_on` False).

        Returns:
            The new scan_id; its `restarted_from` is `scan_id`.

        Raises:
            IllegalTransitionError: the scan has not ended.
        """
        old = self.get_handle_by_id(scan_id).scan
        if not old.state.is_finished:
            raise IllegalTransitionError(
                f"scan {scan_id} is {old.state}; only a scan that has ended is run again"
            )
        return self.enqueue(self._again(old))

    def wait_for_completion(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs any more, the log is written and observers have heard so.

        Returns:
            False when `timeout` (s) ran out. Ctrl-C aborts the queue.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            with self._changed:
                done = self._changed.wait_for(lambda: self.state is QueueState.IDLE, timeout)
        except KeyboardInterrupt:
            self.abort()
            raise
        if done:
            self._notes.flush(None if deadline is None else max(0.0, deadline - time.monotonic()))
            self.bus.flush(2.0 if deadline is None else max(0.0, min(2.0, deadline - time.monotonic())))
        return done

    # As JSON

    def serialize(self) -> dict[str, Any]:
        """The queue, its scans and where they stand, JSON-ready; without data."""
        return {
            "QID": self.QID,
            "max_parallel_scans": self.max_parallel_scans,
            "mode": str(self.mode),
            "scans": [scan_to_json(handle.scan) for handle in self.handles],
        }

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], instruments: Mapping[str, Any] | None = None) -> Queue:
        """An idle queue; scans that were under way are interrupted.

        Args:
            data: what `serialize` gave.
            instruments: name -> instrument; without it scans can be shown, not run.
        """
        queue = cls(data["QID"], max_parallel_scans=data.get("max_parallel_scans", 4))
        queue.recall([scan_from_json(scan, instruments) for scan in data.get("scans", ())])
        return queue

    def recall(self, scans: Sequence[Scan]) -> None:
        """Take up scans as the record has them; tells nobody and runs nothing."""
        with self._changed:
            for scan in scans:
                scan.bus = self.bus
                self._places.handles.append(ScanHandle(scan))

    # Writing down and telling

    def _admit(self, scan: Scan, position: int) -> None:
        scan.bus = self.bus
        for extension in self.extensions:
            extension.scan_added(scan, position)

    def _show_new(self, scan: Scan) -> None:
        self.bus.publish(scan.status())
        self._publish_status()

    def _show_edit(self) -> None:
        self._publish_status()
        self._notes.flush()

    def _again(self, old: Scan) -> Scan:
        kept = [extension for extension in old.extensions if getattr(extension, "goes_on", True)]
        return Scan(old.settings, old.sample, kept, old.owner, restarted_from=old.scan_id)

    def _name_of(self, scan_id: str) -> str | None:
        return next((h.scan.settings.scan_name for h in self.handles if h.scan_id == scan_id), None)

    def _status_event(self, handles: Sequence[ScanHandle]) -> QueueStatus:
        return QueueStatus(
            queue_id=self.QID,
            status=self.state,
            current_scan=next((h.scan_id for h in handles if self._is_current(h)), None),
            completed_scans=sum(h.state is ScanState.COMPLETED for h in handles),
            total_scans=len(handles),
        )

    def _is_current(self, handle: ScanHandle) -> bool:
        return handle.is_active() or (self._dispatcher.is_running(handle) and not handle.is_finished())

    def _publish_status(self) -> None:
        with self._changed:
            self._notes.status(self._status_event(self._places.handles))

    def __repr__(self) -> str:
        return f"<Queue {self.QID!r} {self.state}, {self.size()} scans>"
