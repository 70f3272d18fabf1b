"""Attaching the window's own queues to a server, off the GUI's thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QObject, Signal  # pyright: ignore[reportPrivateImportUsage]

from GUI.work import Work


class Attachment(QObject):
    """`url` of the server attached to, empty if none."""

    changed = Signal()
    failed = Signal(str)

    def __init__(self, queues: Sequence[Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queues = tuple(queues)
        self._bridges: list[Any] = []
        self._work = Work(1)
        self.url = ""
        self.busy = False

    def attach(self, url: str | None, token: str | None) -> None:
        """Attach; without `url`, to the server of this folder. Harmless when attached already."""
        if self.url or self.busy or not self._queues:
            return
        self._begin()
        self._work.call(lambda: self._attach(url, token), self._attached, self._refused)

    def detach(self) -> None:
        if self.url and not self.busy:
            self._begin()
            self._work.call(self._detach, lambda _: self._attached(""), self._refused)

    def close(self) -> None:
        """Detach and wait for it."""
        self._work.call(self._detach)
        self._work.finish()

    def _begin(self) -> None:
        self.busy = True
        self.changed.emit()

    def _attach(self, url: str | None, token: str | None) -> str:
        """In a worker: it waits for the server."""
        from pybirch.database_integration import setup_websocket_integration
        from pybirch.database_integration.sync.discovery import find_server

        if url is None:
            url, found = find_server()
            token = token or found
        try:
            for queue in self._queues:
                self._bridges.append(setup_websocket_integration(queue, server_url=url, token=token))
        except BaseException:
            self._detach()
            raise
        return url

    def _detach(self) -> None:
        while self._bridges:
            self._bridges.pop().unregister()

    def _attached(self, url: str) -> None:
        self.url, self.busy = url, False
        self.changed.emit()

    def _refused(self, sentence: str) -> None:
        self.busy = False
        self.changed.emit()
        self.failed.emit(sentence)
