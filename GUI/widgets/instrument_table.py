"""Instruments with their state, position and value."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QWidget

from GUI import format
from GUI.look import Look
from GUI.widgets.row_table import Column, RowTable


def _position(row: dict[str, Any]) -> str:
    here = format.of_columns(row.get("position"))
    if row.get("status") == "moving" and row.get("target"):
        return f"{here} → {format.of_columns(row['target'])}"
    return here


def _state_hint(row: dict[str, Any]) -> str:
    return str(row.get("error") or row["status"])


FULL = (
    Column("Instrument", lambda r: str(r.get("nickname") or r["name"]), hint=lambda r: str(r["name"])),
    Column("State", lambda r: str(r["status"]), 150, "state", _state_hint),
    Column("Position", _position, 190, "number"),
    Column("Value", lambda r: format.of_columns(r.get("value")), 230, "number"),
    Column("Heard", lambda r: format.ago(r.get("updated_at")) or "–", 110, "number"),
    Column("Address", lambda r: str(r.get("adapter") or "–"), 210),
)
SHORT = (
    Column("Instrument", lambda r: str(r.get("nickname") or r["name"]), hint=lambda r: str(r["name"])),
    Column("State", lambda r: str(r["status"]), 154, "state", _state_hint),
    Column(
        "Now",
        lambda r: format.of_columns(r.get("position") or r.get("value"), brief=True),
        124,
        "number",
        lambda r: _position(r) if r.get("position") else format.of_columns(r.get("value")),
    ),
)
EMPTY = "No instruments yet. They appear here as soon as a scan that uses them is queued."


class InstrumentTable(RowTable):
    """Args:
    short: name, state and the newest number only.
    """

    def __init__(self, look: Look, *, short: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(look, SHORT if short else FULL, "name", EMPTY, parent)
