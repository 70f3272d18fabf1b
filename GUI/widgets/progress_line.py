"""How far something is: a bar in the colour of its state, and the share in words."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from GUI.look import Look

THICK = 6
WORDS = 44


def paint_progress(painter: QPainter, rect: QRectF, look: Look, share: float, state: str) -> None:
    """Paint bar and percentage into `rect`."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(look.color("muted" if state == "queued" else "text"))
    words = QRectF(rect.right() - WORDS, rect.top(), WORDS, rect.height())
    right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
    painter.drawText(words, right, f"{int(share * 100)} %")
    bar = QRectF(rect.left(), rect.center().y() - THICK / 2, max(0.0, rect.width() - WORDS - 6), THICK)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.color("border"))
    painter.drawRoundedRect(bar, THICK / 2, THICK / 2)
    if share > 0:
        bar.setWidth(max(THICK, bar.width() * min(1.0, share)))
        painter.setBrush(look.state(state))
        painter.drawRoundedRect(bar, THICK / 2, THICK / 2)
    painter.restore()


class ProgressLine(QWidget):
    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._share = 0.0
        self._state = "queued"
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    def show_progress(self, share: float, state: str) -> None:
        """`share` from 0 to 1."""
        if (share, state) != (self._share, self._state):
            self._share, self._state = share, state
            self.setAccessibleName(f"{int(share * 100)} percent")
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(160, 20)

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        painter = QPainter(self)
        paint_progress(painter, QRectF(self.rect()), self._look, self._share, self._state)
        painter.end()
