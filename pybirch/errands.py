"""Calls done in order by a thread of their own, for those who must not wait for them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

Errand = Callable[[], object]


class Errands:
    """Does errands one after the other; what one raises is logged and stops no other.

    The thread begins with the first errand and ends when none is left; a program that ends waits
    for it.

    Args:
        name: of the thread, and in the log.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: deque[tuple[str | None, Errand]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, errand: Errand, key: str | None = None) -> None:
        """Have it done; returns at once.

        Args:
            key: while an errand with this key waits, another is not added.
        """
        with self._changed:
            if key is not None and any(key == other for other, _ in self._waiting):
                return
            self._waiting.append((key, errand))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name)
                self._thread.start()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all is done; False when `timeout` (s) ran out, or for an errand itself."""
        if threading.current_thread() is self._thread:
            return False
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, timeout)

    def _run(self) -> None:
        while (errand := self._next()) is not None:
            try:
                errand()
            except Exception:
                log.exception("%s failed", self._name)

    def _next(self) -> Errand | None:
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()[1]
            self._thread = None
            self._changed.notify_all()
            return None
