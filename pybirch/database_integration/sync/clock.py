"""The server's clock as a station knows it, from the answers to its heartbeats."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class ServerClock:
    """Learns how far the server's clock is from this computer's, to half a round trip.

    After Cristian, Probabilistic clock synchronization, Distributed Computing 3 (1989): of all
    answers the one with the shortest round trip says it best.

    Args:
        now: seconds since 1970 here.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._offset: float | None = None
        self._doubt = 0.0
        self._lock = threading.Lock()

    def learn(self, sent: float, server_time: float) -> None:
        """An answer has come to what was sent at `sent` (s, here), at `server_time` (s, there)."""
        received = self._now()
        doubt = max(0.0, received - sent) / 2
        offset = server_time - (sent + received) / 2
        with self._lock:
            if self._offset is None or doubt <= self._doubt or self._was_set_anew(offset, doubt):
                self._offset, self._doubt = offset, doubt

    def _was_set_anew(self, offset: float, doubt: float) -> bool:
        """Whether one of the clocks has been put forward or back since."""
        return self._offset is not None and abs(offset - self._offset) > doubt + self._doubt

    def forget(self) -> None:
        """A new connection, perhaps to another server."""
        with self._lock:
            self._offset = None

    def is_past(self, moment: float) -> bool:
        """Whether `moment` (s, there) has surely passed; False while the server's clock is unknown."""
        with self._lock:
            if self._offset is None:
                return False
            return self._now() + self._offset - self._doubt > moment
