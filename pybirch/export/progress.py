"""How far an export is."""

from __future__ import annotations

from collections.abc import Callable

from pybirch.errors import PyBirchError

Tell = Callable[[float], None]
"""Hears 0 to 1; what it raises ends the export, and no file is left."""


class ExportCancelledError(PyBirchError):
    """Somebody ended the export; there is no file."""


class Progress:
    """Counts what is done of a whole.

    Args:
        total: what there is to do.
        tell: hears the share that is done, never less than before.
    """

    def __init__(self, total: float, tell: Tell | None = None) -> None:
        self._total = max(total, 1)
        self._done = 0.0
        self._tell = tell

    def add(self, done: float) -> None:
        self._done += done
        if self._tell is not None:
            self._tell(min(1.0, self._done / self._total))

    def finish(self) -> None:
        self.add(max(0.0, self._total - self._done))
