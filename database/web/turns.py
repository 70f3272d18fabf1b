"""Large answers are made few at a time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.exceptions import ServiceUnavailable

AT_ONCE = 3
EACH = 2
"""Of one person, so that nobody keeps the others waiting for long."""
PATIENCE = 5.0
"""Seconds somebody waits for a turn."""


class Turns:
    """So many at a time, and of one person fewer. Thread-safe."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._changed = threading.Condition()

    @contextmanager
    def one(self, person: str) -> Iterator[None]:
        """A turn, as soon as there is one.

        Raises:
            ServiceUnavailable: it would have been too long a wait.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(person), PATIENCE):
                raise ServiceUnavailable("Much is asked for just now. Ask again in a moment.", retry_after=2)
            self._under_way[person] += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= Counter({person: 1})
                self._changed.notify_all()

    def _is_free(self, person: str) -> bool:
        return self._under_way.total() < AT_ONCE and self._under_way[person] < EACH
