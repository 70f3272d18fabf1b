"""Qt's style sheet; `@name` stands for a token of the look."""

from __future__ import annotations

STYLE = """
QWidget { font-size: @text-body; color: @text; }
QMainWindow, QDialog, QWidget#page { background: @background; }
QLabel { background: transparent; }
QLabel[role="title"] { font-size: @text-title; font-weight: 600; }
QLabel[role="section"] { font-size: @text-body; font-weight: 600; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="small"] { color: @muted; font-size: @text-small; }
QLabel[role="error"] {
    color: @danger;
    background: @danger-soft;
    border: 1px solid @danger;
    border-radius: @radius;
    padding: 8px 12px;
}
QLabel[role="note"] {
    color: @text;
    background: @raised;
    border: 1px solid @border;
    border-radius: @radius;
    padding: 8px 12px;
}
QLabel[role="value"] { font-size: @text-large; font-weight: 600; }
QFrame#bar { background: @surface; border: none; border-bottom: 1px solid @border; }
QFrame#rail { background: @surface; border: none; border-right: 1px solid @border; }
QFrame#card { background: @surface; border: 1px solid @border; border-radius: @radius; }
QFrame#card[chosen="true"] { border: 1px solid @accent; }
QToolButton#nav {
    border: none;
    border-left: 3px solid transparent;
    border-radius: 0;
    padding: 8px 12px 8px 13px;
    text-align: left;
    color: @muted;
    background: transparent;
}
QToolButton#nav:hover { background: @raised; color: @text; }
QToolButton#nav:checked {
    color: @accent;
    background: @accent-soft;
    border-left: 3px solid @accent;
    font-weight: 600;
}
QToolButton#nav:focus { border-left: 3px solid @border-strong; }
QToolButton#nav:checked:focus { border-left: 3px solid @accent; }
QPushButton {
    background: @surface;
    border: 1px solid @border-strong;
    border-radius: @radius;
    padding: 5px 12px;
    min-height: 20px;
}
QPushButton:hover { background: @raised; }
QPushButton:pressed { background: @border; }
QPushButton:focus { border: 1px solid @accent; }
QPushButton:disabled { color: @muted; border: 1px solid @border; background: @background; }
QPushButton[kind="primary"] {
    background: @accent;
    color: @on-accent;
    border: 1px solid @accent;
    font-weight: 600;
}
QPushButton[kind="primary"]:disabled {
    color: @muted;
    border: 1px solid @border;
    background: @background;
    font-weight: 400;
}
QPushButton[kind="danger"] {
    color: @danger;
    border: 1px solid @danger;
    background: @danger-soft;
    font-weight: 600;
}
QPushButton[kind="danger"]:hover { background: @danger; color: @surface; }
QPushButton[kind="plain"] { border: none; background: transparent; color: @accent; padding: 5px 8px; }
QComboBox, QLineEdit {
    background: @surface;
    border: 1px solid @border-strong;
    border-radius: @radius;
    padding: 4px 8px;
    min-height: 20px;
    selection-background-color: @accent;
    selection-color: @on-accent;
}
QComboBox:focus, QLineEdit:focus { border: 1px solid @accent; }
QComboBox:disabled, QLineEdit:disabled {
    color: @muted;
    border: 1px solid @border;
    background: @background;
}
QComboBox::drop-down { border: none; width: 22px; }
QComboBox::down-arrow { image: none; }
QComboBox QAbstractItemView {
    background: @surface;
    border: 1px solid @border;
    selection-background-color: @accent-soft;
    selection-color: @text;
    outline: none;
}
QTableView, QListView, QPlainTextEdit {
    background: @surface;
    border: 1px solid @border;
    border-radius: @radius;
    gridline-color: transparent;
    outline: none;
    selection-background-color: @accent-soft;
    selection-color: @text;
}
QTableView::item { border-bottom: 1px solid @border; padding: 0 8px; }
QTableView::item:selected { background: @accent-soft; color: @text; }
QHeaderView { background: @surface; border: none; }
QHeaderView::section {
    background: @surface;
    color: @muted;
    font-size: @text-small;
    font-weight: 600;
    border: none;
    border-bottom: 1px solid @border;
    padding: 6px 8px;
}
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle {
    background: @border-strong;
    border-radius: 4px;
    margin: 1px;
    min-height: 24px;
    min-width: 24px;
}
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QScrollArea { border: none; background: transparent; }
QSplitter::handle { background: transparent; }
QToolTip { background: @raised; color: @text; border: 1px solid @border-strong; padding: 4px; }
"""
