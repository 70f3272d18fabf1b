"""Calls to the running server, with the standard library alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from pybirch.cli.runtime import ServerFile, is_ours, read_server
from pybirch.cli.settings import LabSettings
from pybirch.errors import ServerUnavailableError

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
            raise ServerRefusedError(
                error.code, f"the server at {server.url} answered {error.code}"
            ) from None
    except (URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ServerUnavailableError(f"the server at {server.url} did not answer ({reason})") from None


def sign_in_link(server: ServerFile) -> str:
    """A fresh link, good for ten minutes and one use."""
    link = str(post(server, "/api/link").get("url", ""))
    return link if "://" in link else server.url + link


def living_server(run_dir: Path) -> ServerFile | None:
    """The server that the runtime file names, if it is still alive."""
    server = read_server(run_dir)
    return server if server is not None and is_ours(server.pid) else None


def find_server(settings: LabSettings) -> ServerFile:
    """This folder's running server: the lab's own, else its demo's.

    Raises:
        ServerUnavailableError: none runs.
    """
    for run_dir in (settings.run_dir, settings.data_dir / "demo" / "run"):
        if server := living_server(run_dir):
            return server
    raise ServerUnavailableError(
        f"no server runs for {settings.data_dir}: start one with `make demo` or `python run_web.py`"
    )
