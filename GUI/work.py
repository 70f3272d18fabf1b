"""Calls that may wait are made in worker threads; their answers come back by signal."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import (
    QObject,
    QRunnable,
    QThreadPool,
    Signal,  # pyright: ignore[reportPrivateImportUsage]
    Slot,  # pyright: ignore[reportPrivateImportUsage]
)

from pybirch.errors import PyBirchError

log = logging.getLogger(__name__)

Call = Callable[[], Any]
Done = Callable[[Any], None]


class Work(QObject):
    """Makes calls one after the other, or a few side by side, off the GUI's thread.

    Args:
        threads: how many calls at a time; 1 keeps their order.
    """

    _answered = Signal(object)

    def __init__(self, threads: int = 1, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(threads)
        self._pool.setExpiryTimeout(5_000)
        self._closed = False
        self._answered.connect(self._deliver)

    def call(self, what: Call, done: Done | None = None, failed: Callable[[str], None] | None = None) -> None:
        """Call `what` in a worker; then `done(result)` or `failed(sentence)` in the GUI's thread."""
        if not self._closed:
            self._pool.start(_Errand(what, done, failed, self._answered.emit))

    @Slot(object)
    def _deliver(self, answer: Call) -> None:
        if not self._closed:
            answer()

    def finish(self, timeout_ms: int = 10_000) -> None:
        """Wait until every call was made; their answers are not delivered any more."""
        self._closed = True
        self._pool.waitForDone(timeout_ms)

    def close(self, timeout_ms: int = 10_000) -> None:
        """Wait for the calls under way; their answers are not delivered any more."""
        self._pool.clear()
        self.finish(timeout_ms)


class _Errand(QRunnable):
    def __init__(self, what: Call, done: Done | None, failed: Done | None, emit: Done) -> None:
        super().__init__()
        self._what, self._done, self._failed, self._emit = what, done, failed, emit

    def run(self) -> None:
        try:
            result = self._what()
        except Exception as error:
            if not isinstance(error, PyBirchError):
                log.exception("a call from the window failed")
            text = str(error) or type(error).__name__
            if self._failed is not None:
                self._emit(lambda: self._failed(text))  # type: ignore[misc]
            return
        if self._done is not None:
            self._emit(lambda: self._done(result))  # type: ignore[misc]
