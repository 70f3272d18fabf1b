"""Finding the server that runs on this computer, through the file only its owner can read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from pybirch.errors import ServerUnavailableError

RUNTIME_FILE = Path("run") / "server.json"


def find_server(data_dir: Path | str | None = None) -> tuple[str, str]:
    """Address and token of the server of this data folder.

    Args:
        data_dir: the lab's data folder; by default DATA_STORAGE_PATH, ``data`` and ``data/demo``.

    Raises:
        ServerUnavailableError: none runs; says how to start one.
    """
    for folder in _folders(data_dir):
        try:
            known = json.loads((folder / RUNTIME_FILE).read_text(encoding="utf-8"))
            if _is_alive(int(known["pid"])):
                return str(known["url"]), str(known["token"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    raise ServerUnavailableError("no PyBirch server runs here; start one with `python run_web.py`")


def _folders(data_dir: Path | str | None) -> Iterator[Path]:
    if data_dir is not None:
        yield Path(data_dir)
        return
    if os.environ.get("DATA_STORAGE_PATH"):
        yield Path(os.environ["DATA_STORAGE_PATH"])
    yield Path("data")
    yield Path("data") / "demo"


def _is_alive(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)
