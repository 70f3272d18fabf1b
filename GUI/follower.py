"""Follows one scan: its earlier readings from the record, the new ones from the bus, joined by index."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal  # pyright: ignore[reportPrivateImportUsage]

from GUI.lab import Lab
from GUI.record import MOST_ARRAYS, Record, Taken
from GUI.work import Work
from pybirch.events import Readings

PAGE = 50_000
MOST_HELD = 1_000_000
"""The newest so many readings of a measurement are shown."""


class ScanFollower(QObject):
    """Holds `records`, measurement -> `Record`, of the scan shown."""

    grew = Signal()
    failed = Signal(str)
    loaded = Signal(object)

    def __init__(self, lab: Lab, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lab = lab
        self._work = work
        self._parked: dict[str, list[Readings]] = {}
        self._asked: set[str] = set()
        self._wanted: dict[str, int] = {}
        self.scan_id: str | None = None
        self.records: dict[str, Record] = {}
        self.is_loading = False

    def show(self, scan_id: str | None) -> None:
        """Follow that scan from now on."""
        if scan_id == self.scan_id:
            return
        self.scan_id = scan_id
        self.records.clear()
        self._parked.clear()
        self._asked.clear()
        self._wanted.clear()
        self.is_loading = scan_id is not None
        self.grew.emit()
        self._work.call(
            lambda: self._open(scan_id), lambda found: self._opened(scan_id, found), self.failed.emit
        )

    def refresh(self) -> None:
        """Ask again for what may have been missed, e.g. after the connection came back."""
        scan_id = self.scan_id
        if scan_id is not None:
            self._work.call(
                lambda: self._lab.scan(scan_id), lambda found: self._opened(scan_id, found), self.failed.emit
            )

    def points(self) -> int:
        return sum(record.end for record in self.records.values())

    def take(self, blocks: list[Readings]) -> None:
        """Blocks from the bus, of any scan."""
        changed = False
        for block in blocks:
            if block.scan_id == self.scan_id:
                changed = self._add(block) or changed
        if changed:
            self.grew.emit()

    def _open(self, scan_id: str | None) -> dict[str, Any]:
        """In a worker: from now on the bus has it; what came before is read."""
        self._lab.watch(scan_id)
        return self._lab.scan(scan_id) if scan_id is not None else {}

    def _opened(self, scan_id: str | None, found: dict[str, Any]) -> None:
        if scan_id != self.scan_id:
            return
        self.is_loading = False
        self.loaded.emit(found)
        for measurement in found.get("measurements", ()):
            name, count = measurement["name"], int(measurement.get("count") or 0)
            if name not in self.records:
                self.records[name] = Record(max(0, count - _most(measurement)))
                self._unpark(name)
            self._fetch(name, count)

    def _add(self, block: Readings) -> bool:
        name = block.measurement
        if self.is_loading:  # where to begin is not known yet
            self._park(block)
            return False
        record = self.records.setdefault(name, Record())
        taken = record.take(block)
        if taken is Taken.GAP:
            self._park(block)
            self._fetch(name, block.first_index)
        return taken is Taken.NEW

    def _park(self, block: Readings) -> None:
        waiting = self._parked.setdefault(block.measurement, [])
        waiting.append(block)
        del waiting[:-1_000]

    def _unpark(self, name: str) -> None:
        for block in sorted(self._parked.pop(name, ()), key=lambda b: b.first_index):
            self._add(block)

    def _fetch(self, name: str, end: int) -> None:
        """Ask for the record up to `end`, page by page."""
        self._wanted[name] = max(end, self._wanted.get(name, 0))
        scan_id = self.scan_id
        if scan_id is None or name in self._asked or self.records[name].end >= self._wanted[name]:
            return
        self._asked.add(name)
        start = self.records[name].end
        self._work.call(
            lambda: self._lab.readings(scan_id, name, start, PAGE),
            lambda block: self._fetched(scan_id, block),
            lambda sentence: self._not_fetched(scan_id, name, sentence),
        )

    def _fetched(self, scan_id: str, block: Readings) -> None:
        if scan_id != self.scan_id:
            return
        name = block.measurement
        self._asked.discard(name)
        if self._add(block):
            self.grew.emit()
            self._fetch(name, 0)
        self._unpark(name)

    def _not_fetched(self, scan_id: str, name: str, sentence: str) -> None:
        if scan_id == self.scan_id:
            self._asked.discard(name)
            self.failed.emit(sentence)


def _most(measurement: dict[str, Any]) -> int:
    shapes = [column.get("shape") or [] for column in measurement.get("columns", ())]
    arrays = any(len(shape) > 1 or (len(shape) == 1 and shape[0] not in (None, 1)) for shape in shapes)
    return MOST_ARRAYS if arrays else MOST_HELD
