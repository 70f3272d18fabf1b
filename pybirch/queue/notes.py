"""What a queue writes down and tells: to its extensions first, then to everybody."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from pybirch.events import Event, EventBus, QueueLog, QueueStatus
from pybirch.queue.handles import LogEntry, entry
from pybirch.queue.journal import QueueExtension
from pybirch.scan.scan import Scan

log = logging.getLogger(__name__)

LINES_KEPT = 10_000


class Notes:
    """The log of one queue, and its voice.

    Args:
        queue_id: whose notes these are.
        bus: where everybody listens.
        extensions: keep what is told before anybody hears it.
    """

    def __init__(self, queue_id: str, bus: EventBus, extensions: Sequence[QueueExtension]) -> None:
        self.lines: deque[LogEntry] = deque(maxlen=LINES_KEPT)
        self._queue_id = queue_id
        self._bus = bus
        self._extensions = extensions

    def write(self, level: str, message: str, scan: Scan | None = None) -> None:
        """One line of the log."""
        line = entry(level, message, scan)
        self.lines.append(line)
        self.keep_and_tell(
            "save_log",
            QueueLog(
                queue_id=self._queue_id,
                level=level,
                message=message,
                scan_id=line.scan_id,
                timestamp=line.timestamp,
            ),
        )

    def status(self, status: QueueStatus) -> None:
        self.keep_and_tell("save_status", status)

    def keep_and_tell(self, hook: str, event: Event) -> None:
        self.keep(hook, event)
        self._bus.publish(event)

    def keep(self, hook: str, *args: Any) -> None:
        """Call every extension's hook; what one raises is logged and stops no other."""
        for extension in tuple(self._extensions):
            try:
                getattr(extension, hook)(*args)
            except Exception:
                log.exception("queue %s: %s.%s failed", self._queue_id, type(extension).__name__, hook)
