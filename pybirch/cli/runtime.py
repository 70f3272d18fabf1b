"""The files in DATA_STORAGE_PATH/run that say who runs now, and whether they still do."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

CREATED_TOLERANCE_S = 1.0
"""Two readings of one process's start may differ by clock ticks, never by more."""


@dataclass(frozen=True, slots=True)
class ServerFile:
    """`server.json`, written by the server for its owner's eyes only."""

    url: str
    pid: int
    token: str


@dataclass(frozen=True, slots=True)
class StationFile:
    """`station.json`, written by the station that holds the lock; `error` is what ended it, if it was one."""

    pid: int
    epoch: str
    name: str
    created: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class ChildRecord:
    """A process that a supervisor started; pid and start time together name it for ever."""

    name: str
    pid: int
    created: float


def read_server(run_dir: Path) -> ServerFile | None:
    content = _read(run_dir / "server.json")
    try:
        return ServerFile(str(content["url"]).rstrip("/"), int(content["pid"]), str(content["token"]))
    except (KeyError, TypeError, ValueError):
        return None


def read_station(run_dir: Path) -> StationFile | None:
    content = _read(run_dir / "station.json")
    try:
        created, error = float(content.get("created") or 0.0), str(content.get("error") or "")
        return StationFile(int(content["pid"]), str(content["epoch"]), str(content["name"]), created, error)
    except (KeyError, TypeError, ValueError):
        return None


def read_children(run_dir: Path) -> dict[str, ChildRecord]:
    """What the last supervisor of this folder started, by name."""
    content = _read(run_dir / "children.json")
    found: dict[str, ChildRecord] = {}
    for name, record in content.items():
        try:
            found[name] = ChildRecord(str(name), int(record["pid"]), float(record["created"]))
        except (KeyError, TypeError, ValueError):
            continue
    return found


def write_children(run_dir: Path, records: Mapping[str, ChildRecord]) -> None:
    write_private(run_dir / "children.json", {name: asdict(record) for name, record in records.items()})


def write_private(file: Path, content: Mapping[str, Any]) -> None:
    """Replace the file in one step; only its owner may read it."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
    draft.replace(file)


def family(pid: int) -> set[int]:
    """The process and everything it has started: a server may answer from a worker of its own."""
    import psutil

    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.NoSuchProcess:
        return {pid}


def _read(file: Path) -> dict[str, Any]:
    """The file's JSON object; empty if it is not there, or half written by a process that died."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
