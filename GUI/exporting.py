"""Scans written as files: in a worker, with progress by signal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from qtpy.QtCore import QObject, Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtWidgets import QFileDialog, QWidget

from GUI.lab import Lab
from GUI.work import Work
from pybirch.export import FORMATS, export
from pybirch.export.formats import ZIP, Format
from pybirch.export.names import file_name
from pybirch.export.progress import ExportCancelledError

Choose = Callable[[QWidget, str], "tuple[str, str]"]
"""Asks where to; gives path and format, empty where nothing was chosen."""


class Exports(QObject):
    """One export at a time. `progressed` carries its share in percent; `ended` a sentence, and whether it is
    a refusal; an empty one where it was cancelled."""

    progressed = Signal(int)
    ended = Signal(str, bool)

    def __init__(self, lab: Lab, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lab = lab
        self._work = Work(1)
        self._cancelled = threading.Event()
        self.is_busy = False

    def start(self, scan_id: str, path: str, format: str) -> None:
        """Write the scan to `path`; the readings are read in the worker, too."""
        self._cancelled.clear()
        self.is_busy = True
        self.progressed.emit(0)

        def write() -> Path:
            return export(self._lab.data(scan_id), path, format, progress=self._tell)

        self._work.call(write, lambda file: self._end(f"Written to {file}."), self._refused)

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self.cancel()
        self._work.close()

    def _tell(self, share: float) -> None:
        if self._cancelled.is_set():
            raise ExportCancelledError("The export was cancelled.")
        self.progressed.emit(int(share * 100))

    def _refused(self, why: str) -> None:
        self._end("" if self._cancelled.is_set() else why, refused=True)

    def _end(self, sentence: str, *, refused: bool = False) -> None:
        self.is_busy = False
        self.ended.emit(sentence, refused)


def choose_file(parent: QWidget, name: str) -> tuple[str, str]:
    """Ask for a file; its format is that of the kind chosen."""
    kinds = {kind_of(format): format for format in FORMATS.values()}
    path, kind = QFileDialog.getSaveFileName(
        parent, "Export", file_name(name, suffix=FORMATS["csv"].suffix), ";;".join(kinds)
    )
    return with_suffix(path, kinds[kind]) if path else ("", "")


def kind_of(format: Format) -> str:
    """A format as file dialogs list it."""
    suffixes = (*format.suffixes, ZIP) if format.one_measurement else format.suffixes
    return f"{format.title}: {format.words} ({' '.join('*' + suffix for suffix in suffixes)})"


def with_suffix(path: str, format: Format) -> tuple[str, str]:
    """The path with the format's suffix, unless it has one that it understands; and the format's name."""
    file = Path(path)
    known = (*format.suffixes, ZIP) if format.one_measurement else format.suffixes
    if file.suffix.lower() not in known:
        others = {suffix for each in FORMATS.values() for suffix in each.suffixes}
        stem = file.with_suffix("") if file.suffix.lower() in others else file
        file = stem.with_name(stem.name + format.suffix)
    return str(file), format.name
