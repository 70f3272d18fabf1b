"""A queue runs scans, one after the other or side by side.

::

    idle ──start──► running ◄──pause/resume──► paused
     ▲                 │ stop_queue, abort        │
     └────────────── stopping ◄───────────────────┘

One dispatcher thread picks what may start: the scan's turn has come, a place is free and all its
instruments can be leased. Each running scan has a thread of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError
from pybirch.events import EventBus, QueueStatus, utc_now
from pybirch.queue.archive import scan_from_json, scan_to_json
from pybirch.queue.callbacks import CallbackMethods, Callbacks
from pybirch.queue.dispatcher import Dispatcher
from pybirch.queue.handles import LogEntry, ScanHandle
from pybirch.queue.journal import QueueExtension
from pybirch.queue.leases import PROCESS_LEASES, Leases
from pybirch.queue.notes import Notes
from pybirch.scan.scan import Scan
from pybirch.states import ExecutionMode, QueueState, ScanState

__all__ = ["ExecutionMode", "LogEntry", "Queue", "QueueState", "ScanHandle", "ScanState"]


class Queue(CallbackMethods):
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
        self._handles: list[ScanHandle] = []
        self._changed = threading.Condition(threading.RLock())
        self._notes = Notes(self.QID, self.bus, self.extensions)
        self._dispatcher = Dispatcher(
            self.QID,
            self._handles,
            self._changed,
            leases or PROCESS_LEASES,
            self._notes,
            self.max_parallel_scans,
            self._publish_status,
        )
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
    def state(self) -> QueueState:
        return self._dispatcher.state

    @property
    def mode(self) -> ExecutionMode:
        return self._dispatcher.mode

    @property
    def handles(self) -> list[ScanHandle]:
        """All scans in order."""
        with self._changed:
            return list(self._handles)

    def size(self) -> int:
        return len(self._handles)

    def is_empty(self) -> bool:
        return not self._handles

    def get_handle(self, index: int) -> ScanHandle:
        """The handle at `index`.

        Raises:
            NotFoundError: no such place.
        """
        with self._changed:
            self._check_index(index, "index")
            return self._handles[index]

    def get_handle_by_id(self, scan_id: str) -> ScanHandle:
        """The handle of that scan.

        Raises:
            NotFoundError: it is not in this queue.
        """
        with self._changed:
            for handle in self._handles:
                if handle.scan_id == scan_id:
                    return handle
        raise NotFoundError(f"queue {self.QID} has no scan {scan_id!r}")

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

    # What is in it

    def enqueue(self, scan: Scan) -> str:
        """Add a scan at the end; a running queue takes it in its turn.

        Returns:
            Its scan_id.

        Raises:
            ScanSettingsError: the scan could not run; names the field.
            FieldError: it is no scan, has been run, or is here already.
        """
        self._check_new(scan)
        with self._changed:
            self._add(scan, len(self._handles))
        self._notes.write("INFO", f"{scan.settings.scan_name} queued", scan)
        return scan.scan_id

    def dequeue(self, scan: int | str = 0) -> Scan:
        """Take a scan out, by place or scan_id.

        Raises:
            NotFoundError: it is not here.
            IllegalTransitionError: it is under way.
        """
        with self._changed:
            handle = self.get_handle(scan) if isinstance(scan, int) else self.get_handle_by_id(scan)
            self._check_not_active(handle)
            self._handles.remove(handle)
            self._notes.keep("scan_removed", handle.scan)
            self._changed.notify_all()
        self._publish_status()
        return handle.scan

    def clear(self) -> None:
        """Take out every scan that is not under way."""
        with self._changed:
            for handle in self.handles:
                if not self._dispatcher.is_running(handle) and not handle.is_active():
                    self.dequeue(handle.scan_id)

    def move_scan(self, from_index: int, to_index: int) -> None:
        """Move a scan to another place.

        Raises:
            NotFoundError: no such place.
        """
        with self._changed:
            self._check_index(from_index, "from_index")
            self._check_index(to_index, "to_index")
            self._handles.insert(to_index, self._handles.pop(from_index))
            self._notes.keep("order_changed", [handle.scan_id for handle in self._handles])
            self._changed.notify_all()
        self._publish_status()

    def replace_scan(self, index: int, scan: Scan) -> str:
        """Put `scan` in the place of one that has not been started.

        Raises:
            IllegalTransitionError: the scan there is under way.
        """
        self._check_new(scan)
        with self._changed:
            old = self.get_handle(index)
            self._check_not_active(old)
            self._handles.pop(index)
            try:
                self._add(scan, index)
            except BaseException:
                self._handles.insert(index, old)
                raise
            self._notes.keep("scan_removed", old.scan)
        self._publish_status()
        return scan.scan_id

    # Running

    def start(
        self, indices: Sequence[int] | None = None, mode: ExecutionMode | str = ExecutionMode.SERIAL
    ) -> None:
        """Run the queued scans; returns at once.

        Args:
            indices: places of the scans to run; None runs all that are queued, and what is
                enqueued meanwhile.
            mode: one after the other, or side by side as far as instruments allow.

        Raises:
            NotFoundError: no such place.
            IllegalTransitionError: the queue is paused or stopping.
        """
        with self._changed:
            if self.state in (QueueState.PAUSED, QueueState.STOPPING):
                raise IllegalTransitionError(f"queue {self.QID} is {self.state} and cannot be started")
            chosen = None if indices is None else {self.get_handle(index).scan_id for index in indices}
            running = self.state is QueueState.RUNNING
            if running and chosen is not None:
                others = self._dispatcher.selected
                chosen = None if others is None else chosen | others
            self._dispatcher.mode = ExecutionMode(mode)
            self._dispatcher.selected = chosen
            self._changed.notify_all()
            if running or not self._dispatcher.waiting():
                return
            self._dispatcher.launch()
        self._notes.write("INFO", f"queue started, {self.mode}")
        self._publish_status()

    def pause(self, scan_id: str | None = None) -> None:
        """Pause one scan after the step under way; without `scan_id` the queue and all its scans.

        Raises:
            IllegalTransitionError: there is nothing that could be paused.
        """
        if scan_id is not None:
            self.get_handle_by_id(scan_id).scan.pause()
            return
        with self._changed:
            if self.state is QueueState.PAUSED:
                return
            if self.state is not QueueState.RUNNING:
                raise IllegalTransitionError(f"queue {self.QID} is {self.state} and cannot be paused")
            self._dispatcher.state = QueueState.PAUSED
            self._dispatcher.each(lambda handle: handle.scan.pause())
        self._notes.write("INFO", "queue paused")
        self._publish_status()

    def resume(self, scan_id: str | None = None) -> None:
        """Go on with one scan, or with the queue and all its paused scans.

        Raises:
            IllegalTransitionError: there is nothing that could be resumed.
        """
        if scan_id is not None:
            self.get_handle_by_id(scan_id).scan.resume()
            return
        with self._changed:
            if self.state is QueueState.RUNNING:
                self._dispatcher.each(lambda handle: handle.scan.resume())
                return
            if self.state is not QueueState.PAUSED:
                raise IllegalTransitionError(f"queue {self.QID} is {self.state} and cannot be resumed")
            self._dispatcher.state = QueueState.RUNNING
            self._dispatcher.each(lambda handle: handle.scan.resume())
            self._changed.notify_all()
        self._notes.write("INFO", "queue resumed")
        self._publish_status()

    def abort(self, scan_id: str | None = None) -> None:
        """End one scan now; without `scan_id` all that are under way, and start no more."""
        if scan_id is not None:
            self._abort_one(self.get_handle_by_id(scan_id))
            return
        with self._changed:
            if self.state is QueueState.IDLE:
                return
            self._dispatcher.state = QueueState.STOPPING
            self._changed.notify_all()
        self._dispatcher.each(lambda handle: handle.scan.abort())
        self._publish_status()
        self._notes.write("WARNING", "queue aborted")

    def stop_queue(self) -> None:
        """Start no more scans; those under way go on to their end."""
        with self._changed:
            if self.state is QueueState.IDLE:
                return
            paused = self.state is QueueState.PAUSED
            self._dispatcher.state = QueueState.STOPPING
            if paused:
                self._dispatcher.each(lambda handle: handle.scan.resume())
            self._changed.notify_all()
        self._notes.write("INFO", "queue stopping")
        self._publish_status()

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
        """Wait until nothing runs any more and observers have heard so.

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
        left = 2.0 if deadline is None else max(0.0, min(2.0, deadline - time.monotonic()))
        if done:
            self.bus.flush(left)
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
                self._handles.append(ScanHandle(scan))

    # Helping hands

    def _abort_one(self, handle: ScanHandle) -> None:
        queued = handle.state is ScanState.QUEUED and not self._dispatcher.is_running(handle)
        handle.scan.abort()
        self._dispatcher.wake()
        if queued:
            self._notes.write(
                "WARNING", f"{handle.scan.settings.scan_name} aborted before it began", handle.scan
            )
            self._publish_status()

    # Writing down and telling

    def _add(self, scan: Scan, position: int) -> None:
        if any(handle.scan_id == scan.scan_id for handle in self._handles):
            raise FieldError("scan", f"scan {scan.scan_id} is in queue {self.QID} already")
        scan.bus = self.bus
        for extension in self.extensions:
            extension.scan_added(scan, position)
        self._handles.insert(position, ScanHandle(scan))
        self._changed.notify_all()
        self.bus.publish(scan.status())
        self._publish_status()

    def _again(self, old: Scan) -> Scan:
        kept = [extension for extension in old.extensions if getattr(extension, "goes_on", True)]
        return Scan(old.settings, old.sample, kept, old.owner, restarted_from=old.scan_id)

    def _check_new(self, scan: Scan) -> None:
        if not isinstance(scan, Scan):
            raise FieldError("scan", f"must be a Scan, not {type(scan).__name__}")
        if scan.state is not ScanState.QUEUED:
            raise FieldError("scan", f"scan {scan.scan_id} is {scan.state}; a queue takes new scans only")
        scan.check()

    def _check_not_active(self, handle: ScanHandle) -> None:
        if handle.is_active() or self._dispatcher.is_running(handle):
            raise IllegalTransitionError(f"scan {handle.scan_id} is under way; abort it first")

    def _check_index(self, index: int, field: str) -> None:
        if not 0 <= index < len(self._handles):
            raise NotFoundError(
                f"{field}: queue {self.QID} has {len(self._handles)} scans and no place {index}"
            )

    def _name_of(self, scan_id: str) -> str | None:
        return next((h.scan.settings.scan_name for h in self.handles if h.scan_id == scan_id), None)

    def _status_event(self, handles: Sequence[ScanHandle]) -> QueueStatus:
        return QueueStatus(
            queue_id=self.QID,
            status=self.state,
            current_scan=next((h.scan_id for h in handles if self._is_current(h)), None),
            completed_scans=sum(h.is_finished() for h in handles),
            total_scans=len(handles),
        )

    def _is_current(self, handle: ScanHandle) -> bool:
        return handle.is_active() or (self._dispatcher.is_running(handle) and not handle.is_finished())

    def _publish_status(self) -> None:
        with self._changed:
            self._notes.status(self._status_event(self._handles))

    def __repr__(self) -> str:
        return f"<Queue {self.QID!r} {self.state}, {len(self._handles)} scans>"
