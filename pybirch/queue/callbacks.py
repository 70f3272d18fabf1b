"""Callbacks of a queue: an observer that turns events into plain calls."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from pybirch.events import EventBus, QueueLog, ScanStatus, Subscription
from pybirch.queue.handles import LogEntry
from pybirch.states import ScanState

log = logging.getLogger(__name__)

LogCallback = Callable[[LogEntry], None]
StateCallback = Callable[[str, ScanState], None]
ProgressCallback = Callable[[str, float], None]


class Callbacks:
    """Calls back from a thread of its own, so callbacks may take their time and call the queue."""

    def __init__(self, bus: EventBus, queue_id: str, name_of: Callable[[str], str | None]) -> None:
        self.on_log: list[LogCallback] = []
        self.on_state: list[StateCallback] = []
        self.on_progress: list[ProgressCallback] = []
        self._bus = bus
        self._queue_id = queue_id
        self._name_of = name_of
        self._told: dict[str, tuple[ScanState, float | None]] = {}
        self._subscription: Subscription | None = None
        self._lock = threading.Lock()

    def add(self, where: list[Any], callback: Any) -> None:
        with self._lock:
            if callback not in where:
                where.append(callback)
            if self._subscription is None:
                self._subscription = self._bus.subscribe(
                    self._hear, kinds=(QueueLog, ScanStatus), name=f"callbacks {self._queue_id}"
                )

    def remove(self, where: list[Any], callback: Any) -> None:
        with self._lock:
            if callback in where:
                where.remove(callback)
            empty = not (self.on_log or self.on_state or self.on_progress)
            subscription = self._subscription if empty else None
            if empty:
                self._subscription = None
        if subscription is not None:
            self._bus.unsubscribe(subscription)

    def _hear(self, event: QueueLog | ScanStatus) -> None:
        if isinstance(event, QueueLog):
            if event.queue_id == self._queue_id:
                self._log(event)
        elif self._name_of(event.scan_id) is not None:
            self._status(event)

    def _log(self, line: QueueLog) -> None:
        name = self._name_of(line.scan_id) if line.scan_id else None
        entry = LogEntry(line.timestamp, line.scan_id, name, line.level, line.message)
        for callback in tuple(self.on_log):
            self._call(callback, entry)

    def _status(self, status: ScanStatus) -> None:
        state, progress = self._told.get(status.scan_id, (None, None))
        self._told[status.scan_id] = (status.status, status.progress)
        if status.status is not state:
            for callback in tuple(self.on_state):
                self._call(callback, status.scan_id, status.status)
        if status.progress is not None and status.progress != progress:
            for callback in tuple(self.on_progress):
                self._call(callback, status.scan_id, status.progress)

    def _call(self, callback: Callable[..., None], *args: Any) -> None:
        try:
            callback(*args)
        except Exception:
            log.exception("queue %s: a callback failed", self._queue_id)


class CallbackMethods:
    """The methods by which a queue takes callbacks."""

    _callbacks: Callbacks

    def add_log_callback(self, callback: LogCallback) -> None:
        """Call `callback(LogEntry)` for every log line; it may call the queue."""
        self._callbacks.add(self._callbacks.on_log, callback)

    def remove_log_callback(self, callback: LogCallback) -> None:
        self._callbacks.remove(self._callbacks.on_log, callback)

    def add_state_callback(self, callback: StateCallback) -> None:
        """Call `callback(scan_id, ScanState)` at every change of state; it may call the queue."""
        self._callbacks.add(self._callbacks.on_state, callback)

    def remove_state_callback(self, callback: StateCallback) -> None:
        self._callbacks.remove(self._callbacks.on_state, callback)

    def add_progress_callback(self, callback: ProgressCallback) -> None:
        """Call `callback(scan_id, progress)` as scans go on; it may call the queue."""
        self._callbacks.add(self._callbacks.on_progress, callback)

    def remove_progress_callback(self, callback: ProgressCallback) -> None:
        self._callbacks.remove(self._callbacks.on_progress, callback)
