"""What a queue writes down and tells: to its extensions first, then to everybody.

A thread of its own writes, in order, and ends when nothing is left, so that who pauses or aborts
never waits for the record, however slow that is.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from pybirch.errands import Errands
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
        self._errands = Errands(f"notes of {queue_id}")
        self._writing = threading.Lock()

    def write(self, level: str, message: str, scan: Scan | None = None) -> None:
        """One line of the log; returns at once."""
        with self._writing:  # two who write at once are heard in the order in which they stand
            line = entry(level, message, scan)
            self.lines.append(line)
            event = QueueLog(
                queue_id=self._queue_id,
                level=level,
                message=message,
                scan_id=line.scan_id,
                timestamp=line.timestamp,
            )
            self._line_up("save_log", event)

    def status(self, status: QueueStatus) -> None:
        """The queue's state; returns at once."""
        self._line_up("save_status", status)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all is written and told; False when `timeout` (s) ran out, or for the writer itself."""
        return self._errands.flush(timeout)

    def keep(self, hook: str, *args: Any) -> None:
        """Call every extension's hook now; what one raises is logged and stops no other."""
        for extension in tuple(self._extensions):
            try:
                getattr(extension, hook)(*args)
            except Exception:
                log.exception("queue %s: %s.%s failed", self._queue_id, type(extension).__name__, hook)

    def later(self, errand: Callable[[], object]) -> None:
        """Do it in turn with the lines of the log, without keeping the caller waiting."""
        self._errands.add(errand)

    def _line_up(self, hook: str, event: Event) -> None:
        self._errands.add(lambda: self._keep_and_tell(hook, event))

    def _keep_and_tell(self, hook: str, event: Event) -> None:
        self.keep(hook, event)
        self._bus.publish(event)


def by_whom(by: str, why: str = "") -> str:
    """Who and why, to be put behind what was done."""
    return f"{f' by {by}' if by else ''}{f': {why}' if why else ''}"
