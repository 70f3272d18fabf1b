"""Dashboard: what runs now."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtWidgets import QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from GUI.desk import Desk, ElidedLabel, card, label
from GUI.widgets.instrument_table import InstrumentTable
from GUI.widgets.live_plot import LivePlot
from GUI.widgets.queue_card import QueueCard
from GUI.widgets.state_chip import StateChip

MOST_TALL = 330


class _AsTallAsNeeded(QScrollArea):
    """As tall as what is inside, up to two queues; more are reached by scrolling."""

    def __init__(self, inside: QWidget, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setWidget(inside)

    def sizeHint(self) -> QSize:
        inside = self.widget()
        tall = inside.sizeHint().height() if inside is not None else 0
        return QSize(400, min(MOST_TALL, tall))

    def fit(self) -> None:
        self.updateGeometry()


class DashboardPage(QWidget):
    queue_opened = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._desk = desk
        self.cards: dict[str, QueueCard] = {}
        self.plot = LivePlot(desk.look, desk.follower.records, self)
        self.instruments = InstrumentTable(desk.look, short=True, parent=self)
        self._name = ElidedLabel("section", self)
        self._chip = StateChip(desk.look, parent=self)
        self._nothing = label("", "note", self)
        self._nothing.setWordWrap(True)
        self._lay_out()
        desk.follower.grew.connect(self.plot.redraw)

    def _lay_out(self) -> None:
        look = self._desk.look
        queues = QWidget(self)
        self._queues = QVBoxLayout(queues)
        self._queues.setContentsMargins(0, 0, 0, 0)
        self._queues.setSpacing(look.size("space-2"))
        self._queues.addWidget(self._nothing)
        self._queues.addStretch(1)
        scroll = _AsTallAsNeeded(queues, self)
        queues.setObjectName("page")
        live, inside = card(self)
        head = QHBoxLayout()
        head.addWidget(self._name, 1)
        head.addWidget(self._chip)
        inside.addLayout(head)
        inside.addWidget(self.plot, 1)
        self._scroll = scroll
        main = QVBoxLayout()
        main.setSpacing(look.size("space-4"))
        main.addWidget(scroll)
        main.addWidget(live, 1)
        side = QWidget(self)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(look.size("space-2"))
        column.addWidget(self.instruments, 1)
        side.setMinimumWidth(410)
        side.setMaximumWidth(470)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(24, 16, 24, 24)
        whole.setSpacing(look.size("space-3"))
        whole.addWidget(label("Dashboard", "title", self))
        row = QHBoxLayout()
        row.setSpacing(look.size("space-4"))
        row.addLayout(main, 1)
        row.addWidget(side)
        whole.addLayout(row, 1)

    def redraw(self) -> None:
        view = self._desk.view
        for queue_id in set(self.cards) - set(view.queues):
            self.cards.pop(queue_id).deleteLater()
        for queue_id in view.queues:
            if queue_id not in self.cards:
                self._add_card(queue_id)
            self.cards[queue_id].redraw()
        self._nothing.setVisible(not self.cards)
        self._nothing.setText(
            "No queue yet. Open one in a script with MainWindow(queue=…), or run “pybirch station my_lab.py”."
            if view.loaded
            else view.connection.message or "Looking at the lab …"
        )
        self._scroll.fit()
        self.instruments.set_rows(list(view.instruments.values()))
        scan = view.scans.get(self._desk.follower.scan_id or "")
        self._name.set_whole(str(scan["name"]) if scan else "Nothing measured yet")
        self._chip.show_state(str(scan["status"]) if scan else "", scan.get("requested") if scan else None)
        self._chip.setVisible(scan is not None)
        self.plot.set_notice(waiting_words(self._desk))

    def _add_card(self, queue_id: str) -> None:
        made = QueueCard(self._desk, queue_id, self)
        made.opened.connect(self.queue_opened)
        self.cards[queue_id] = made
        self._queues.insertWidget(self._queues.count() - 1, made)


def waiting_words(desk: Desk) -> str:
    """What to say where no reading is yet."""
    scan = desk.view.scans.get(desk.follower.scan_id or "")
    if desk.follower.is_loading:
        return "Reading the record …"
    match scan["status"] if scan else "":
        case "":
            return "Readings appear here as they are taken."
        case "queued":
            return "This scan waits for its turn; its readings appear here as they are taken."
        case "running" | "paused":
            return "The first reading is on its way."
    return "This scan ended without a reading."
