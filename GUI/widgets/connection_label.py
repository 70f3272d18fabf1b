"""How the window stands with its lab: picture, word and since when."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from GUI import format, glyphs
from GUI.look import Look
from pybirch.database_integration.sync.connection import Connection, ConnectionState

_COLORS = {
    ConnectionState.LOCAL: "connected",
    ConnectionState.LIVE: "connected",
    ConnectionState.RECONNECTING: "paused",
    ConnectionState.STALE: "paused",
    ConnectionState.OFFLINE: "disconnected",
}
_CALM = (ConnectionState.LOCAL, ConnectionState.LIVE)


class ConnectionLabel(QWidget):
    """Tells the age of anything but a good connection."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._connection: Connection | None = None
        self._extra = ""
        self._picture = QLabel(self)
        self._words = QLabel(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._picture)
        row.addWidget(self._words)
        self._second = QTimer(self)
        self._second.setInterval(1_000)
        self._second.timeout.connect(self._redraw)
        self._second.start()
        look.changed.connect(self._redraw)

    @property
    def text(self) -> str:
        return self._words.text()

    def show_connection(self, connection: Connection, extra: str = "") -> None:
        """`extra` is added to the word, e.g. the server a local queue is attached to."""
        self._connection, self._extra = connection, extra
        self._redraw()

    def _redraw(self) -> None:
        connection = self._connection
        if connection is None:
            return
        word = str(connection.state)
        if connection.state not in _CALM:
            word += f" · {format.duration(round(format.seconds_since(connection.timestamp) or 0))}"
        self._words.setText(f"{word} · {self._extra}" if self._extra else word)
        color = self._look.state(_COLORS[connection.state])
        self._picture.setPixmap(glyphs.pixmap(str(connection.state), color, 14))
        since = f"since {format.day_and_clock(connection.timestamp)}"
        self.setToolTip("\n".join(filter(None, (connection.message, connection.url, since))))
