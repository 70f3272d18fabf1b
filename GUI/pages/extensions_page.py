"""Extensions: what hears this lab's scans, and the server a local queue is attached to."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from GUI.desk import Desk, card, label


class ExtensionsPage(QWidget):
    """`attach(url, token)`, both perhaps empty, and `detach` are wishes of the user."""

    attach = Signal(str, str)
    detach = Signal()

    def __init__(
        self, desk: Desk, *, is_station: bool, available: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._is_station = is_station
        self._available = available
        self.state = label("", "muted", self)
        self.state.setWordWrap(True)
        self.url = QLineEdit(self)
        self.url.setPlaceholderText("http://127.0.0.1:5000 – empty: the server of this folder")
        self.token = QLineEdit(self)
        self.token.setPlaceholderText("Token – empty: the one of that server")
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.button = QPushButton("Attach", self)
        self.button.clicked.connect(self._press)
        self.list = label("", "", self)
        self.list.setWordWrap(True)
        self._attached = False
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 16, 24, 24)
        whole.setSpacing(desk.look.size("space-4"))
        whole.addWidget(label("Extensions", "title", self))
        whole.addWidget(self._server_card())
        whole.addWidget(self._list_card())
        whole.addStretch(1)
        self.show_server("")

    def _server_card(self) -> QFrame:
        frame, column = card(self)
        column.addWidget(label("Server", "section", frame))
        column.addWidget(self.state)
        row = QHBoxLayout()
        for widget, share in ((self.url, 3), (self.token, 2), (self.button, 0)):
            row.addWidget(widget, share)
            widget.setVisible(self._is_station and self._available)
        column.addLayout(row)
        return frame

    def _list_card(self) -> QFrame:
        frame, column = card(self)
        column.addWidget(label("In use", "section", frame))
        column.addWidget(self.list)
        return frame

    def show_server(self, url: str, *, busy: bool = False) -> None:
        """`url` of the server attached to; empty: none."""
        self._attached = bool(url)
        self.button.setText("Waiting …" if busy else "Detach" if url else "Attach")
        self.button.setEnabled(not busy)
        self.url.setEnabled(not url and not busy)
        self.token.setEnabled(not url and not busy)
        if not self._is_station:
            self.state.setText("This window shows a server's lab; its extensions are chosen where it runs.")
        elif not self._available:
            self.state.setText('To be seen in the browser, install the web part: pip install "pybirch[web]".')
        elif url:
            self.state.setText(
                f"This window's queue is recorded and shown by {url}; it may be paused from there too."
            )
        else:
            self.state.setText(
                "Attach this window's queue to a server: it is recorded there and seen in the browser."
            )

    def show_extensions(self, names: Sequence[str]) -> None:
        """Names of the extensions of the queue and its scans."""
        self.list.setText(", ".join(names) if names else "None. Scripts add them: scan.extensions.append(…).")

    def _press(self) -> None:
        if self._attached:
            self.detach.emit()
        else:
            self.attach.emit(self.url.text().strip(), self.token.text().strip())
