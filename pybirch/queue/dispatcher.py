"""Starts scans when their turn has come, a place is free and their instruments can be leased.

One thread picks, each scan runs in a thread of its own. Everything here happens under the queue's
condition `changed`, except running a scan.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pybirch.errors import IllegalTransitionError, PyBirchError
from pybirch.queue.handles import ScanHandle
from pybirch.queue.leases import Leases, lease_keys
from pybirch.queue.notes import Notes
from pybirch.queue.turns import Turns
from pybirch.scan.scan import Scan
from pybirch.states import ExecutionMode, QueueState, ScanState

log = logging.getLogger(__name__)

LOOK_AGAIN = 0.5
"""Seconds after which a queue that waits looks again: a scan may be due, or have been aborted directly."""

LEFT_OUT_LINES = 50


class Dispatcher:
    """Owns the threads of a queue.

    Args:
        queue_id: names the threads.
        handles: the queue's scans, in order; read under `changed`.
        changed: the queue's condition.
        leases: the book of instruments in use.
        notes: where starts and ends are written.
        places: how many may run side by side in parallel mode.
        on_change: called after the queue's state or counts changed.
        on_end: called after each end of a scan, before the next is picked.

    Attributes:
        parted: scans that ended without an instrument that hangs, and what hangs.
    """

    def __init__(
        self,
        queue_id: str,
        handles: Sequence[ScanHandle],
        changed: threading.Condition,
        leases: Leases,
        notes: Notes,
        places: int,
        on_change: Callable[[], None],
        on_end: Callable[[ScanHandle], None],
    ) -> None:
        self.state = QueueState.IDLE
        self.mode = ExecutionMode.SERIAL
        self.selected: set[str] | None = set()
        self._queue_id = queue_id
        self._handles = handles
        self._changed = changed
        self._leases = leases
        self._notes = notes
        self._places = places
        self._on_change = on_change
        self._on_end = on_end
        self._running: dict[str, ScanHandle] = {}
        self._awake = 0
        self.parted: dict[Scan, list[Any]] = {}

    def choose(self, scan_ids: set[str] | None) -> bool:
        """These scans, or all for None, are to run beside what runs; whether the queue begins with it.

        For a queue that is idle or running.
        """
        running = self.state is QueueState.RUNNING
        if running and scan_ids is not None:
            scan_ids = None if self.selected is None else scan_ids | self.selected
        self.selected = scan_ids
        self._changed.notify_all()
        self._ready()
        begins = not running and bool(self.waiting())
        if begins:
            self._launch()
        return begins

    def _launch(self) -> None:
        """No daemon, whoever starts it: the program's end waits until the instruments are safe."""
        thread = threading.Thread(target=self._dispatch, name=f"queue {self._queue_id}", daemon=False)
        before, self.state = self.state, QueueState.RUNNING
        self._leases.listen(self.wake)
        try:
            thread.start()
        except RuntimeError:  # the system has no thread for us
            self._leases.forget(self.wake)
            self.state = before
            raise

    @contextmanager
    def kept_awake(self) -> Iterator[None]:
        """Meanwhile the queue does not come to rest: what is done now may add to it."""
        with self._changed:
            self._awake += 1
        try:
            yield
        finally:
            with self._changed:
                self._awake -= 1
                self._changed.notify_all()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def is_running(self, handle: ScanHandle) -> bool:
        return handle.scan_id in self._running

    def include(self, scan_id: str) -> None:
        """A scan that was queued by the queue itself is to run too."""
        with self._changed:
            if self.selected is not None:
                self.selected.add(scan_id)

    def waiting(self) -> list[ScanHandle]:
        """Scans that are to run, will some time, and have not begun; in turn."""
        return self._turns().in_turn()

    def _turns(self) -> Turns:
        wanted = {
            handle.scan_id
            for handle in self._handles
            if handle.scan.is_waiting
            and handle.scan_id not in self._running
            and (self.selected is None or handle.scan_id in self.selected)
        }
        return Turns(self._handles, wanted, self._running)

    def _ready(self) -> list[ScanHandle]:
        """Those whose turn it is; the others are told what they wait for in the queue."""
        turns, now = self._turns(), datetime.now(UTC)
        ready = turns.ready(now)
        for handle in turns.held_back(ready):
            handle.scan.remark(turns.why_not(handle))
        return ready

    def each(self, wish: Callable[[ScanHandle], None]) -> None:
        """Make a wish to every scan under way; one that cannot take it now is left alone."""
        for handle in tuple(self._running.values()):
            try:
                wish(handle)
            except PyBirchError as refused:  # it ended, or has not come that far, between two looks
                log.debug("%s", refused)

    def all_under_way(self, are: Callable[[ScanHandle], bool]) -> bool:
        """Whether it is true of every scan under way."""
        return all(are(handle) for handle in tuple(self._running.values()))

    def _dispatch(self) -> None:
        while (handle := self._take_next()) is not None:
            name = f"scan {handle.scan_id}"
            try:
                threading.Thread(target=self._run, args=(handle,), name=name, daemon=False).start()
            except RuntimeError as error:  # the system has no thread for it
                self._notes.write("ERROR", f"{handle.scan.settings.scan_name}: {error}", handle.scan)
                self._run(handle)

    def _take_next(self) -> ScanHandle | None:
        """Wait for the next scan that may start; None when the queue has come to rest."""
        with self._changed:
            while (handle := self._startable()) is None:
                if (
                    not self._running
                    and not self._awake
                    and (self.state is QueueState.STOPPING or not self.waiting())
                ):
                    self._come_to_rest()
                    return None
                self._changed.wait(LOOK_AGAIN)
            self._running[handle.scan_id] = handle
            return handle

    def _come_to_rest(self) -> None:
        self._leases.forget(self.wake)
        self.state = QueueState.IDLE
        self.selected = set()
        self._notes.write("INFO", "queue idle")
        self._on_change()
        self._changed.notify_all()

    def _startable(self) -> ScanHandle | None:
        places = 1 if self.mode is ExecutionMode.SERIAL else self._places
        if self.state is not QueueState.RUNNING or len(self._running) >= places:
            return None
        ready = self._ready()
        for handle in ready[:1] if self.mode is ExecutionMode.SERIAL else ready:
            keys = lease_keys(handle.scan.instruments)
            if not self._leases.take(keys, self._holder(handle), self._label(handle)):
                handle.scan.remark(self._why_it_waits(handle))
            else:
                handle.scan.remark(None)
                try:
                    handle.scan.take()
                except IllegalTransitionError:  # aborted, or run by somebody else, between two looks
                    self._leases.release(self._holder(handle), tell=False)  # others' locks are not ours
                else:
                    return handle
        return None

    def _holder(self, handle: ScanHandle) -> str:
        return f"{self._queue_id}/{handle.scan_id}"

    def _label(self, handle: ScanHandle) -> str:
        return f"{handle.scan.settings.scan_name} in queue {self._queue_id}"

    def _why_it_waits(self, handle: ScanHandle) -> str | None:
        """Which of its instruments are in use, and by whom."""
        used: dict[str, list[str]] = {}
        for instrument in handle.scan.instruments:
            for key in lease_keys([instrument]):
                if (label := self._leases.label_of(key)) is not None:
                    use = f"has hung since {label}" if self._leases.has_hung(key) else f"{label} uses"
                    used.setdefault(use, []).append(instrument.name)
        told = [f"{', '.join(names)}, which {use}" for use, names in used.items()]
        return f"waits for {'; and for '.join(told)}" if told else None

    def _run(self, handle: ScanHandle) -> None:
        scan = handle.scan
        name = scan.settings.scan_name
        begins = "goes on" if scan.state is ScanState.INTERRUPTED else "started"
        self._notes.write("INFO", f"{name} {begins}", scan)
        scan.flagged = lambda text: self._note_left_out(handle, text)
        scan.parted = lambda: self._part(handle, scan)
        self._on_change()
        try:
            scan.run()
            sound = scan.state is ScanState.COMPLETED and scan.settings.scan_tree and not scan.left_out
            level = "INFO" if sound else "WARNING"
            told = f"{scan.state}, {scan.points_done} points"
            self._notes.write(level, f"{name} {told}{f' ({scan.message})' if scan.message else ''}", scan)
        except BaseException as error:  # SystemExit too: this thread ends here anyway
            log.debug("scan %s failed", scan.scan_id, exc_info=True)
            if scan not in self.parted:
                self._notes.write("ERROR", f"{name} failed: {error}", scan)
        finally:
            if scan in self.parted:
                self._rejoin(handle, scan)
            else:
                self._leases.release(self._holder(handle))
                self._is_over(handle)

    def _is_over(self, handle: ScanHandle) -> None:
        self._on_end(handle)
        with self._changed:
            del self._running[handle.scan_id]
            self._changed.notify_all()
        self._on_change()

    def _part(self, handle: ScanHandle, scan: Scan) -> None:
        """An instrument hangs; its scan has ended, the scan's thread has not: go on without both."""
        with self._changed:
            self.parted[scan] = list(scan.hung)
        self._notes.write("ERROR", f"{scan.settings.scan_name} failed: {scan.error}", scan)
        self._leases.keep_hung(lease_keys(scan.hung), self._holder(handle))
        self._is_over(handle)

    def _rejoin(self, handle: ScanHandle, scan: Scan) -> None:
        """The thread has come back, and has made safe what it hung in."""
        with self._changed:
            names = ", ".join(one.name for one in self.parted.pop(scan))
        if names:
            self._notes.write("WARNING", f"{names} came back after {scan.settings.scan_name} had ended", scan)
        self._leases.release_hung(self._holder(handle))

    def _note_left_out(self, handle: ScanHandle, text: str) -> None:
        """The first of them each in a line of its own; the end of the scan tells how many there were."""
        if handle.scan.left_out <= LEFT_OUT_LINES:
            self._notes.write("WARNING", f"{handle.scan.settings.scan_name}: {text}", handle.scan)
