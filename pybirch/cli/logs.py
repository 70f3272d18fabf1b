"""How the processes of a lab write their logs: level first, so that a reader can tell what matters."""

from __future__ import annotations

import logging


def log_to_stderr(level: int = logging.INFO) -> None:
    """One line a record; a supervisor adds the time and who spoke."""
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
