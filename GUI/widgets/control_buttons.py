"""Start, pause, resume, abort, stop, run again: each pressable when the state allows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import QSize, Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from GUI import glyphs
from GUI.commands import UNDER_WAY
from GUI.look import Look

WORDS = {
    "start": ("Start", "Run the queued scans"),
    "pause": ("Pause", "Pause after this point"),
    "resume": ("Resume", "Go on"),
    "abort": ("Abort", "Abort now; instruments are made safe"),
    "stop": ("Stop", "Start no more scans; those under way go on to their end"),
    "restart": ("Run again", "A new scan with the same settings"),
    "leave": ("Leave it", "Keep what it measured, and ask no more how to go on"),
}
QUEUE_ACTIONS = ("start", "pause", "resume", "stop", "abort")
SCAN_ACTIONS = ("pause", "resume", "abort", "restart", "leave")

Row = Mapping[str, Any]


def allowed_of_queue(queue: Row | None, scans: Sequence[Row]) -> set[str]:
    """What may be asked of a queue in its state."""
    match str(queue["status"]) if queue else "":
        case "idle":
            return {"start"} if any(scan["status"] == "queued" for scan in scans) else set()
        case "running":
            return {"pause", "stop", "abort"}
        case "paused":
            return {"resume", "stop", "abort"}
        case "stopping":
            return {"abort"} if any(scan["status"] in ("running", "paused") for scan in scans) else set()
    return set()


def allowed_of_scan(scan: Row | None) -> set[str]:
    """What may be asked of a scan in its state."""
    match (scan["status"], scan.get("requested")) if scan else ("", None):
        case "queued", _:
            return {"abort"}
        case _, "abort":
            return set()
        case "running", "pause":
            return {"resume", "abort"}
        case "running", _:
            return {"pause", "abort"}
        case "paused", _:
            return {"resume", "abort"}
        case "interrupted", _:
            return (
                {"resume", "restart"}
                if (scan or {}).get("terms", {}).get("left")
                else {"resume", "restart", "leave"}
            )
        case "", _:
            return set()
    return {"restart"}


class ControlButtons(QWidget):
    """`asked(action)` is emitted by a press; `show_allowed` and `show_busy` move the buttons."""

    asked = Signal(str)

    def __init__(
        self, look: Look, actions: Sequence[str], *, primary: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._look = look
        self._allowed: set[str] = set()
        self._busy: str | None = None
        self._primary = primary
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(look.size("space-2"))
        for action in actions:
            button = QPushButton(WORDS[action][0], self)
            button.setObjectName(action)
            button.setIconSize(QSize(20, 16))
            button.setToolTip(WORDS[action][1])
            if action == primary:
                button.setProperty("kind", "primary")
            button.setVisible(action != "leave")
            button.clicked.connect(lambda _=False, a=action: self.asked.emit(a))
            self.buttons[action] = button
            row.addWidget(button)
        look.changed.connect(self._paint_icons)
        self._paint_icons()
        self._enable()

    def show_allowed(self, allowed: set[str]) -> None:
        if allowed != self._allowed:
            self._allowed = set(allowed)
            self._enable()

    def show_busy(self, action: str | None) -> None:
        """`action` was asked and has not been answered; None: nothing is."""
        self._busy = action
        self._enable()

    def _enable(self) -> None:
        for action, button in self.buttons.items():
            waiting = action == self._busy
            if action == "leave":  # a question that is seldom asked takes no room
                button.setVisible(action in self._allowed or waiting)
            button.setText(UNDER_WAY[action] if waiting else WORDS[action][0])
            emergency = action == "abort" and not waiting
            button.setEnabled(action in self._allowed and (self._busy is None or emergency))

    def _paint_icons(self) -> None:
        for action, button in self.buttons.items():
            color = "on-accent" if action == self._primary else "danger" if action == "abort" else "text"
            button.setIcon(
                glyphs.button_icon(action, self._look.color(color), self._look.color("border-strong"))
            )
