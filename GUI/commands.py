"""Commands of people to the lab: made in a worker, answered by signal."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal  # pyright: ignore[reportPrivateImportUsage]

from GUI.lab import Lab
from GUI.work import Work

UNDER_WAY = {
    "start": "Starting …",
    "pause": "Pausing …",
    "resume": "Resuming …",
    "abort": "Aborting …",
    "stop": "Stopping …",
    "restart": "Queueing …",
    "leave": "Leaving …",
}


class Commands(QObject):
    """`began` and `ended` carry (action, queue or scan id); `ended` the refusal, if there is one."""

    began = Signal(str, str)
    ended = Signal(str, str, str)
    stop_ended = Signal(str)

    def __init__(self, lab: Lab, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lab = lab
        self._work = Work(1)
        self._emergency = Work(1)

    def ask(self, action: str, queue_id: str | None = None, scan_id: str | None = None) -> None:
        """Ask a scan, or a queue when no scan is named, for `action`."""
        whom = scan_id or queue_id or ""
        self.began.emit(action, whom)
        self._work.call(
            lambda: self._lab.command(action, queue_id, scan_id),
            lambda _: self.ended.emit(action, whom, ""),
            lambda sentence: self.ended.emit(action, whom, sentence),
        )

    def stop_everything(self) -> None:
        """On a road of its own: it waits for no other command."""
        self._emergency.call(
            self._lab.stop_everything,
            lambda _: self.stop_ended.emit(""),
            lambda text: self.stop_ended.emit(text),
        )

    def close(self) -> None:
        self._work.close()
        self._emergency.close()
