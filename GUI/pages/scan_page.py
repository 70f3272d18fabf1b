"""Scan: its readings live, its facts, its controls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from GUI import format
from GUI.desk import Desk, ElidedLabel, card, label
from GUI.exporting import Choose, choose_file
from GUI.pages.dashboard import waiting_words
from GUI.widgets.control_buttons import SCAN_ACTIONS, ControlButtons, allowed_of_scan
from GUI.widgets.facts import Facts
from GUI.widgets.live_plot import LivePlot
from GUI.widgets.notice import Notice
from GUI.widgets.progress_line import ProgressLine
from GUI.widgets.state_chip import StateChip


class ScanPage(QWidget):
    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._desk = desk
        self.title = ElidedLabel("title", self)
        self.chip = StateChip(desk.look, parent=self)
        self.buttons = ControlButtons(desk.look, SCAN_ACTIONS, parent=self)
        self.export = QPushButton("Export …", self)
        self.export.setMinimumWidth(120)
        self.export.setToolTip("Write this scan as a file that other programs read")
        self.choose_file: Choose = choose_file
        self.exported = Notice(desk.look, self)
        self.progress = ProgressLine(desk.look, self)
        self.trouble = Notice(desk.look, self)
        self.plot = LivePlot(desk.look, desk.follower.records, self)
        self.facts = Facts(self)
        self._lay_out()
        self._second = QTimer(self)
        self._second.setInterval(1_000)
        self._second.timeout.connect(self._redraw_facts)
        self._second.start()
        self.buttons.asked.connect(self._ask)
        self.export.clicked.connect(self._export)
        desk.exports.progressed.connect(self._show_export)
        desk.exports.ended.connect(self._export_ended)
        desk.commands.began.connect(lambda action, whom: self._busy(whom, action))
        desk.commands.ended.connect(lambda _action, whom, _refusal: self._busy(whom, None))
        desk.follower.grew.connect(self.plot.redraw)

    def _lay_out(self) -> None:
        look = self._desk.look
        head = QHBoxLayout()
        head.setSpacing(look.size("space-3"))
        head.addWidget(self.title, 1)
        head.addWidget(self.chip)
        head.addWidget(self.buttons)
        head.addWidget(self.export)
        chart, inside = card(self)
        inside.addWidget(self.plot, 1)
        facts = QWidget(self)
        facts.setObjectName("page")
        column = QVBoxLayout(facts)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(label("Facts", "section", facts))
        column.addWidget(self.facts)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFixedWidth(300)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(facts)
        row = QHBoxLayout()
        row.setSpacing(look.size("space-4"))
        row.addWidget(chart, 1)
        row.addWidget(scroll)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 16, 24, 24)
        whole.setSpacing(look.size("space-3"))
        whole.addLayout(head)
        whole.addWidget(self.progress)
        whole.addWidget(self.trouble)
        whole.addWidget(self.exported)
        whole.addLayout(row, 1)

    def _scan(self) -> dict[str, Any] | None:
        return self._desk.view.scans.get(self._desk.follower.scan_id or "")

    def redraw(self) -> None:
        scan = self._scan()
        self.title.set_whole(str(scan["name"]) if scan else "No scan yet")
        self.chip.show_state(str(scan["status"]) if scan else "", scan.get("requested") if scan else None)
        self.progress.show_progress(
            *((scan.get("progress") or 0.0, scan["status"]) if scan else (0.0, "queued"))
        )
        self.buttons.show_allowed(allowed_of_scan(scan))
        self.export.setEnabled(self._desk.exports.is_busy or bool(scan and scan.get("points_done")))
        trouble = str(scan.get("error") or "") if scan else ""
        if trouble != self.trouble.text:
            self.trouble.say(trouble)
        self.plot.set_notice(waiting_words(self._desk))
        self._redraw_facts()

    def _redraw_facts(self) -> None:
        scan = self._scan()
        if scan is None or not self.isVisible():
            return
        elapsed = format.seconds_since(scan.get("started_at"), scan.get("finished_at"))
        done = scan.get("points_done") or 0
        left = format.remaining(scan)
        sample = scan.get("sample") or {}
        ends = None if left is None else datetime.now().astimezone() + timedelta(seconds=left)
        self.facts.set_facts(
            {
                "Points": format.points_of(scan),
                "Rate": f"{done / elapsed:.3g} per second" if elapsed and elapsed > 0.5 and done else "",
                "Elapsed": format.duration(elapsed) if elapsed is not None else "",
                "Remaining": ""
                if left is None or ends is None
                else f"{format.duration(left)}, until {ends:%H:%M:%S}",
                "Started": format.day_and_clock(scan.get("started_at")),
                "Finished": format.day_and_clock(scan.get("finished_at")),
                "Sample": " ".join(filter(None, (sample.get("ID"), sample.get("material")))),
                "Project": str(scan.get("project") or ""),
                "Type": " · ".join(filter(None, (scan.get("scan_type"), scan.get("job_type")))),
                "Owner": str(scan.get("owner") or ""),
                "Tags": ", ".join(scan.get("tags") or ()),
                "Scan id": str(scan["scan_id"]),
            }
        )

    def showEvent(self, a0: Any) -> None:
        super().showEvent(a0)
        self._redraw_facts()

    def _ask(self, action: str) -> None:
        scan = self._scan()
        if scan is not None:
            self._desk.commands.ask(action, queue_id=scan.get("queue_id"), scan_id=scan["scan_id"])

    def _export(self) -> None:
        """Ask where to and begin; while one is under way, end it."""
        if self._desk.exports.is_busy:
            self._desk.exports.cancel()
            return
        scan = self._scan()
        if scan is None:
            return
        path, format = self.choose_file(self, f"{scan['name']}-{scan['scan_id']}")
        if path:
            self.exported.say("")
            self._desk.exports.start(str(scan["scan_id"]), path, format)

    def _show_export(self, percent: int) -> None:
        self.export.setText(f"Cancel ({percent} %)")

    def _export_ended(self, sentence: str, refused: bool) -> None:
        self.export.setText("Export …")
        self.exported.say(sentence, error=refused)
        self.redraw()

    def _busy(self, whom: str, action: str | None) -> None:
        if whom == self._desk.follower.scan_id:
            self.buttons.show_busy(action)
