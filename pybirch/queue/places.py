"""The scans of a queue, in order.

Two locks: `changed` guards what is in memory and is never held while the record is written, so who
looks at the queue or ends a scan does not wait for a slow disk. `editing` lets one edit at a time
be written down.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError
from pybirch.queue.handles import ScanHandle
from pybirch.queue.notes import Notes
from pybirch.queue.terms import Terms
from pybirch.scan.scan import Scan
from pybirch.states import ScanState


class Places:
    """Adds, takes out and moves scans, and has each edit written down.

    Args:
        queue_id: for messages.
        notes: where edits are kept.
        admit: called before a scan takes its place; what it raises refuses the scan.

    Attributes:
        handles: the scans in order; changed under `changed` alone.
        changed: notified at every change; also guards the queue's state.
        editing: held while an edit is made and written down.
        is_running: whether a scan has been picked to run; set by the queue.
    """

    def __init__(self, queue_id: str, notes: Notes, admit: Callable[[Scan, int, Terms], None]) -> None:
        self.handles: list[ScanHandle] = []
        self.changed = threading.Condition(threading.RLock())
        self.is_running: Callable[[ScanHandle], bool] = lambda handle: False
        self._queue_id = queue_id
        self._notes = notes
        self._admit = admit
        self.editing = threading.RLock()

    def all(self) -> list[ScanHandle]:
        """In order."""
        with self.changed:
            return list(self.handles)

    def at(self, index: int, field: str = "index") -> ScanHandle:
        """The handle at `index`.

        Raises:
            NotFoundError: no such place; names `field`.
        """
        with self.changed:
            if not 0 <= index < len(self.handles):
                raise NotFoundError(
                    f"{field}: queue {self._queue_id} has {len(self.handles)} scans and no place {index}"
                )
            return self.handles[index]

    def of(self, scan_id: str) -> ScanHandle:
        """The handle of that scan.

        Raises:
            NotFoundError: it is not in this queue.
        """
        with self.changed:
            for handle in self.handles:
                if handle.scan_id == scan_id:
                    return handle
        raise NotFoundError(f"queue {self._queue_id} has no scan {scan_id!r}")

    def insert(self, scan: Scan, terms: Terms, behind: ScanHandle | None = None) -> ScanHandle:
        """Behind that one, or at the end.

        Raises:
            FieldError: it is no new scan, or is here already.
            ScanSettingsError: it could not run; names the field.
        """
        check_new(scan)
        with self.editing:
            self._check_other(scan)
            with self.changed:
                known = behind is not None and behind in self.handles
                position = self.handles.index(behind) + 1 if behind and known else len(self.handles)
            self._admit(scan, position, terms)
            added = ScanHandle(scan, terms)
            with self.changed:
                self.handles.insert(position, added)
                self.changed.notify_all()
        return added

    def remove(self, which: int | str) -> ScanHandle:
        """By place or scan_id.

        Raises:
            NotFoundError: it is not here.
            IllegalTransitionError: it is under way.
        """
        with self.editing:
            with self.changed:
                handle = self.at(which) if isinstance(which, int) else self.of(which)
                self._check_not_active(handle)
                self.handles.remove(handle)
                self.changed.notify_all()
            self._notes.keep("scan_removed", handle.scan)
        return handle

    def move(self, from_index: int, to_index: int) -> ScanHandle:
        """To another place; the handle that was moved.

        Raises:
            NotFoundError: no such place; names the argument.
        """
        with self.editing:
            with self.changed:
                moved = self.at(from_index, "from_index")
                self.at(to_index, "to_index")
                self.handles.insert(to_index, self.handles.pop(from_index))
                order = [handle.scan_id for handle in self.handles]
                self.changed.notify_all()
            self._notes.keep("order_changed", order)
        return moved

    def move_before(self, scan_id: str, before: str | None) -> None:
        """Before another scan; None: to the end.

        Raises:
            NotFoundError: one of them is not here.
        """
        with self.editing:
            with self.changed:
                handle = self.of(scan_id)
                if before == scan_id:
                    return
                at = None if before is None else self.of(before)
                self.handles.remove(handle)
                self.handles.insert(len(self.handles) if at is None else self.handles.index(at), handle)
                order = [handle.scan_id for handle in self.handles]
                self.changed.notify_all()
            self._notes.keep("order_changed", order)

    def set_terms(self, handle: ScanHandle, terms: Terms) -> None:
        """On other terms from now."""
        with self.editing:
            if terms == handle.terms:
                return
            with self.changed:
                handle.terms = terms
                self.changed.notify_all()
            self._notes.keep("terms_changed", handle.scan_id, terms.as_json())

    def replace(self, index: int, scan: Scan) -> None:
        """`scan` in the place of one that has not been started.

        Raises:
            IllegalTransitionError: the scan there is under way; nothing has changed.
        """
        check_new(scan)
        with self.editing:
            old = self.at(index)
            self._check_not_active(old)
            self._check_other(scan)
            self._admit(scan, index, old.terms)
            try:
                self._exchange(old, index, scan)
            except IllegalTransitionError:  # it began while the new one was written down
                self._notes.keep("scan_removed", scan)
                raise
            self._notes.keep("scan_removed", old.scan)

    def _exchange(self, old: ScanHandle, index: int, scan: Scan) -> None:
        with self.changed:
            self._check_not_active(old)
            self.handles[index] = ScanHandle(scan, old.terms)
            self.changed.notify_all()

    def _check_other(self, scan: Scan) -> None:
        with self.changed:
            if any(handle.scan_id == scan.scan_id for handle in self.handles):
                raise FieldError("scan", f"scan {scan.scan_id} is in queue {self._queue_id} already")

    def _check_not_active(self, handle: ScanHandle) -> None:
        if handle.is_active() or self.is_running(handle):
            raise IllegalTransitionError(f"scan {handle.scan_id} is under way; abort it first")


def check_new(scan: Scan) -> None:
    """Whether a queue may take `scan`.

    Raises:
        FieldError: it is no scan, or has been run.
        ScanSettingsError: it could not run; names the field.
    """
    if not isinstance(scan, Scan):
        raise FieldError("scan", f"must be a Scan, not {type(scan).__name__}")
    if scan.state is not ScanState.QUEUED:
        raise FieldError("scan", f"scan {scan.scan_id} is {scan.state}; a queue takes new scans only")
    scan.check()
