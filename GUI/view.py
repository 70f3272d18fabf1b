"""What the window knows of the lab: rows of queues, scans, instruments and log lines, kept up to date.

Lives in the GUI's thread. Rows have the shapes of the API; events change them; what an event does not
tell is asked for again.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal  # pyright: ignore[reportPrivateImportUsage]

from GUI.lab import Lab
from GUI.work import Work
from pybirch.database_integration.sync.connection import Connection, ConnectionState
from pybirch.events import (
    Event,
    InstrumentPosition,
    InstrumentStatus,
    QueueLog,
    QueueStatus,
    ScanStatus,
)
from pybirch.states import ScanState

LINES_KEPT = 2_000
ASK_AGAIN_MS = 150
"""Questions about one queue within this time are one question."""

TOLD_BY_EVENTS = ("status", "requested", "progress", "message", "current_scan")

Row = dict[str, Any]


class LabView(QObject):
    """Rows by id: `queues`, `scans`, `instruments`; `logs` by queue_id; `connection`."""

    changed = Signal()
    logged = Signal()
    connected = Signal()
    failed = Signal(str)

    def __init__(self, lab: Lab, work: Work, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lab = lab
        self._work = work
        self.name = lab.name
        self.loaded = False
        self.queues: dict[str, Row] = {}
        self.scans: dict[str, Row] = {}
        self.instruments: dict[str, Row] = {}
        self.logs: dict[str, deque[Row]] = {}
        self.connection: Connection = lab.connection
        self._order: dict[str, list[str]] = {}
        self._due: set[str] = set()
        self._heard: dict[str, float] = {}
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(ASK_AGAIN_MS)
        self._again.timeout.connect(self._ask_queues)

    def scans_of(self, queue_id: str | None) -> list[Row]:
        """The queue's scans in order."""
        return [self.scans[s] for s in self._order.get(queue_id or "", ()) if s in self.scans]

    def active_scan(self, queue_id: str | None) -> Row | None:
        """The scan under way, else the last that began, else the first."""
        rows = self.scans_of(queue_id)
        running = [row for row in rows if row["status"] in ("running", "paused")]
        begun = [row for row in rows if row.get("started_at")]
        return running[0] if running else begun[-1] if begun else rows[0] if rows else None

    def learn_scan(self, row: Row) -> None:
        """A scan that was asked for by itself; what is listed already is kept up by events."""
        if row and row["scan_id"] not in self.scans:
            self._merge_scan({k: v for k, v in row.items() if k not in ("settings", "measurements")})
        self.changed.emit()

    def ask_about(self, whom: str) -> None:
        """Ask again for the queue, or the queue of the scan, that was given a command."""
        queue_id = self.scans.get(whom, {}).get("queue_id") or whom
        if queue_id in self.queues:
            self._ask_soon(queue_id)

    def refresh(self) -> None:
        """Ask for everything again."""
        asked = time.monotonic()
        self._work.call(
            self._lab.snapshot, lambda found: self._take_snapshot(found, asked), self._snapshot_failed
        )

    def take(self, events: list[Event]) -> None:
        """Events from the bus; one signal for all of them."""
        lines = connections = rows = False
        for event in events:
            match event:
                case ScanStatus():
                    self._scan_status(event)
                    rows = True
                case QueueStatus():
                    self._queue_status(event)
                    rows = True
                case InstrumentStatus() | InstrumentPosition():
                    self._instrument(event)
                    rows = True
                case QueueLog():
                    self._log(event)
                    lines = True
                case Connection():
                    self.connection = event
                    connections = True
        if connections:
            if self.connection.state in (ConnectionState.LIVE, ConnectionState.LOCAL):
                self.refresh()
            self.connected.emit()
        if lines:
            self.logged.emit()
        if rows:
            self.changed.emit()

    # Answers

    def _snapshot_failed(self, sentence: str) -> None:
        if self.connection.state in (ConnectionState.LIVE, ConnectionState.LOCAL):
            self.failed.emit(sentence)

    def _take_snapshot(self, overview: Row, asked: float) -> None:
        self.loaded = True
        self.name = str((overview.get("lab") or {}).get("name") or self.name)
        known = {row["queue_id"]: row for row in overview.get("queues", ())}
        for queue_id in set(self.queues) - set(known):
            del self.queues[queue_id]
        for queue_id, row in known.items():
            row = self._not_older(row, queue_id, self.queues, asked)
            self.queues[queue_id] = self.queues.get(queue_id, {}) | row
            self._ask_soon(queue_id)
            self._ask_logs(queue_id)
        for row in overview.get("scans", ()):
            self._merge_scan(self._not_older(row, row["scan_id"], self.scans, asked))
        self.instruments = {
            _key(row): _merged(self.instruments.get(_key(row)), row)
            for row in overview.get("instruments", ())
        }
        self.changed.emit()

    def _take_queue(self, row: Row, asked: float) -> None:
        queue_id = row["queue_id"]
        scans = [self._not_older(scan, scan["scan_id"], self.scans, asked) for scan in row.get("scans", ())]
        row = self._not_older({k: v for k, v in row.items() if k != "scans"}, queue_id, self.queues, asked)
        self.queues[queue_id] = self.queues.get(queue_id, {}) | row
        self._order[queue_id] = [scan["scan_id"] for scan in scans]
        for scan in scans:
            self._merge_scan(scan | {"queue_id": queue_id})
        self.changed.emit()

    def _not_older(self, row: Row, key: str, known: dict[str, Row], asked: float) -> Row:
        """The row without what an event has told since it was asked for."""
        if self._heard.get(key, 0.0) < asked or key not in known:
            return row
        return row | {name: known[key][name] for name in TOLD_BY_EVENTS if name in known[key]}

    def _merge_scan(self, row: Row) -> None:
        known = self.scans.get(row["scan_id"], {})
        self.scans[row["scan_id"]] = known | row
        order = self._order.get(row.get("queue_id") or "")
        if order is not None and row["scan_id"] not in order:
            order.append(row["scan_id"])

    def _take_logs(self, queue_id: str, lines: list[Row]) -> None:
        told = self.logs.get(queue_id, ())
        merged = {_line_key(line): line for line in (*lines, *told)}
        kept = sorted(merged.values(), key=lambda line: line["timestamp"])
        self.logs[queue_id] = deque(kept, maxlen=LINES_KEPT)
        self.logged.emit()

    # Events

    def _scan_status(self, event: ScanStatus) -> None:
        row = self.scans.get(event.scan_id)
        if row is None:
            for queue_id in self.queues:
                self._ask_soon(queue_id)
            return
        self._heard[event.scan_id] = time.monotonic()
        moved = row["status"] != event.status
        row["status"] = str(event.status)
        row["requested"] = None if event.requested is None else str(event.requested)
        row["message"] = event.message
        if event.progress is not None:
            row["progress"] = event.progress
            known = row.get("points_total") and not row.get("points_vary")
            if known and not event.status.is_finished:
                newest = round(event.progress * row["points_total"])
                row["points_done"] = newest + (row.get("points_replaced") or 0)
        if event.status is ScanState.FAILED:
            row["error"] = event.message
        if event.status is ScanState.RUNNING and not row.get("started_at"):
            row["started_at"] = event.timestamp
        if moved and row.get("queue_id"):
            self._ask_soon(row["queue_id"])

    def _queue_status(self, event: QueueStatus) -> None:
        row = self.queues.get(event.queue_id)
        if row is None:
            self.refresh()
            return
        self._heard[event.queue_id] = time.monotonic()
        row["status"] = str(event.status)
        row["current_scan"] = event.current_scan
        for name in ("completed_scans", "total_scans"):
            if (value := getattr(event, name)) is not None:
                row[name] = value
        self._ask_soon(event.queue_id)

    def _instrument(self, event: InstrumentStatus | InstrumentPosition) -> None:
        row = self.instruments.get(_key_of(event.instrument_id, event.instrument_name))
        if row is None:
            self.refresh()
            return
        row["updated_at"] = event.timestamp
        if event.position is not None:
            row["position"] = {**(row.get("position") or {}), **event.position}
        if event.target is not None:
            row["target"] = event.target
        if isinstance(event, InstrumentPosition):
            if event.is_moving:
                row["status"] = "moving"
            return
        row["status"], row["error"] = str(event.status), event.error
        if event.value is not None:
            row["value"] = event.value

    def _log(self, event: QueueLog) -> None:
        line = {
            "timestamp": event.timestamp,
            "level": event.level,
            "message": event.message,
            "scan_id": event.scan_id,
        }
        lines = self.logs.setdefault(event.queue_id, deque(maxlen=LINES_KEPT))
        if not any(_line_key(line) == _line_key(other) for other in lines):
            lines.append(line)

    # Questions

    def _ask_soon(self, queue_id: str) -> None:
        self._due.add(queue_id)
        if not self._again.isActive():
            self._again.start()

    def _ask_queues(self) -> None:
        due, self._due = self._due, set()
        for queue_id in due:
            asked = time.monotonic()
            self._work.call(
                lambda q=queue_id: self._lab.queue(q),
                lambda row, at=asked: self._take_queue(row, at),
                self._snapshot_failed,
            )

    def _ask_logs(self, queue_id: str) -> None:
        self._work.call(
            lambda: self._lab.logs(queue_id),
            lambda lines: self._take_logs(queue_id, lines),
            self._snapshot_failed,
        )


def _key_of(instrument_id: int, name: str) -> str:
    return str(instrument_id) if instrument_id else name


def _key(row: Row) -> str:
    return _key_of(row.get("instrument_id") or 0, row["name"])


def _merged(known: Row | None, row: Row) -> Row:
    """A row that tells no position or value leaves those that are known."""
    told = {k: v for k, v in row.items() if v is not None or k in ("error", "target")}
    return (known or {}) | row | {k: v for k, v in (known or {}).items() if k not in told} | told


def _line_key(line: Row) -> tuple[Any, ...]:
    return line["timestamp"], line["message"], line.get("scan_id")
