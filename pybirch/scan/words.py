"""What is said of a scan at the moment: several may speak, and each takes back only its own."""

from __future__ import annotations

import threading


class Words:
    """One sentence a speaker; the one who began last is heard. Thread-safe."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def heard(self) -> str | None:
        return next(reversed(self._said.values()), None)

    def say(self, text: str | None, by: str) -> bool:
        """The speaker's sentence in the place of its last, or none; whether something else is heard now."""
        with self._lock:
            before, said = self.heard, dict(self._said)
            if text is None:
                said.pop(by, None)
            else:
                said[by] = text
            self._said = said
            return self.heard != before
