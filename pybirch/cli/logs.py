"""How the processes of a lab write their logs: level first, so that a reader can tell what matters."""

from __future__ import annotations

import logging

CHATTY = ("alembic.runtime.plugins", "pybirch.engineio", "pybirch.socketio")
"""Loggers that at INFO tell of every start-up step or every packet that is sent."""


def log_to_stderr(level: int = logging.INFO) -> None:
    """One line a record; a supervisor adds the time and who spoke."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
