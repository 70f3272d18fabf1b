"""What every page is handed: the look, what is known of the lab, the scan followed, the commands."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QLabel, QSizePolicy, QVBoxLayout, QWidget

from GUI.commands import Commands
from GUI.exporting import Exports
from GUI.follower import ScanFollower
from GUI.look import Look
from GUI.view import LabView


@dataclass(frozen=True)
class Desk:
    look: Look
    view: LabView
    follower: ScanFollower
    commands: Commands
    exports: Exports


def label(text: str, role: str = "", parent: QWidget | None = None) -> QLabel:
    """Words in one of the style sheet's roles."""
    made = QLabel(text, parent)
    if role:
        made.setProperty("role", role)
    return made


class ElidedLabel(QLabel):
    """A long name cut in the middle, whole on hover."""

    def __init__(self, role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)

    @property
    def whole(self) -> str:
        return self._whole

    def set_whole(self, text: str) -> None:
        if text != self._whole:
            self._whole = text
            self.setToolTip(text)
            self._cut()

    def resizeEvent(self, a0: object) -> None:
        self._cut()

    def _cut(self) -> None:
        width = max(40, self.width() - 2)
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, width))


def card(parent: QWidget | None = None) -> tuple[QFrame, QVBoxLayout]:
    """A bordered surface and its layout."""
    frame = QFrame(parent)
    frame.setObjectName("card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(12, 12, 12, 12)
    column.setSpacing(8)
    return frame, column
