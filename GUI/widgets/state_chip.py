"""A state: its word, its picture and its colour, everywhere the same."""

from __future__ import annotations

from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from qtpy.QtWidgets import QSizePolicy, QWidget

from GUI import glyphs
from GUI.look import Look

HEIGHT = 22
ICON = 12
PAD = 8
GAP = 5


def chip_font(look: Look) -> QFont:
    font = QFont()
    font.setPixelSize(look.size("text-small"))
    font.setWeight(QFont.Weight.DemiBold)
    return font


def word_of(state: str, requested: str | None = None) -> str:
    """The state, and what was asked of it and is not reached yet."""
    word = state.replace("_", " ")
    match requested:
        case "pause":
            return f"{word}, pausing"
        case "abort":
            return f"{word}, aborting"
    return word


def chip_width(look: Look, word: str) -> int:
    return round(QFontMetricsF(chip_font(look)).horizontalAdvance(word)) + ICON + GAP + 2 * PAD + 2


def paint_chip(painter: QPainter, rect: QRectF, look: Look, state: str, word: str) -> None:
    """Paint the chip at the left of `rect`, as wide as it needs to be."""
    color = look.state(state)
    width = min(rect.width(), chip_width(look, word))
    box = QRectF(rect.left(), rect.center().y() - HEIGHT / 2, width, HEIGHT)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.soft(color))
    painter.drawRoundedRect(box, HEIGHT / 2, HEIGHT / 2)
    glyphs.draw(painter, state, color, QRectF(box.left() + PAD, box.center().y() - ICON / 2, ICON, ICON))
    painter.setPen(color)
    painter.setFont(chip_font(look))
    text = box.adjusted(PAD + ICON + GAP, 0, -PAD + 2, 0)
    shown = QFontMetricsF(chip_font(look)).elidedText(word, Qt.TextElideMode.ElideRight, text.width())
    painter.drawText(text, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
    painter.restore()


class StateChip(QWidget):
    """Shows one state; `show_state` changes it."""

    def __init__(self, look: Look, state: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.state = state
        self._word = word_of(state)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        look.changed.connect(self.update)

    @property
    def text(self) -> str:
        return self._word

    def show_state(self, state: str, requested: str | None = None) -> None:
        word = word_of(state, requested)
        if (state, word) != (self.state, self._word):
            self.state, self._word = state, word
            self.setAccessibleName(f"state: {word}")
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(chip_width(self._look, self._word) if self.state else 0, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, a0: QPaintEvent | None) -> None:
        if self.state:
            painter = QPainter(self)
            paint_chip(painter, QRectF(self.rect()), self._look, self.state, self._word)
            painter.end()
