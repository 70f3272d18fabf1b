"""A table of rows from the lab: columns by description, cells painted where words are not enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QRectF, Qt, Signal  # pyright: ignore[reportPrivateImportUsage]
from qtpy.QtGui import QFontMetrics, QPainter
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from GUI.look import Look
from GUI.widgets.progress_line import paint_progress
from GUI.widgets.state_chip import paint_chip, word_of

Row = dict[str, Any]
ROW_HEIGHT = 36
ROW_ROLE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Column:
    """`text` gives the cell's words; `kind` text, number, state or progress; `width` 0 takes the rest."""

    title: str
    text: Callable[[Row], str]
    width: int = 0
    kind: str = "text"
    hint: Callable[[Row], str] | None = None


class RowModel(QAbstractTableModel):
    def __init__(self, columns: Sequence[Column], key: str, parent: Any = None) -> None:
        super().__init__(parent)
        self.columns = columns
        self.rows: list[Row] = []
        self._key = key
        self._shown: list[tuple[str, ...]] = []

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these; only what changed is painted again."""
        shown = [(*(c.text(r) for c in self.columns), str(r.get("requested"))) for r in rows]
        if [r[self._key] for r in rows] != [r[self._key] for r in self.rows]:
            self.beginResetModel()
            self.rows, self._shown = [dict(r) for r in rows], shown
            self.endResetModel()
            return
        before, self._shown = self._shown, shown
        self.rows = [dict(r) for r in rows]
        for number, (old, new) in enumerate(zip(before, shown, strict=True)):
            if old != new:
                last = len(self.columns) - 1
                self.dataChanged.emit(self.index(number, 0), self.index(number, last))

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.columns[section].title
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(self.columns[section])
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], self.columns[index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.text(row)
            case Qt.ItemDataRole.ToolTipRole:
                return (column.hint or column.text)(row)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(column)
            case Qt.ItemDataRole.UserRole:
                return row
        return None


def _alignment(column: Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.kind == "number" else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class CellPainter(QStyledItemDelegate):
    """States as chips, progress as bars, long words cut in the middle."""

    def __init__(self, look: Look, columns: Sequence[Column], parent: Any = None) -> None:
        super().__init__(parent)
        self._look = look
        self._columns = columns

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        assert painter is not None
        column, row, look = self._columns[index.column()], index.data(ROW_ROLE), self._look
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, look.color("accent-soft"))
        painter.setPen(look.color("border"))
        painter.drawLine(option.rect.bottomLeft(), option.rect.bottomRight())
        inside = QRectF(option.rect).adjusted(8, 0, -8, 0)
        match column.kind:
            case "state":
                state = str(row.get("status") or "")
                paint_chip(painter, inside, look, state, word_of(state, row.get("requested")))
            case "progress":
                paint_progress(painter, inside, look, row.get("progress") or 0.0, str(row.get("status")))
            case _:
                text = column.text(row)
                painter.setPen(look.color("muted" if text == "–" else "text"))
                metrics = QFontMetrics(painter.font())
                shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, int(inside.width()))
                painter.drawText(inside, _alignment(column), shown)


class RowTable(QTableView):
    """`chosen(key)` when the selection moves, `opened(key)` on double click or Enter."""

    chosen = Signal(str)
    opened = Signal(str)

    def __init__(
        self, look: Look, columns: Sequence[Column], key: str, empty: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._look = look
        self._key = key
        self._empty = empty
        self._rows = RowModel(columns, key, self)
        self._kept: str | None = None
        self.setModel(self._rows)
        self.setItemDelegate(CellPainter(look, columns, self))
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setWordWrap(False)
        self._set_widths(columns)
        selection = self.selectionModel()
        assert selection is not None
        selection.currentRowChanged.connect(self._selected)
        self.activated.connect(lambda index: self.opened.emit(str(index.data(ROW_ROLE)[key])))
        look.changed.connect(self._repaint)

    def _set_widths(self, columns: Sequence[Column]) -> None:
        across, down = self.horizontalHeader(), self.verticalHeader()
        assert across is not None
        assert down is not None
        down.setDefaultSectionSize(ROW_HEIGHT)
        down.setMinimumSectionSize(ROW_HEIGHT)
        down.hide()
        across.setHighlightSections(False)
        across.setMinimumSectionSize(48)
        for number, column in enumerate(columns):
            if column.width:
                across.setSectionResizeMode(number, QHeaderView.ResizeMode.Interactive)
                self.setColumnWidth(number, column.width)
            else:
                across.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)

    @property
    def rows(self) -> list[Row]:
        return self._rows.rows

    def set_rows(self, rows: Sequence[Row]) -> None:
        self._rows.set_rows(rows)
        if self._kept is not None and not self.currentIndex().isValid():
            self.choose(self._kept)
        if not rows:
            self._repaint()

    def choose(self, key: str) -> None:
        """Select that row, if it is here."""
        self._kept = key
        for number, row in enumerate(self._rows.rows):
            if row[self._key] == key:
                self.setCurrentIndex(self._rows.index(number, 0))

    def _selected(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self._kept = str(current.data(ROW_ROLE)[self._key])
            self.chosen.emit(self._kept)

    def _repaint(self) -> None:
        port = self.viewport()
        if port is not None:
            port.update()

    def paintEvent(self, e: Any) -> None:
        super().paintEvent(e)
        port = self.viewport()
        if not self._rows.rows and self._empty and port is not None:
            painter = QPainter(port)
            painter.setPen(self._look.color("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(port.rect().adjusted(24, 12, -24, -12), flags, self._empty)
            painter.end()
