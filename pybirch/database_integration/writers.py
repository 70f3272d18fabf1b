"""Names for those who write into the record: each is used by one life of one program."""

from __future__ import annotations

import os
import re
import secrets
import socket

from pybirch.processes import began_at, lives

_SCRIPT = re.compile(r"script (?P<host>\S+) (?P<pid>\d+) (?P<created>[\d.]+):")


def new_writer() -> str:
    """A name for one writer of this process, never used twice; it tells which process that is."""
    created = began_at()
    return f"script {socket.gethostname()} {os.getpid()} {created:.2f}:{secrets.token_hex(8)}"


def is_another_living_script(writer: str | None) -> bool:
    """Whether `writer` is of another process of this computer, which still lives."""
    told = _SCRIPT.match(writer or "")
    if told is None or told["host"] != socket.gethostname() or int(told["pid"]) == os.getpid():
        return False
    return lives(int(told["pid"]), float(told["created"]))
