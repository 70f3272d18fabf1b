"""Names and their values, one under the other."""

from __future__ import annotations

from collections.abc import Mapping

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget


class Facts(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: dict[str, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)

    def set_facts(self, facts: Mapping[str, str]) -> None:
        """Show these; a fact that is empty shows as a dash."""
        for name, text in facts.items():
            value = self._values.get(name) or self._add(name)
            if value.text() != (text or "–"):
                value.setText(text or "–")
                value.setToolTip(text)

    def value(self, name: str) -> str:
        return self._values[name].text()

    def _add(self, name: str) -> QLabel:
        row = len(self._values)
        caption, value = QLabel(name, self), QLabel(self)
        caption.setProperty("role", "muted")
        caption.setAlignment(Qt.AlignmentFlag.AlignTop)
        value.setWordWrap(True)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._grid.addWidget(caption, row, 0)
        self._grid.addWidget(value, row, 1)
        self._values[name] = value
        return value
