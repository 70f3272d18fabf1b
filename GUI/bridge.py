"""The one road from the lab's threads to the window's: a single Qt signal.

Observers of a bus run in threads of their own. They put events down here; the signal wakes the GUI's
thread, which takes what has come, at most once per frame.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from qtpy.QtCore import QObject, QThread, QTimer, Signal, Slot  # pyright: ignore[reportPrivateImportUsage]

from pybirch.events import Event, EventBus

FRAME_MS = 33


class BusBridge(QObject):
    """Hands the events of a bus to `handle` in the thread in which the bridge was made.

    Args:
        bus: what to listen to.
        handle: is called with everything new, 30 times a second at most.
    """

    arrived = Signal()

    def __init__(self, bus: EventBus, handle: Callable[[list[Event]], None], parent: QObject | None = None):
        super().__init__(parent)
        self._bus = bus
        self._handle = handle
        self._waiting: deque[Event] = deque()
        self._told = False
        self._lock = threading.Lock()
        self._frame = QTimer(self)
        self._frame.setSingleShot(True)
        self._frame.setInterval(FRAME_MS)
        self._frame.timeout.connect(self.take)
        self.arrived.connect(self._wake)
        self._subscription = bus.subscribe(self._put, limit=10_000, name="window")

    def _put(self, event: Event) -> None:
        """In the observer's thread."""
        with self._lock:
            self._waiting.append(event)
            tell, self._told = not self._told, True
        if tell:
            self.arrived.emit()

    @Slot()
    def _wake(self) -> None:
        if not self._frame.isActive():
            self._frame.start()

    @Slot()
    def take(self) -> None:
        """Handle what has come so far, in the bridge's own thread."""
        assert QThread.currentThread() is self.thread()
        with self._lock:
            events, self._told = list(self._waiting), False
            self._waiting.clear()
        if events:
            self._handle(events)

    def close(self) -> None:
        """Listen no more."""
        self._bus.unsubscribe(self._subscription)
        self._frame.stop()
        with self._lock:
            self._waiting.clear()
