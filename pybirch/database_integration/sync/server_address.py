"""Where the running server is: the file it keeps for its owner's eyes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pybirch.errors import ServerUnavailableError


@dataclass(frozen=True)
class ServerAddress:
    url: str
    token: str = field(repr=False)


def find_server(folder: Path | str | None = None) -> ServerAddress:
    """The lab's running server, else its demo's.

    Args:
        folder: the lab's data folder; DATA_STORAGE_PATH or ``./data`` if not given.

    Raises:
        ServerUnavailableError: none runs; the text says how to start one.
    """
    data = Path(folder or os.environ.get("DATA_STORAGE_PATH") or "data")
    for file in _candidates(data):
        if (address := read_address(file)) is not None:
            return address
    raise ServerUnavailableError(
        "No server is running for this folder. Start one with “python run_web.py --demo”, "
        "or “python run_web.py” for your own lab."
    )


def read_address(file: Path) -> ServerAddress | None:
    """The address in a runtime file; None when it is missing, unreadable or its process has gone."""
    import psutil

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        url, pid, token = str(content["url"]), int(content["pid"]), str(content["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ServerAddress(url.rstrip("/"), token) if psutil.pid_exists(pid) else None


def _candidates(data: Path) -> Iterator[Path]:
    for folder in (data, data / "demo"):
        yield folder / "run" / "server.json"
