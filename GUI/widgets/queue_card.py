"""One queue at a glance: state, progress, expected end, and its controls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from qtpy.QtCore import Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from GUI import format
from GUI.desk import Desk, ElidedLabel
from GUI.widgets.control_buttons import QUEUE_ACTIONS, ControlButtons, allowed_of_queue
from GUI.widgets.progress_line import ProgressLine
from GUI.widgets.state_chip import StateChip


class QueueCard(QFrame):
    opened = Signal(str)

    def __init__(self, desk: Desk, queue_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.queue_id = queue_id
        self.setObjectName("card")
        self.title = ElidedLabel("section", self)
        self.chip = StateChip(desk.look, parent=self)
        self.buttons = ControlButtons(desk.look, QUEUE_ACTIONS, primary="start", parent=self)
        self.progress = ProgressLine(desk.look, self)
        self.words = ElidedLabel("muted", self)
        self._lay_out()
        self.buttons.asked.connect(lambda action: desk.commands.ask(action, queue_id=queue_id))
        desk.commands.began.connect(self._began)
        desk.commands.ended.connect(self._ended)

    def _lay_out(self) -> None:
        look = self._desk.look
        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(look.size("space-3"))
        look_inside = QPushButton("Open", self)
        look_inside.setProperty("kind", "plain")
        look_inside.clicked.connect(lambda: self.opened.emit(self.queue_id))
        first.addWidget(self.title, 1)
        first.addWidget(self.chip)
        first.addWidget(look_inside)
        second.addWidget(self.buttons)
        second.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(16, 12, 12, 12)
        whole.setSpacing(look.size("space-2"))
        whole.addLayout(first)
        whole.addWidget(self.progress)
        whole.addWidget(self.words)
        whole.addLayout(second)

    def redraw(self) -> None:
        queue = self._desk.view.queues.get(self.queue_id)
        if queue is None:
            return
        scans = self._desk.view.scans_of(self.queue_id)
        active = self._desk.view.active_scan(self.queue_id)
        state = str(queue["status"])
        self.title.set_whole(str(queue.get("name") or self.queue_id))
        self.chip.show_state(state)
        self.progress.show_progress(
            share_of(scans), "running" if state == "idle" and share_of(scans) < 1 else _hue(state)
        )
        self.words.set_whole(in_words(queue, scans, active))
        self.buttons.show_allowed(allowed_of_queue(queue, scans))

    def _began(self, action: str, whom: str) -> None:
        if whom == self.queue_id:
            self.buttons.show_busy(action)

    def _ended(self, _action: str, whom: str, _refusal: str) -> None:
        if whom == self.queue_id:
            self.buttons.show_busy(None)


def _hue(state: str) -> str:
    return "completed" if state == "idle" else state


def share_of(scans: list[dict[str, Any]]) -> float:
    """How much of a queue is done: what has ended counts whole."""
    if not scans:
        return 0.0
    ended = ("completed", "aborted", "failed", "interrupted")
    return sum(1.0 if s["status"] in ended else s.get("progress") or 0.0 for s in scans) / len(scans)


def in_words(queue: dict[str, Any], scans: list[dict[str, Any]], active: dict[str, Any] | None) -> str:
    """``2 of 5 scans · IV curve · ends about 14:05``."""
    total = queue.get("total_scans") or len(scans)
    if not total:
        return "Empty. Scans are added by a script: queue.enqueue(scan)."
    words = [f"{queue.get('completed_scans') or 0} of {total} scan{'s' if total != 1 else ''} done"]
    if active is not None and active["status"] in ("running", "paused"):
        words.append(str(active["name"]) if len(active["name"]) < 50 else f"{active['name'][:46]} …")
        left = format.remaining(active)
        if left is not None:
            end = datetime.now().astimezone() + timedelta(seconds=left)
            words.append(f"scan ends about {end:%H:%M:%S}" if left < 3600 else f"scan ends about {end:%H:%M}")
    failed = sum(scan["status"] == "failed" for scan in scans)
    if failed:
        words.append(f"{failed} failed")
    return " · ".join(words)
