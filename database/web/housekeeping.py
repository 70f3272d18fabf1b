"""The one thread that looks, four times a second, at what nobody sends: silence and overfull queues."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

INTERVAL = 0.25


class Housekeeping:
    """Calls each chore in turn, again and again, until closed; what a chore raises is logged."""

    def __init__(
        self, chores: Sequence[Callable[[], object]], interval: float = INTERVAL, name: str = "housekeeping"
    ) -> None:
        self._name = name
        self._chores = tuple(chores)
        self._interval = interval
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(self._interval):
            for chore in self._chores:
                try:
                    chore()
                except Exception:
                    log.exception("%s failed", getattr(chore, "__qualname__", chore))

    def close(self) -> None:
        """End the thread; harmless when called twice."""
        self._end.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2.0)
