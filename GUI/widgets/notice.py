"""A sentence across the page: what went wrong, until it is dismissed or comes right."""

from __future__ import annotations

from qtpy.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from GUI import glyphs
from GUI.look import Look


class Notice(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.setObjectName("notice")
        self._picture = QLabel(self)
        self._words = QLabel(self)
        self._words.setWordWrap(True)
        self._words.setTextInteractionFlags(self._words.textInteractionFlags().TextSelectableByMouse)
        self._close = QPushButton("Dismiss", self)
        self._close.setProperty("kind", "plain")
        self._close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(8)
        row.addWidget(self._picture)
        row.addWidget(self._words, 1)
        row.addWidget(self._close)
        self._error = True
        look.changed.connect(self._dress)
        self.hide()

    @property
    def text(self) -> str:
        return "" if self.isHidden() else self._words.text()

    def say(self, text: str, *, error: bool = True) -> None:
        """Show the sentence; an empty one hides the notice."""
        self._error = error
        self._words.setText(text)
        self._dress()
        self.setVisible(bool(text))

    def _dress(self) -> None:
        back, front = ("danger-soft", "danger") if self._error else ("raised", "muted")
        self._picture.setPixmap(
            glyphs.pixmap("error" if self._error else "stale", self._look.color(front), 16)
        )
        self.setStyleSheet(
            f"QFrame#notice {{ background: {self._look[back]}; border: 1px solid {self._look[front]};"
            f" border-radius: {self._look['radius']}; }}"
        )
