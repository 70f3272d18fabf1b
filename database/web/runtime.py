"""The running server's address and token, in a file that only its owner can read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from database.services.tokens import OWN
from database.web.config import make_private_folder, persistent_secret, write_private
from pybirch.errors import ServerUnavailableError
from pybirch.events import utc_now

if TYPE_CHECKING:
    from database.services import DatabaseService

FILE = "server.json"
SCOPES = ("station", "operate", "read", "admin")


@dataclass(frozen=True)
class RunningServer:
    """What server.json says."""

    url: str
    pid: int
    token: str
    started_at: str


def announce(folder: Path, url: str, token: str, pid: int | None = None) -> Path:
    """Write server.json, atomically, for stations, windows and `pybirch link` of the same person.

    Args:
        pid: the process to end when the server is to end; this one unless given.
    """
    make_private_folder(folder)
    path = folder / FILE
    temporary = folder / f".{FILE}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    write_private(temporary, json.dumps(asdict(RunningServer(url, pid or os.getpid(), token, utc_now()))))
    os.replace(temporary, path)
    return path


def withdraw(folder: Path, pid: int | None = None) -> None:
    """Remove server.json if it is this process's (or that of `pid`)."""
    try:
        if find_server(folder).pid == (pid or os.getpid()):
            (folder / FILE).unlink()
    except (ServerUnavailableError, FileNotFoundError):
        return


def find_server(folder: Path) -> RunningServer:
    """What server.json says.

    Raises:
        ServerUnavailableError: there is no such file, or it is not readable.
    """
    path = folder / FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return RunningServer(told["url"], int(told["pid"]), told["token"], told["started_at"])
    except FileNotFoundError:
        raise ServerUnavailableError(f"No server is running here: there is no {path}.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServerUnavailableError(f"{path} cannot be read: {error}") from error


def local_token(db: DatabaseService, folder: Path) -> str:
    """The token of this machine's own stations and windows; the same one after a restart, unless it was
    revoked meanwhile."""

    def make() -> str:
        return db.tokens.create(OWN, None, scopes=SCOPES)[1]

    path = folder / "token"
    secret = persistent_secret(path, make)
    if db.tokens.find(secret) is None:
        path.unlink()
        secret = persistent_secret(path, make)
    return secret
