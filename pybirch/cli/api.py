"""Calls to the running server, with the standard library alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from pybirch.cli.runtime import ServerFile, read_server
from pybirch.errors import ServerUnavailableError
from pybirch.lab_settings import LabSettings, lab_settings
from pybirch.processes import is_ours

_opener = build_opener(ProxyHandler({}))


class ServerRefusedError(ServerUnavailableError):
    """The server answered, and said no; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def post(
    server: ServerFile, path: str, content: dict[str, Any] | None = None, timeout: float = 5.0
) -> dict[str, Any]:
    """POST JSON with the runtime token and return the JSON that came back.

    Raises:
        ServerRefusedError: the answer was an error.
        ServerUnavailableError: there was no answer.
    """
    request = Request(
        server.url + path,
        data=json.dumps(content or {}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {server.token}"},
        method="POST",
    )
    try:
        with _opener.open(request, timeout=timeout) as answer:
            return json.loads(answer.read() or b"{}")
    except HTTPError as error:
        with error:
            raise ServerRefusedError(error.code, _refusal(server, error.code)) from None
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ServerUnavailableError(f"the server at {server.url} did not answer ({reason})") from None


def _refusal(server: ServerFile, status: int) -> str:
    if status == 401:
        return (
            f"the server at {server.url} refused this computer's own token, which was revoked: "
            "restart the server, and it makes itself a new one"
        )
    return f"the server at {server.url} answered {status}"


def sign_in_link(server: ServerFile) -> str:
    """A fresh link, good for ten minutes and one use."""
    link = str(post(server, "/api/link").get("url", ""))
    return link if "://" in link else server.url + link


def living_server(run_dir: Path) -> ServerFile | None:
    """The server that the runtime file names, if it is still alive."""
    server = read_server(run_dir)
    return server if server is not None and is_ours(server.pid) else None


def run_dirs(settings: LabSettings) -> tuple[Path, ...]:
    """The run folders of this lab's folder: its own, its demo's, and for a demo that of the lab."""
    data = settings.data_dir
    return tuple(folder / "run" for folder in (data, data.parent if data.name == "demo" else data / "demo"))


def find_server(settings: LabSettings) -> ServerFile:
    """This folder's running server: the lab's own, else its demo's.

    Raises:
        ServerUnavailableError: none runs.
    """
    for run_dir in run_dirs(settings):
        if server := living_server(run_dir):
            return server
    raise ServerUnavailableError(
        f"no server runs for {settings.data_dir}: start one with `make demo` or `python run_web.py`"
        + "".join(f"; one runs in {folder}: cd there first" for folder in folders_that_run())
    )


def folders_that_run() -> list[Path]:
    """The folders of this user's labs whose server runs now, where their data is in the usual place."""
    import psutil

    found = []
    for process in psutil.process_iter(["pid", "cwd", "cmdline"]):
        if process.info["cwd"] and "serve" in (process.info["cmdline"] or ()):
            folder = Path(process.info["cwd"])
            servers = map(living_server, run_dirs(lab_settings(folder=folder, environment={})))
            if any(server is not None and server.pid == process.info["pid"] for server in servers):
                found.append(folder)
    return sorted(found)
