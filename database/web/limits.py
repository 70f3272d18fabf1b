"""How often somebody may try to sign in."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

WINDOW = 60.0
MOST_KEYS = 10_000


class RateLimit:
    """Counts failures per key in a sliding minute.

    Args:
        most: failures allowed within `window` seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self, most: int, window: float = WINDOW, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._window = window
        self._clock = clock
        self._failures: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def allows(self, key: str) -> bool:
        with self._lock:
            return len(self._recent(key)) < self._most

    def failed(self, key: str) -> None:
        with self._lock:
            if len(self._failures) > MOST_KEYS:
                self._forget_old()
            self._failures[key].append(self._clock())

    def succeeded(self, key: str) -> None:
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= self._clock() - self._window:
            failures.popleft()
        if not failures:
            self._failures.pop(key, None)
        return failures

    def _forget_old(self) -> None:
        for key in list(self._failures):
            self._recent(key)
