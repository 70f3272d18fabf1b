"""Queue: its scans with states and progress, its controls, its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Qt, Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtWidgets import QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from GUI import format
from GUI.desk import Desk, ElidedLabel, label
from GUI.widgets.choice import Choice
from GUI.widgets.control_buttons import (
    QUEUE_ACTIONS,
    SCAN_ACTIONS,
    ControlButtons,
    allowed_of_queue,
    allowed_of_scan,
)
from GUI.widgets.log_view import LogView
from GUI.widgets.queue_card import in_words
from GUI.widgets.scan_table import ScanTable
from GUI.widgets.state_chip import StateChip


class QueuePage(QWidget):
    """`scan_opened(scan_id)`: somebody wants to see that scan."""

    scan_opened = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._desk = desk
        self.queue_id: str | None = None
        self._scan_id: str | None = None
        self.title = ElidedLabel("title", self)
        self.chip = StateChip(desk.look, parent=self)
        self.which = Choice(desk.look, self)
        self.buttons = ControlButtons(desk.look, QUEUE_ACTIONS, primary="start", parent=self)
        self.words = label("", "muted", self)
        self.table = ScanTable(desk.look, self)
        self.chosen = ElidedLabel("muted", self)
        self.scan_buttons = ControlButtons(desk.look, SCAN_ACTIONS, parent=self)
        self.log = LogView(desk.look, parent=self)
        self._lay_out()
        self.which.activated.connect(lambda _: self.show_queue(self.which.currentData()))
        self.buttons.asked.connect(lambda action: desk.commands.ask(action, queue_id=self.queue_id))
        self.scan_buttons.asked.connect(
            lambda action: desk.commands.ask(action, queue_id=self.queue_id, scan_id=self._scan_id)
        )
        self.table.chosen.connect(self._choose)
        self.table.opened.connect(self.scan_opened)
        desk.commands.began.connect(self._began)
        desk.commands.ended.connect(self._ended)

    def _lay_out(self) -> None:
        look = self._desk.look
        head = QHBoxLayout()
        head.setSpacing(look.size("space-3"))
        head.addWidget(self.title, 1)
        head.addWidget(self.which)
        head.addWidget(self.chip)
        head.addWidget(self.buttons)
        below = QHBoxLayout()
        below.setSpacing(look.size("space-2"))
        below.addWidget(self.chosen, 1)
        below.addWidget(self.scan_buttons)
        upper, lower = QWidget(self), QWidget(self)
        for part, widgets in ((upper, (self.table,)), (lower, (label("Log", "section", self), self.log))):
            column = QVBoxLayout(part)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(look.size("space-2"))
            for widget in widgets:
                column.addWidget(widget)
        layout = upper.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.addLayout(below)
        split = QSplitter(Qt.Orientation.Vertical, self)
        split.setHandleWidth(look.size("space-4"))
        split.addWidget(upper)
        split.addWidget(lower)
        split.setSizes([400, 220])
        split.setChildrenCollapsible(False)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 16, 24, 24)
        whole.setSpacing(look.size("space-3"))
        whole.addLayout(head)
        whole.addWidget(self.words)
        whole.addWidget(split, 1)

    def show_queue(self, queue_id: str | None) -> None:
        if queue_id != self.queue_id:
            self.queue_id, self._scan_id = queue_id, None
            self.redraw()
            self.redraw_log()

    def redraw(self) -> None:
        view = self._desk.view
        if self.queue_id not in view.queues:
            self.queue_id = next(iter(view.queues), None)
            self.redraw_log()
        self._offer_queues()
        queue = view.queues.get(self.queue_id or "")
        scans = view.scans_of(self.queue_id)
        self.title.set_whole(str(queue.get("name") or self.queue_id) if queue else "Queue")
        self.chip.show_state(str(queue["status"]) if queue else "")
        self.words.setText(
            in_words(queue, scans, view.active_scan(self.queue_id)) if queue else "No queue yet."
        )
        self.buttons.show_allowed(allowed_of_queue(queue, scans))
        self.table.set_rows(scans)
        if self._scan_id not in {scan["scan_id"] for scan in scans}:
            self._scan_id = None
        if self._scan_id is None and scans:
            active = view.active_scan(self.queue_id) or scans[0]
            self.table.choose(active["scan_id"])
        self._redraw_chosen()

    def redraw_log(self) -> None:
        self.log.set_lines(self._desk.view.logs.get(self.queue_id or "", ()))  # type: ignore[arg-type]

    def _offer_queues(self) -> None:
        known = list(self._desk.view.queues)
        if known != [self.which.itemData(n) for n in range(self.which.count())]:
            self.which.clear()
            for queue_id in known:
                self.which.addItem(str(self._desk.view.queues[queue_id].get("name") or queue_id), queue_id)
        self.which.setVisible(len(known) > 1)
        self.which.setCurrentIndex(max(0, known.index(self.queue_id) if self.queue_id in known else 0))

    def _choose(self, scan_id: str) -> None:
        self._scan_id = scan_id
        self._redraw_chosen()

    def _redraw_chosen(self) -> None:
        scan = self._desk.view.scans.get(self._scan_id or "")
        self.chosen.set_whole(_of(scan, self._desk.view.scans) if scan else "")
        self.scan_buttons.show_allowed(allowed_of_scan(scan))

    def _began(self, action: str, whom: str) -> None:
        for key, buttons in ((self.queue_id, self.buttons), (self._scan_id, self.scan_buttons)):
            if whom == key:
                buttons.show_busy(action)

    def _ended(self, _action: str, whom: str, _refusal: str) -> None:
        for key, buttons in ((self.queue_id, self.buttons), (self._scan_id, self.scan_buttons)):
            if whom == key:
                buttons.show_busy(None)


def _of(scan: dict[str, Any], scans: Mapping[str, dict[str, Any]]) -> str:
    """A scan in one line: its name, on what terms it runs, and what is wrong or waited for."""
    names = {scan_id: str(one["name"]) for scan_id, one in scans.items()}
    told = " · ".join(filter(None, (format.terms(scan, names), scan.get("error") or scan.get("message"))))
    return f"{scan['name']}: {told}" if told else str(scan["name"])
