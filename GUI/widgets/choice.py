"""A box to choose from, with an arrow that fits the look."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QRectF, QSize
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QComboBox, QWidget

from GUI import glyphs
from GUI.look import Look


class Choice(QComboBox):
    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.setMinimumWidth(90)
        self.setMaximumWidth(230)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)

    def offer(self, items: list[str], chosen: str) -> None:
        """Offer these instead, `chosen` selected if it is one of them."""
        self.clear()
        self.addItems(items)
        if chosen in items:
            self.setCurrentText(chosen)

    def items(self) -> list[str]:
        return [self.itemText(number) for number in range(self.count())]

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(min(230, hint.width() + 36), hint.height())

    def paintEvent(self, e: Any) -> None:
        super().paintEvent(e)
        painter = QPainter(self)
        box = QRectF(self.width() - 22, self.height() / 2 - 7, 14, 14)
        glyphs.draw(painter, "down", self._look.color("muted"), box)
        painter.end()
