"""The window's frame: top bar, left rail, pages."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import QSize, Qt, Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from GUI import glyphs
from GUI.desk import ElidedLabel, label
from GUI.look import Look
from GUI.widgets.connection_label import ConnectionLabel
from GUI.widgets.notice import Notice
from GUI.widgets.stop_button import StopButton


class Rail(QFrame):
    """`chosen(name)` when somebody goes to a page."""

    chosen = Signal(str)

    def __init__(self, look: Look, pages: Mapping[str, str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.setObjectName("rail")
        self.setFixedWidth(166)
        self.buttons: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 12, 0, 12)
        column.setSpacing(2)
        for number, (name, word) in enumerate(pages.items()):
            button = QToolButton(self)
            button.setObjectName("nav")
            button.setText(f"  {word}")
            button.setCheckable(True)
            button.setShortcut(f"Alt+{number + 1}")
            button.setToolTip(f"{word} (Alt+{number + 1})")
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIconSize(QSize(16, 16))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, n=name: self.chosen.emit(n))
            button.toggled.connect(self._dress)
            group.addButton(button)
            column.addWidget(button)
            self.buttons[name] = button
        column.addStretch(1)
        look.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        for name, button in self.buttons.items():
            color = self._look.color("accent" if button.isChecked() else "muted")
            button.setIcon(glyphs.icon(name, color))


class Frame(QWidget):
    """Puts the parts in their places."""

    def __init__(self, look: Look, pages: Mapping[str, tuple[str, QWidget]], window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("page")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.rail = Rail(look, {name: word for name, (word, _) in pages.items()}, self)
        self.lab = ElidedLabel("muted", self)
        self.connection = ConnectionLabel(look, self)
        self.stop = StopButton(look, window)
        self.notice = Notice(look, self)
        self.stack = QStackedWidget(self)
        self._pages = {name: page for name, (_, page) in pages.items()}
        for page in self._pages.values():
            self.stack.addWidget(page)
        self.rail.chosen.connect(self.go_to)
        notice_row = QVBoxLayout()
        notice_row.setContentsMargins(24, 12, 24, 0)
        notice_row.addWidget(self.notice)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(notice_row)
        right.addWidget(self.stack, 1)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self.rail)
        body.addLayout(right, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self._bar(look))
        whole.addLayout(body, 1)

    def _bar(self, look: Look) -> QFrame:
        bar = QFrame(self)
        bar.setObjectName("bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(look.size("space-4"))
        row.addWidget(label("PyBirch", "section", bar))
        row.addWidget(self.lab, 1)
        row.addWidget(self.connection)
        row.addWidget(self.stop)
        return bar

    def go_to(self, name: str) -> None:
        self.stack.setCurrentWidget(self._pages[name])
        self.rail.buttons[name].setChecked(True)
