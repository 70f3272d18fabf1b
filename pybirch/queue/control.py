"""What a queue may be told: to start, pause, go on, abort, come to an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pybirch.errors import IllegalTransitionError
from pybirch.queue.handles import ScanHandle
from pybirch.queue.notes import by_whom
from pybirch.states import ExecutionMode, QueueState, ScanState, Wish

if TYPE_CHECKING:
    import threading

    from pybirch.queue.dispatcher import Dispatcher
    from pybirch.queue.journal import QueueExtension
    from pybirch.queue.notes import Notes
    from pybirch.queue.sequel import Sequel


class Control:
    """The part of a `Queue` that obeys; see there.

    `by` and `why` say who wishes it and for what reason; both are kept in the log.
    """

    QID: str
    extensions: list[QueueExtension]
    _notes: Notes
    _changed: threading.Condition
    _dispatcher: Dispatcher
    _sequel: Sequel

    @property
    def state(self) -> QueueState:
        return self._dispatcher.state

    @property
    def mode(self) -> ExecutionMode:
        return self._dispatcher.mode

    def start(
        self,
        indices: Sequence[int] | None = None,
        mode: ExecutionMode | str = ExecutionMode.SERIAL,
        *,
        by: str = "",
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
            changed = self.mode is not ExecutionMode(mode)
            self._dispatcher.mode = ExecutionMode(mode)
        if changed:
            self._notes.keep("queue_changed", self)
        if chosen is None:
            self._sequel.take_up_rounds()
        with self._changed:
            if not self._dispatcher.choose(chosen):
                return
        self._notes.write("INFO", f"queue started{by_whom(by)}, {self.mode}")
        self._publish_status()

    def pause(self, scan_id: str | None = None, *, by: str = "", why: str = "") -> None:
        """Pause one scan after the step under way; without `scan_id` the queue and all its scans.

        A queue all of whose scans under way are to pause is paused itself.

        Raises:
            IllegalTransitionError: there is nothing that could be paused.
        """
        if scan_id is not None:
            self._pause_one(self.get_handle_by_id(scan_id), by_whom(by, why))
            return
        with self._changed:
            if self.state is QueueState.PAUSED:
                return
            if self.state is not QueueState.RUNNING:
                raise IllegalTransitionError(f"queue {self.QID} is {self.state} and cannot be paused")
            self._dispatcher.state = QueueState.PAUSED
            self._dispatcher.each(lambda handle: handle.scan.pause())
        self._notes.write("INFO", f"queue paused{by_whom(by, why)}")
        self._publish_status()

    def resume(self, scan_id: str | None = None, *, by: str = "", why: str = "") -> None:
        """Go on with one scan, or with the queue and all its paused scans.

        One that was interrupted goes on after the last step in the record, under its scan_id, as soon
        as its turn comes. A queue that was paused runs again when one of its scans does; the others
        stay paused.

        Raises:
            IllegalTransitionError: there is nothing that could be resumed.
        """
        if scan_id is not None:
            handle = self.get_handle_by_id(scan_id)
            if handle.state is ScanState.INTERRUPTED:
                self._reopen(handle, by_whom(by, why))
            else:
                self._resume_one(handle, by_whom(by, why))
            return
        with self._changed:
            if self.state is QueueState.IDLE:
                raise IllegalTransitionError(f"queue {self.QID} is {self.state} and cannot be resumed")
            was_paused = self.state is QueueState.PAUSED
            if was_paused:
                self._dispatcher.state = QueueState.RUNNING
            self._dispatcher.each(lambda handle: handle.scan.resume())
            self._changed.notify_all()
        if was_paused:
            self._notes.write("INFO", f"queue resumed{by_whom(by, why)}")
        self._publish_status()

    def abort(self, scan_id: str | None = None, *, by: str = "", why: str = "") -> None:
        """End one scan now; without `scan_id` all that are under way, and start no more."""
        if scan_id is not None:
            self._abort_one(self.get_handle_by_id(scan_id), by_whom(by, why))
            return
        with self._changed:
            if self.state is QueueState.IDLE:
                return
            self._dispatcher.state = QueueState.STOPPING
            self._changed.notify_all()
        self._dispatcher.each(lambda handle: handle.scan.abort())
        self._publish_status()
        self._notes.write("WARNING", f"queue aborted{by_whom(by, why)}")

    def rewind(self, scan_id: str, step: int | None = None, *, by: str = "", why: str = "") -> None:
        """Have a running or paused scan go back and measure again from a step on; see `Scan.rewind`.

        Args:
            step: 0 is the beginning, None the beginning of the present line.

        Raises:
            FieldError: no such step is done.
            IllegalTransitionError: the scan is neither running nor paused.
        """
        scan = self.get_handle_by_id(scan_id).scan
        at = scan.rewind(step)
        self._notes.write("INFO", f"{scan.settings.scan_name} rewound to step {at}{by_whom(by, why)}", scan)
        self._publish_status()

    def stop_queue(self, *, by: str = "", why: str = "") -> None:
        """Start no more scans; those under way go on to their end, paused ones when they are resumed."""
        with self._changed:
            if self.state is QueueState.IDLE:
                return
            self._dispatcher.state = QueueState.STOPPING
            self._changed.notify_all()
        self._notes.write("INFO", f"queue stopping{by_whom(by, why)}")
        self._publish_status()

    # One scan of it

    def _pause_one(self, handle: ScanHandle, who: str) -> None:
        with self._changed:
            handle.scan.pause()
            if self.state is QueueState.RUNNING and self._dispatcher.all_under_way(_will_pause):
                self._dispatcher.state = QueueState.PAUSED
        self._notes.write("INFO", f"{handle.scan.settings.scan_name} paused{who}", handle.scan)
        self._publish_status()

    def _resume_one(self, handle: ScanHandle, who: str) -> None:
        with self._changed:
            handle.scan.resume()
            if self.state is QueueState.PAUSED:
                self._dispatcher.state = QueueState.RUNNING
            self._changed.notify_all()
        self._notes.write("INFO", f"{handle.scan.settings.scan_name} resumed{who}", handle.scan)
        self._publish_status()

    def _reopen(self, handle: ScanHandle, who: str = "") -> None:
        scan = handle.scan.to_go_on()
        for extension in self.extensions:
            extension.scan_reopened(scan)
        with self._changed:
            if self.state in (QueueState.PAUSED, QueueState.STOPPING):
                raise IllegalTransitionError(f"queue {self.QID} is {self.state}; the scan cannot go on now")
            if handle.state is not ScanState.INTERRUPTED or handle.scan.is_waiting:
                raise IllegalTransitionError(f"scan {handle.scan_id} goes on already")
            handle.scan = scan
            was_left, handle.terms = handle.terms.left, replace(handle.terms, left=False)
            self._dispatcher.choose({scan.scan_id})
        if was_left:
            self._notes.keep("terms_changed", scan.scan_id, handle.terms.as_json())
        self._notes.write("INFO", f"{scan.settings.scan_name} is to go on{who}", scan)
        self._publish_status()

    def _abort_one(self, handle: ScanHandle, who: str) -> None:
        queued = handle.state is ScanState.QUEUED and not self._dispatcher.is_running(handle)
        finished = handle.is_finished()
        with self._dispatcher.kept_awake():
            handle.scan.abort()
            if queued:
                self._follow(handle)
        if not finished:
            told = " before it began" if queued else ""
            self._notes.write("WARNING", f"{handle.scan.settings.scan_name} aborted{told}{who}", handle.scan)
            self._publish_status()

    # Of the queue

    def _follow(self, handle: ScanHandle) -> None:
        raise NotImplementedError

    def get_handle(self, index: int) -> ScanHandle:
        raise NotImplementedError

    def get_handle_by_id(self, scan_id: str) -> ScanHandle:
        raise NotImplementedError

    def _publish_status(self) -> None:
        raise NotImplementedError


def _will_pause(handle: ScanHandle) -> bool:
    return handle.state is ScanState.PAUSED or handle.scan.requested is Wish.PAUSE
