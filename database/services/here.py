"""Who runs this program, and where."""

from __future__ import annotations

import getpass
import socket


def person() -> str:
    """The account this program runs under; empty where the computer does not tell."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def address() -> str:
    """``person@computer``."""
    return f"{person()}@{socket.gethostname()}"
