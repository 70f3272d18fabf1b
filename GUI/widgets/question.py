"""A question with two answers, asked once."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QMessageBox, QWidget

Ask = Callable[[QWidget, str, str, str, str], bool]


def ask(parent: QWidget, title: str, text: str, yes: str, no: str) -> bool:
    """Whether somebody chose `yes`; closing the box is `no`."""
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setText(title)
    box.setInformativeText(text)
    agree = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
    refuse = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    assert agree is not None
    assert refuse is not None
    agree.setProperty("kind", "danger")
    box.setDefaultButton(agree)
    box.setEscapeButton(refuse)
    box.exec()
    return box.clickedButton() is agree
