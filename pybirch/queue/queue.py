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
from pathlib import Path
from typing import Any

from pybirch.errors import FieldError
from pybirch.events import EventBus, QueueStatus, utc_now
from pybirch.queue.archive import scan_from_json, scan_to_json
from pybirch.queue.callbacks import CallbackMethods, Callbacks
from pybirch.queue.control import Control
from pybirch.queue.dispatcher import Dispatcher
from pybirch.queue.edits import Edits
from pybirch.queue.handles import LogEntry, ScanHandle
from pybirch.queue.journal import QueueExtension
from pybirch.queue.leases import PROCESS_LEASES, Leases
from pybirch.queue.notes import Notes
from pybirch.queue.places import Places
from pybirch.queue.policy import QueuePolicy
from pybirch.queue.sequel import Sequel
from pybirch.queue.terms import Terms
from pybirch.scan.preflight import Finding, preflight
from pybirch.scan.scan import Scan
from pybirch.states import ExecutionMode, QueueState, ScanState

__all__ = ["ExecutionMode", "LogEntry", "Queue", "QueueState", "ScanHandle", "ScanState"]


class Queue(Control, Edits, CallbackMethods):
    """Scans in order.

    Args:
        QID: the queue_id, by which it is known everywhere.
        scans: scans to begin with.
        max_parallel_scans: how many may run at a time in parallel mode.
        bus: where everything of this queue and its scans is published.
        leases: the book of instruments in use; shared by all queues of the process by default.
        extensions: keep what the queue does (see `QueueExtension`).
        policy: what it does by itself when a scan fails, or was interrupted.

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
        policy: QueuePolicy | None = None,
    ) -> None:
        if not str(QID).strip():
            raise FieldError("QID", "a queue needs an id")
        if int(max_parallel_scans) < 1:
            raise FieldError("max_parallel_scans", f"must be at least 1, not {max_parallel_scans}")
        self.QID = str(QID)
        self.max_parallel_scans = int(max_parallel_scans)
        self.created_at = utc_now()
        self.policy = policy or QueuePolicy()
        self.revision = 0
        self._last_edit = ""
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
            self._follow,
        )
        self._sequel = Sequel(
            self._places, self._notes, lambda: self.policy, self._again, self._include, self._stop_for
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
        return self._places.all()

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
            "policy": self.policy.as_json(),
            "revision": self.revision,
            "scans": [handle.describe() for handle in handles],
        }

    def preflight(self, scan_id: str) -> list[Finding]:
        """What stands in the way of a scan, and what it will take; nothing is moved or connected.

        Raises:
            NotFoundError: it is not in this queue.
        """
        return preflight(self.get_handle_by_id(scan_id).scan, leases=self._leases, folder=Path.cwd())

    # Waiting

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
            "policy": self.policy.as_json(),
            "revision": self.revision,
            "scans": [
                scan_to_json(handle.scan) | {"terms": handle.terms.as_json()} for handle in self.handles
            ],
        }

    @classmethod
    def deserialize(cls, data: Mapping[str, Any], instruments: Mapping[str, Any] | None = None) -> Queue:
        """An idle queue; scans that were under way are interrupted.

        Args:
            data: what `serialize` gave.
            instruments: name -> instrument; without it scans can be shown, not run.
        """
        queue = cls(
            data["QID"],
            max_parallel_scans=data.get("max_parallel_scans", 4),
            policy=QueuePolicy.from_json(data.get("policy")),
        )
        queue.remember(mode=data.get("mode"), revision=data.get("revision"))
        for scan in data.get("scans", ()):
            queue.recall([scan_from_json(scan, instruments)], [Terms.from_json(scan.get("terms"))])
        return queue

    def recall(self, scans: Sequence[Scan], terms: Sequence[Terms] | None = None) -> None:
        """Take up scans as the record has them; tells nobody and runs nothing."""
        with self._changed:
            for scan, its in zip(scans, terms or [Terms()] * len(scans), strict=True):
                scan.bus = self.bus
                self._places.handles.append(ScanHandle(scan, its))

    def remember(self, *, mode: ExecutionMode | str | None = None, revision: int | None = None) -> None:
        """Be as the record has it; tells nobody."""
        self._dispatcher.mode = ExecutionMode(mode or self.mode)
        self.revision = revision or self.revision

    # Writing down and telling

    def _admit(self, scan: Scan, position: int, terms: Terms) -> None:
        scan.bus = self.bus
        for extension in self.extensions:
            extension.scan_added(scan, position)
        for extension in self.extensions if terms != Terms() else ():
            extension.terms_changed(scan.scan_id, terms.as_json())

    def _show_new(self, scan: Scan) -> None:
        self.bus.publish(scan.status())
        self._publish_status()

    def _again(self, old: Scan) -> Scan:
        return Scan(
            old.settings, old.sample, self._kept_extensions(old), old.owner, restarted_from=old.scan_id
        )

    def _kept_extensions(self, old: Scan) -> list[Any]:
        """Those that go with a scan into the next."""
        return [extension for extension in old.extensions if getattr(extension, "goes_on", True)]

    # What follows by itself

    def _follow(self, handle: ScanHandle) -> None:
        """A scan of a queue that runs has ended, or waits no more."""
        if handle.is_finished() and self.state in (QueueState.RUNNING, QueueState.PAUSED):
            self._sequel.after(handle)

    def _take_up_rounds(self) -> None:
        """Rounds that may begin now, after an edit."""
        if self.state in (QueueState.RUNNING, QueueState.PAUSED):
            self._sequel.take_up_rounds()

    def _include(self, scan: Scan) -> None:
        self._dispatcher.include(scan.scan_id)
        self._show_new(scan)

    def _stop_for(self, reason: str) -> None:
        self.stop_queue(why=reason)

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
