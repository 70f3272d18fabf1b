"""The readings of a scan, live: a curve, or for spectra the newest curve over an image of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QRectF, Qt
from qtpy.QtGui import QFont, QShowEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from GUI import format
from GUI.look import Look
from GUI.record import Record
from GUI.widgets import curve
from GUI.widgets.choice import Choice
from pybirch.wire import split_column


class LivePlot(QWidget):
    """Draws `records`, measurement -> `Record`; `redraw` when they grew.

    A live plot follows until it is touched; then it offers "Follow".
    """

    def __init__(self, look: Look, records: Mapping[str, Record], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._records = records
        self._shown: tuple[str, ...] = ()
        self._labelled = ("", "")
        self._stale = True
        self._empty = "Choose a scan to see its readings."
        self.measurement = Choice(self._look, self)
        self.across = Choice(self._look, self)
        self.up = Choice(self._look, self)
        self.count = QLabel(self)
        self.count.setProperty("role", "muted")
        self.follow = QPushButton("Follow", self)
        self.follow.setProperty("kind", "plain")
        self.follow.setToolTip("Show everything and go on with what comes")
        self._make_plots()
        self._lay_out()
        self.measurement.activated.connect(self._measurement_chosen)
        self.across.activated.connect(self.draw_now)
        self.up.activated.connect(self.draw_now)
        self.follow.clicked.connect(self._follow)
        look.changed.connect(self._dress)
        self._dress()
        self.draw_now()

    def _make_plots(self) -> None:
        self.curves: Any = pg.PlotWidget(self)
        self.spectra: Any = pg.PlotWidget(self)
        self.plot: Any = self.curves.getPlotItem()
        self.image_plot: Any = self.spectra.getPlotItem()
        self.line: Any = self.plot.plot([], [])
        self.last: Any = pg.ScatterPlotItem(size=8)
        self.label: Any = pg.TextItem(anchor=(1, 1))
        self.plot.addItem(self.last)
        self.plot.addItem(self.label, ignoreBounds=True)
        self.plot.hideButtons()
        self.plot.setMenuEnabled(False)
        self.image: Any = pg.ImageItem(axisOrder="row-major")
        self.image.setColorMap(pg.colormap.get("viridis"))
        self.image_plot.addItem(self.image)
        self.image_plot.hideButtons()
        self.image_plot.setMenuEnabled(False)
        self.plot.vb.sigXRangeChanged.connect(
            lambda _, seen: self.image_plot.setXRange(*seen, padding=0)  # one scale across for both
        )
        self.image_plot.setLabel("left", curve.INDEX)
        for plot in (self.plot, self.image_plot):
            plot.getAxis("left").setWidth(72)
        self.notice = QLabel(self)
        self.notice.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.notice.setProperty("role", "muted")
        self.plot.vb.sigRangeChangedManually.connect(lambda *_: self.follow.show())
        self.curves.scene().sigMouseClicked.connect(lambda e: self._follow() if e.double() else None)

    def _lay_out(self) -> None:
        self.controls = QWidget(self)
        row = QHBoxLayout(self.controls)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(self._look.size("space-2"))
        for word, box in (("", self.measurement), ("x", self.across), ("y", self.up)):
            if word:
                name = QLabel(word, self)
                name.setProperty("role", "muted")
                name.setBuddy(box)
                row.addWidget(name)
            row.addWidget(box)
        self.measurement.setToolTip("Measurement")
        self.across.setToolTip("What is drawn across (x)")
        self.up.setToolTip("What is drawn up (y)")
        row.addStretch(1)
        row.addWidget(self.follow)
        row.addWidget(self.count)
        self.follow.hide()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(self._look.size("space-2"))
        whole.addWidget(self.controls)
        whole.addWidget(self.notice, 1)
        whole.addWidget(self.curves, 3)
        whole.addWidget(self.spectra, 2)

    # What is told from outside

    def set_notice(self, text: str) -> None:
        """What to say while there is nothing to draw."""
        self._empty = text
        if not self._record():
            self.notice.setText(text)

    def redraw(self) -> None:
        """There is something new; drawn at once if anybody can see it."""
        self._stale = True
        if self.isVisible():
            self.draw_now()

    def showEvent(self, a0: QShowEvent | None) -> None:
        super().showEvent(a0)
        if self._stale:
            self.draw_now()

    # Drawing

    def draw_now(self) -> None:
        self._stale = False
        self._offer_choices()
        record = self._record()
        self.notice.setVisible(not record)
        self.notice.setText("" if record else self._empty)
        for part in (self.controls, self.curves):
            part.setVisible(bool(record))
        self.spectra.setVisible(bool(record and record.arrays))
        if not record:
            self.count.setText("")
            self.line.setData([], [])
            self.last.setData([], [])
            return
        x, y = self.across.currentText(), self.up.currentText()
        if record.arrays:
            self._draw_arrays(record, x, y)
        elif x and y:
            self._draw_curve(*curve.points(record, x, y), split=x in record.positions)
        self._label_axes(x, y)
        held = "" if record.start == 0 else f", the newest {format.count(len(record))} shown"
        self.count.setText(f"{format.count(record.end)} readings{held}")

    def _draw_curve(self, x: np.ndarray, y: np.ndarray, *, split: bool = False) -> None:
        joined = curve.breaks(x) if split else None
        few = len(x) <= 150
        self.line.setData(
            x,
            y,
            connect="finite" if joined is None else joined,
            symbol="o" if few else None,
            symbolSize=4,
            symbolPen=None,
            symbolBrush=self._look.color("series-1"),
        )
        good = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if not len(good):
            self.last.setData([], [])
            self.label.hide()
            return
        here = good[-1]
        self.last.setData([x[here]], [y[here]])
        unit = split_column(self.up.currentText())[1]
        self.label.show()
        self.label.setText(format.quantity(y[here], unit))
        self._place_label(float(x[here]), float(y[here]), x[good], y[good])

    def _place_label(self, x: float, y: float, xs: np.ndarray, ys: np.ndarray) -> None:
        left = x < xs.min() + 0.25 * (np.ptp(xs) or 1)
        high = y > ys.min() + 0.8 * (np.ptp(ys) or 1)
        self.label.setAnchor((-0.08 if left else 1.08, -0.15 if high else 1.15))
        self.label.setPos(x, y)

    def _draw_arrays(self, record: Record, x: str, y: str) -> None:
        newest = record.arrays[y][-1]
        across = record.arrays.get(x, [np.arange(len(newest), dtype=float)])[-1]
        if len(across) != len(newest):
            across = np.arange(len(newest), dtype=float)
        self._draw_curve(across, newest)
        self.label.hide()
        self.last.setData([], [])
        rows = curve.picture(record, y)
        self.spectra.setVisible(rows is not None and len(rows) > 1)
        if rows is None or len(rows) < 2:
            return
        finite = rows[np.isfinite(rows)]
        levels = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        self.image.setImage(rows, levels=levels if levels[0] < levels[1] else (levels[0], levels[0] + 1))
        first = record.end - len(record.arrays[y])
        low, high = float(np.nanmin(across)), float(np.nanmax(across))
        self.image.setRect(QRectF(low, first, high - low or 1.0, len(record.arrays[y])))

    # Choices

    def _record(self) -> Record | None:
        record = self._records.get(self.measurement.currentText())
        return record if record is not None and len(record) else None

    def _offer_choices(self) -> None:
        filled = [name for name, record in self._records.items() if len(record)]
        if filled != self.measurement.items():
            self.measurement.offer(filled, self.measurement.currentText())
        for widget in (self.measurement, self.across, self.up):
            widget.setEnabled(bool(filled))
        record = self._record()
        if record is None:
            for widget in (self.across, self.up):
                widget.clear()
            self._shown = ()
            return
        names = (self.measurement.currentText(), *record.positions, *record.values, *record.arrays)
        if names != self._shown:
            self._shown = names
            offered = curve.choices_of(record)
            self.across.offer(offered.x, offered.first_x)
            self.up.offer(offered.y, offered.first_y)

    def _measurement_chosen(self) -> None:
        self._shown = ()
        self._follow()

    def _follow(self) -> None:
        self.plot.enableAutoRange()
        self.image_plot.enableAutoRange("y")
        self.follow.hide()
        self.draw_now()

    # Looks

    def _label_axes(self, x: str, y: str) -> None:
        if (x, y) == self._labelled:
            return
        self._labelled = (x, y)
        _label(self.plot.getAxis("bottom"), x)
        _label(self.image_plot.getAxis("bottom"), x)
        _label(self.plot.getAxis("left"), y)

    def _dress(self) -> None:
        look = self._look
        for widget in (self.curves, self.spectra):
            widget.setBackground(look.color("surface"))
        self.line.setPen(pg.mkPen(look.color("series-1"), width=1.5))
        self.last.setPen(pg.mkPen(look.color("surface"), width=1.5))
        self.last.setBrush(look.color("series-1"))
        self.label.setColor(look.color("text"))
        self.label.fill = pg.mkBrush(look.color("raised"))
        font = QFont()
        font.setPixelSize(look.size("text-small"))
        for plot in (self.plot, self.image_plot):
            plot.showGrid(x=True, y=True, alpha=0.16)
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(look.color("border-strong"))
                axis.setTextPen(look.color("muted"))
                axis.setStyle(tickFont=font, tickLength=-4)
        self.redraw()


def _label(axis: Any, column: str) -> None:
    """Name and unit; the ticks carry an engineering prefix where the unit takes one."""
    name, unit = split_column(column)
    takes_prefix = unit in format.TAKES_PREFIX
    axis.enableAutoSIPrefix(takes_prefix)
    if takes_prefix:
        axis.setLabel(name, units=unit)
    else:
        axis.autoSIPrefixScale = 1.0  # else the last prefix goes on scaling the ticks
        axis.setLabel(column)
