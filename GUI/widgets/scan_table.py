"""The scans of a queue, in order."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QWidget

from GUI import format
from GUI.look import Look
from GUI.widgets.row_table import Column, RowTable
from GUI.widgets.state_chip import word_of


def _points(row: dict[str, Any]) -> str:
    return format.points_of(row)


def _time(row: dict[str, Any]) -> str:
    if not row.get("started_at"):
        return "–"
    return format.duration(format.seconds_since(row["started_at"], row.get("finished_at")))


def _started(row: dict[str, Any]) -> str:
    start, end = format.day_and_clock(row.get("started_at")), format.day_and_clock(row.get("finished_at"))
    return f"from {start} to {end}"


def _state(row: dict[str, Any]) -> str:
    return word_of(str(row["status"]), row.get("requested"))


def _state_hint(row: dict[str, Any]) -> str:
    return str(row.get("error") or row.get("message") or _state(row))


COLUMNS = (
    Column("Scan", lambda row: str(row["name"]), hint=lambda row: f"{row['name']}\n{row['scan_id']}"),
    Column("State", _state, 170, "state", _state_hint),
    Column("Progress", lambda row: f"{int((row.get('progress') or 0) * 100)} %", 190, "progress"),
    Column("Points", _points, 150, "number"),
    Column("Time", _time, 110, "number", _started),
)


class ScanTable(RowTable):
    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        empty = "Nothing queued yet. Scans are added by a script: queue.enqueue(scan)."
        super().__init__(look, COLUMNS, "scan_id", empty, parent)
