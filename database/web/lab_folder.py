"""How to call `pybirch link` in the lab's folder: for who sits at the machine, and nobody else."""

from __future__ import annotations

import ipaddress
import shlex
import sys
from pathlib import Path

from dotenv import dotenv_values
from flask import Request

from database.web.config import LOOPBACK
from database.web.gate import host_name

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")
"""Headers of a proxy: who asks through one may sit anywhere."""


def link_command(request: Request, storage: Path) -> str:
    """The command that prints a sign-in link; with the lab's folder if the request is from this machine.

    Args:
        request: who asks.
        storage: the lab's data folder; if it is none the command would find, the folder is of no help.
    """
    folder = Path.cwd()
    if sys.platform == "win32" or not is_from_here(request) or not _is_found(storage, folder):
        return "pybirch link"
    return f"cd {shlex.quote(str(folder))} && {shlex.quote(_program(folder))} link"


def is_from_here(request: Request) -> bool:
    """Whether the browser runs on this machine, as far as can be told: no proxy, and both ends loopback."""
    if any(header in request.headers for header in FORWARDED):
        return False
    try:
        near = ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    return near and host_name(request.host) in LOOPBACK


def _program(folder: Path) -> str:
    """`pybirch` of the environment this server runs in, as it is called from the folder."""
    program = Path(sys.executable).with_name("pybirch")
    if not program.exists():
        return "pybirch"
    return str(program.relative_to(folder) if program.is_relative_to(folder) else program)


def _is_found(storage: Path, folder: Path) -> bool:
    """Whether `pybirch link` in the folder looks for the server's address in this data folder."""
    usual = folder / (dotenv_values(folder / ".env").get("DATA_STORAGE_PATH") or "data")
    return (folder / storage).resolve() in (usual.resolve(), (usual / "demo").resolve())
