"""Instruments: each one's state, position and value, live."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from GUI.desk import Desk, label
from GUI.widgets.instrument_table import InstrumentTable


class InstrumentsPage(QWidget):
    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._desk = desk
        self.table = InstrumentTable(desk.look, parent=self)
        self.words = label("", "muted", self)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 16, 24, 24)
        whole.setSpacing(desk.look.size("space-3"))
        whole.addWidget(label("Instruments", "title", self))
        whole.addWidget(self.words)
        whole.addWidget(self.table, 1)
        self._second = QTimer(self)
        self._second.setInterval(1_000)
        self._second.timeout.connect(self.redraw)
        self._second.start()

    def redraw(self) -> None:
        if not self.isVisible():
            return
        rows = list(self._desk.view.instruments.values())
        self.table.set_rows(rows)
        troubled = [row for row in rows if row["status"] == "error"]
        words = f"{len(rows)} instrument{'s' if len(rows) != 1 else ''}" if rows else ""
        if troubled:
            words += " · " + "; ".join(f"{row['name']}: {row.get('error') or 'error'}" for row in troubled)
        self.words.setText(words)

    def showEvent(self, a0: object) -> None:
        self.redraw()
