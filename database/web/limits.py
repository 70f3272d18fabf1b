"""How often somebody may try to sign in."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

WINDOW = 60.0


class RateLimit:
    """Counts attempts per key in a sliding minute; one that succeeds is given back.

    An attempt counts from its beginning, so that many at once are no way around the limit.

    Args:
        most: attempts allowed within `window` seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self, most: int, window: float = WINDOW, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._window = window
        self._clock = clock
        self._attempts: dict[str, deque[float]] = defaultdict(deque)
        self._purge_at = clock() + window
        self._lock = threading.Lock()

    def take(self, key: str) -> bool:
        """Count an attempt, if one more is allowed."""
        with self._lock:
            self._forget_old()
            if len(self._recent(key)) >= self._most:
                return False
            self._attempts[key].append(self._clock())
            return True

    def give_back(self, key: str) -> None:
        """The newest attempt was none."""
        with self._lock:
            if attempts := self._recent(key):
                attempts.pop()

    def forget(self, key: str) -> None:
        """The right one came: what was before was a slip."""
        with self._lock:
            self._attempts.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        attempts = self._attempts.get(key, deque())
        while attempts and attempts[0] <= self._clock() - self._window:
            attempts.popleft()
        if not attempts:
            self._attempts.pop(key, None)
        return attempts

    def _forget_old(self) -> None:
        """Once in a window, so that nobody is remembered for longer than two."""
        if self._clock() < self._purge_at:
            return
        self._purge_at = self._clock() + self._window
        for key in list(self._attempts):
            self._recent(key)
