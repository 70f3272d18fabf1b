"""What is refused before any framework sees it: strange hosts, and Socket.IO for the unknown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from database.web.identity import known
from database.web.sockets import MOST_BODY, MOST_SOCKETS, RESERVED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication
    from flask import Flask


class Gate:
    """WSGI middleware around the whole app.

    - A Host header that is not ours is refused: a page elsewhere whose name was made to point here
      (DNS rebinding) gets nothing.
    - `/socket.io` answers 401 before the handshake unless cookie or bearer token are valid, and 413
      to any POST body over 64 KB, so that nobody unknown can hold a thread.
    """

    def __init__(
        self,
        app: Flask,
        inner: WSGIApplication,
        allowed_hosts: frozenset[str] | None,
        connected: Callable[[], int],
    ) -> None:
        self._app = app
        self._inner = inner
        self._allowed_hosts = allowed_hosts
        self._connected = connected

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        refusal = self._refusal(environ)
        if refusal is None:
            return self._inner(environ, start_response)
        status, message = refusal
        body = json.dumps({"ok": False, "error": {"message": message}}).encode()
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        start_response(status, headers)
        return [body]

    def _refusal(self, environ: dict[str, Any]) -> tuple[str, str] | None:
        if (
            self._allowed_hosts is not None
            and host_name(environ.get("HTTP_HOST", "")) not in self._allowed_hosts
        ):
            return "400 Bad Request", "This server does not go by that name; add it to TRUSTED_HOSTS."
        if not environ.get("PATH_INFO", "").strip("/").startswith("socket.io"):
            return None
        if too_large(environ):
            return "413 Content Too Large", f"A message may have {MOST_BODY} bytes."
        with self._app.request_context(environ):
            identity = known()
        if identity is None:
            return "401 Unauthorized", "Sign in, or send a token as Authorization: Bearer."
        most = MOST_SOCKETS + (RESERVED if identity.kind == "token" else 0)
        if "sid=" not in environ.get("QUERY_STRING", "") and self._connected() >= most:
            return "503 Service Unavailable", f"{most} connections are open; close another page first."
        return None


def host_name(header: str) -> str:
    """The Host header without its port, lower case, without the brackets of an IPv6 address."""
    header = header.strip().lower()
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].rstrip(".")


def too_large(environ: dict[str, Any]) -> bool:
    """Whether a body is over the limit, or does not say how long it is."""
    if environ.get("REQUEST_METHOD") != "POST":
        return False
    try:
        return not 0 <= int(environ.get("CONTENT_LENGTH") or -1) <= MOST_BODY
    except ValueError:
        return True
