"""Log lines, newest at the bottom, coloured by level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QPainter, QTextCharFormat, QTextCursor
from qtpy.QtWidgets import QPlainTextEdit, QWidget

from GUI import format
from GUI.look import Look

LINES = 2_000


class LogView(QPlainTextEdit):
    """Follows the end until somebody scrolls up."""

    def __init__(self, look: Look, empty: str = "Nothing logged yet.", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._empty = empty
        self._lines: list[tuple[str, str, str]] = []
        self.setReadOnly(True)
        self.setMaximumBlockCount(LINES)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setFont(look.mono())
        look.changed.connect(self._rebuild)

    def set_lines(self, lines: Sequence[dict[str, Any]]) -> None:
        """Show these; when they only grew, the new ones are added."""
        told = [(str(r["timestamp"]), str(r["level"]).upper(), str(r["message"])) for r in lines][-LINES:]
        if told[: len(self._lines)] == self._lines:
            self._append(told[len(self._lines) :])
            self._lines = told
        elif told != self._lines:
            self._lines = told
            self._rebuild()

    def _rebuild(self) -> None:
        self.clear()
        self._append(self._lines)

    def _append(self, lines: Sequence[tuple[str, str, str]]) -> None:
        if not lines:
            return
        bar = self.verticalScrollBar()
        assert bar is not None
        at_end = bar.value() >= bar.maximum() - 2
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for timestamp, level, message in lines:
            if not cursor.atStart():
                cursor.insertBlock()
            cursor.insertText(f"{format.clock(timestamp)}  ", self._format("muted"))
            cursor.insertText(f"{level:<8}", self._format(self._color_of(level), bold=level != "INFO"))
            cursor.insertText(message, self._format(self._color_of(level) if level != "INFO" else "text"))
        cursor.endEditBlock()
        if at_end:
            bar.setValue(bar.maximum())

    def _color_of(self, level: str) -> str:
        return {"ERROR": "state-failed", "CRITICAL": "state-failed", "WARNING": "state-paused"}.get(
            level, "state-running"
        )

    def _format(self, color: str, *, bold: bool = False) -> QTextCharFormat:
        made = QTextCharFormat()
        made.setForeground(QColor(self._look[color]))
        made.setFont(self._look.mono())
        if bold:
            made.setFontWeight(700)
        return made

    def paintEvent(self, e: Any) -> None:
        super().paintEvent(e)
        port = self.viewport()
        if not self._lines and port is not None:
            painter = QPainter(port)
            painter.setPen(self._look.color("muted"))
            painter.drawText(port.rect(), Qt.AlignmentFlag.AlignCenter, self._empty)
            painter.end()
