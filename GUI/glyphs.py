"""Small pictures drawn as paths: crisp at any size, in any colour, from no file."""

from __future__ import annotations

import math
from collections.abc import Callable

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap, QPolygonF

Draw = Callable[[QPainter], None]
BOX = 16.0


def _fill(*points: tuple[float, float]) -> Draw:
    def draw(p: QPainter) -> None:
        p.setPen(Qt.PenStyle.NoPen)
        p.drawPolygon(QPolygonF([QPointF(x, y) for x, y in points]))

    return draw


def _stroke(*lines: tuple[tuple[float, float], ...], width: float = 1.6) -> Draw:
    def draw(p: QPainter) -> None:
        _line_pen(p, width)
        for line in lines:
            p.drawPolyline(QPolygonF([QPointF(x, y) for x, y in line]))

    return draw


def _line_pen(p: QPainter, width: float) -> None:
    pen = QPen(p.brush().color(), width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    p.setPen(pen)


def _ring(filled: bool = False, radius: float = 4.6) -> Draw:
    def draw(p: QPainter) -> None:
        color = p.brush().color()
        p.setPen(QPen(color, 1.6))
        if not filled:
            p.setBrush(Qt.BrushStyle.NoBrush)
        p.drawEllipse(QPointF(8, 8), radius, radius)
        p.setBrush(color)

    return draw


def _rects(*rects: tuple[float, float, float, float]) -> Draw:
    def draw(p: QPainter) -> None:
        p.setPen(Qt.PenStyle.NoPen)
        for x, y, w, h in rects:
            p.drawRoundedRect(QRectF(x, y, w, h), 0.8, 0.8)

    return draw


def _frames(*rects: tuple[float, float, float, float]) -> Draw:
    def draw(p: QPainter) -> None:
        color = p.brush().color()
        _line_pen(p, 1.4)
        p.setBrush(Qt.BrushStyle.NoBrush)
        for x, y, w, h in rects:
            p.drawRoundedRect(QRectF(x, y, w, h), 1, 1)
        p.setBrush(color)

    return draw


def _all(*draws: Draw) -> Draw:
    def draw(p: QPainter) -> None:
        for each in draws:
            each(p)

    return draw


def _again(p: QPainter) -> None:
    color = p.brush().color()
    _line_pen(p, 1.6)
    p.setBrush(Qt.BrushStyle.NoBrush)
    path = QPainterPath()
    path.arcMoveTo(QRectF(3, 3, 10, 10), 40)
    path.arcTo(QRectF(3, 3, 10, 10), 40, 290)
    p.drawPath(path)
    p.setBrush(color)
    p.setPen(Qt.PenStyle.NoPen)
    p.drawPolygon(QPolygonF([QPointF(9.4, 5.4), QPointF(14.2, 5.9), QPointF(13.6, 1.4)]))


def _octagon(p: QPainter) -> None:
    p.setPen(Qt.PenStyle.NoPen)
    turn = math.pi / 8
    corners = [QPointF(8 + 6.6 * math.cos(turn * k), 8 + 6.6 * math.sin(turn * k)) for k in range(1, 16, 2)]
    p.drawPolygon(QPolygonF(corners))


_WAVE = tuple((2 + x, 8 - 4 * math.sin(x * math.pi / 6)) for x in range(13))
_PLUG = _all(
    _stroke(((6, 2.5), (6, 5.5)), ((10, 2.5), (10, 5.5)), ((8, 11), (8, 14))), _rects((4, 5.5, 8, 5.5))
)

GLYPHS: dict[str, Draw] = {
    "queued": _ring(),
    "running": _fill((4.5, 3), (13, 8), (4.5, 13)),
    "paused": _rects((4, 3.5, 3, 9), (9, 3.5, 3, 9)),
    "completed": _stroke(((3.2, 8.6), (6.6, 12), (12.8, 4.6)), width=2.0),
    "aborted": _rects((4, 4, 8, 8)),
    "failed": _stroke(((4, 4), (12, 12)), ((12, 4), (4, 12)), width=2.0),
    "interrupted": _fill((9.4, 1.5), (3.4, 9), (7.2, 9), (6.2, 14.5), (12.6, 6.6), (8.6, 6.6)),
    "idle": _ring(),
    "stopping": _rects((4, 4, 8, 8)),
    "moving": _stroke(
        ((2, 8), (14, 8)), ((4.6, 5.2), (2, 8), (4.6, 10.8)), ((11.4, 5.2), (14, 8), (11.4, 10.8))
    ),
    "measuring": _stroke(_WAVE),
    "busy": _stroke(((4.5, 2.5), (11.5, 2.5), (4.5, 13.5), (11.5, 13.5), (4.5, 2.5))),
    "connected": _ring(filled=True, radius=3.4),
    "disconnected": _stroke(((3.5, 12.5), (12.5, 3.5))),
    "error": _all(_stroke(((8, 3), (8, 9)), width=2.2), _rects((6.9, 11.4, 2.2, 2.2))),
    "start": _fill((4.5, 3), (13, 8), (4.5, 13)),
    "pause": _rects((4, 3.5, 3, 9), (9, 3.5, 3, 9)),
    "resume": _all(_rects((2.6, 3.5, 2.4, 9)), _fill((6.8, 3.2), (14, 8), (6.8, 12.8))),
    "abort": _stroke(((4, 4), (12, 12)), ((12, 4), (4, 12)), width=2.0),
    "stop": _rects((4, 4, 8, 8)),
    "restart": _again,
    "leave": _stroke(((3.2, 8.6), (6.6, 12), (12.8, 4.6)), width=2.0),
    "halt": _octagon,
    "live": _ring(filled=True, radius=3.4),
    "local": _ring(filled=True, radius=3.4),
    "reconnecting": _again,
    "stale": _stroke(((8, 3.5), (8, 8.4), (11, 10.2))),
    "offline": _stroke(((3.5, 12.5), (12.5, 3.5))),
    "down": _stroke(((4, 6), (8, 10), (12, 6)), width=1.8),
    "dashboard": _frames((2.5, 2.5, 4.5, 6), (9, 2.5, 4.5, 3.2), (2.5, 10.6, 4.5, 3), (9, 7.8, 4.5, 5.8)),
    "queue": _stroke(((2.5, 4), (13.5, 4)), ((2.5, 8), (13.5, 8)), ((2.5, 12), (9.5, 12))),
    "scan": _stroke(((2.5, 2.5), (2.5, 13.5), (13.5, 13.5)), ((5, 10), (7.6, 6.6), (9.8, 8.8), (13.4, 4))),
    "instruments": _all(_ring(radius=5.6), _stroke(((8, 8), (10.6, 5.4)))),
    "extensions": _PLUG,
}


def pixmap(name: str, color: QColor, size: int = 16, ratio: float = 2.0) -> QPixmap:
    """The picture at `size` pixels; `ratio` for screens with more."""
    picture = QPixmap(round(size * ratio), round(size * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    draw(painter, name, color, QRectF(0, 0, size, size))
    painter.end()
    return picture


def icon(name: str, color: QColor, off: QColor | None = None, size: int = 16) -> QIcon:
    """An icon; `off` is its colour while disabled."""
    made = QIcon(pixmap(name, color, size))
    if off is not None:
        made.addPixmap(pixmap(name, off, size), QIcon.Mode.Disabled)
    return made


def button_icon(name: str, color: QColor, off: QColor) -> QIcon:
    """An icon with some room between it and the words beside it; for an icon size of 20 by 16."""
    made = QIcon()
    for tone, mode in ((color, QIcon.Mode.Normal), (off, QIcon.Mode.Disabled)):
        picture = QPixmap(40, 32)
        picture.setDevicePixelRatio(2.0)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        draw(painter, name, tone, QRectF(0, 0, 16, 16))
        painter.end()
        made.addPixmap(picture, mode)
    return made


def draw(painter: QPainter, name: str, color: QColor, rect: QRectF) -> None:
    """Paint the picture into `rect`."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(rect.topLeft())
    painter.scale(rect.width() / BOX, rect.height() / BOX)
    painter.setBrush(color)
    GLYPHS.get(name, GLYPHS["queued"])(painter)
    painter.restore()
