"""Stop everything: always there, always last, asks once."""

from __future__ import annotations

from qtpy.QtCore import QElapsedTimer, QEvent, QObject, QSize, Qt, Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtGui import QKeyEvent, QKeySequence, QShortcut
from qtpy.QtWidgets import QPushButton, QWidget

from GUI import glyphs
from GUI.look import Look

TWICE_MS = 600
KEYS = "Ctrl+Shift+S"


class StopButton(QPushButton):
    """`wanted` is emitted by a press, by Ctrl+Shift+S, and by Esc twice within 0.6 s."""

    wanted = Signal()

    def __init__(self, look: Look, window: QWidget) -> None:
        super().__init__("Stop everything", window)
        self._look = look
        self._since_escape = QElapsedTimer()
        self._window = window
        self.setObjectName("stop-everything")
        self.setProperty("kind", "danger")
        self.setIconSize(QSize(20, 16))
        self.setToolTip(f"Abort every queue and make all instruments safe ({KEYS}, or Esc twice)")
        self.clicked.connect(self.wanted)
        shortcut = QShortcut(QKeySequence(KEYS), window)
        shortcut.activated.connect(self.wanted)
        window.installEventFilter(self)
        look.changed.connect(self._dress)
        self._dress()

    def show_busy(self, busy: bool) -> None:
        self.setText("Stopping …" if busy else "Stop everything")
        self.setEnabled(not busy)

    def eventFilter(self, a0: QObject | None, a1: QEvent | None) -> bool:
        if isinstance(a1, QKeyEvent) and a1.type() == QEvent.Type.KeyPress and a1.key() == Qt.Key.Key_Escape:
            if self._since_escape.isValid() and self._since_escape.elapsed() < TWICE_MS:
                self._since_escape.invalidate()
                self.wanted.emit()
            else:
                self._since_escape.start()
        return super().eventFilter(a0, a1)

    def _dress(self) -> None:
        self.setIcon(glyphs.button_icon("halt", self._look.color("danger"), self._look.color("muted")))
