"""What scans say while their readings cannot go where they belong."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace

from pybirch.errors import IllegalTransitionError
from pybirch.events import ScanStatus, utc_now
from pybirch.scan.outlet import Pace
from pybirch.scan.scan import Scan
from pybirch.states import ScanState, Wish

NEW_NUMBERS = 1.0
"""Seconds between two sentences that differ in their numbers."""
LOOK_AGAIN = 0.5
"""Seconds between two looks whether there is room again."""


class Said(str):
    """A sentence that holds for a while, for those who watch; no record keeps it."""

    __slots__ = ()


def without_own_words(status: ScanStatus) -> ScanStatus:
    """The status as a record is to keep it."""
    return replace(status, message=None) if isinstance(status.message, Said) else status


class Telling:
    """Puts sentences on scans, and takes back only its own.

    Args:
        waiting: scan_id -> how many of its readings wait.
        wrong: what is wrong, in words.
    """

    def __init__(self, waiting: Callable[[str], int], wrong: Callable[[], str]) -> None:
        self._waiting, self._wrong = waiting, wrong
        self._scans: weakref.WeakValueDictionary[str, Scan] = weakref.WeakValueDictionary()
        self._said: dict[str, str] = {}
        self._held: set[str] = set()
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._pace = Pace(NEW_NUMBERS)

    @property
    def has_said(self) -> bool:
        """Whether something is to be taken back; waits for who is just about to say it."""
        with self._turn, self._lock:
            return bool(self._said)

    def watch(self, scan_id: str, scan: Scan) -> None:
        """`scan_id` is that of its record."""
        with self._lock:
            self._scans[scan_id] = scan

    def tell(self, *, at_once: bool = False) -> None:
        """Say of each scan under way how many of its readings wait, and what is wrong; nothing of others.

        Its first sentence and the end of it are told at once, new numbers once a second.
        """
        with self._turn:  # who looked first also speaks first
            with self._lock:
                scans = dict(self._scans)
                self._said = {scan_id: text for scan_id, text in self._said.items() if scan_id in scans}
                waiting = {scan_id: scan for scan_id, scan in scans.items() if scan_id not in self._held}
            renew = self._pace.due() or at_once
            for scan_id, scan in waiting.items():
                count = self._waiting(scan_id)
                if not count:
                    self._unsay(scan_id, scan)
                elif renew or scan_id not in self._said:
                    text = f"{self._wrong()}; {count:,} readings are kept here and will be sent"
                    self._say(scan_id, scan, text)

    def hold(self, scan_id: str, text: str) -> bool:
        """Pause the scan, show why, and let a moment pass; False if the scan is not there or is to end.

        The record can take neither the pause nor the reason, so they are shown at once, and the reason
        stays until `let_go`.
        """
        with self._lock:
            scan = self._scans.get(scan_id)
        if scan is None or scan.state.is_finished or scan.requested is Wish.ABORT:
            self.let_go(scan_id)
            return False
        with self._turn, self._lock:
            self._held.add(scan_id)
        if scan.state is ScanState.RUNNING and scan.requested is None:
            with contextlib.suppress(IllegalTransitionError):
                scan.pause()
        self._say(scan_id, scan, text)
        before = scan.state, scan.requested
        scan.wait_for(lambda one: (one.state, one.requested) != before, LOOK_AGAIN)
        self._show(scan)
        if scan.requested is Wish.ABORT:
            self.let_go(scan_id)
            return False
        return True

    def let_go(self, scan_id: str) -> None:
        """What was to be kept of the scan is kept, or never will be: the reason holds no more."""
        with self._lock:
            was_held = scan_id in self._held
            self._held.discard(scan_id)
        if was_held:
            self.tell(at_once=True)

    def _say(self, scan_id: str, scan: Scan, text: str) -> None:
        with self._lock:
            if scan.state.is_finished or self._said.get(scan_id) == text:
                return
            self._said[scan_id] = said = Said(text)
        scan.say(said, "record")
        self._show(scan)

    def _unsay(self, scan_id: str, scan: Scan) -> None:
        with self._lock:
            said = self._said.pop(scan_id, None)
        if said is None:
            return
        scan.say(None, "record")
        if scan.state.is_finished:
            self._show(scan)

    def _show(self, scan: Scan) -> None:
        if scan.bus is not None:
            scan.bus.publish(replace(scan.status(), timestamp=utc_now()))
