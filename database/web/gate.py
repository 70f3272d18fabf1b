"""What is refused before any framework sees it: strange hosts, and Socket.IO for the unknown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from database.web.identity import Identity, known, tell_known
from database.web.places import PLACE, Place, Places
from database.web.websocket import MOST_BODY

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication
    from flask import Flask


class Gate:
    """WSGI middleware around the whole app.

    - A Host header that is not ours is refused: a page elsewhere whose name was made to point here
      (DNS rebinding) gets nothing.
    - `/socket.io` answers 401 before the handshake unless cookie or bearer token are valid, 413 to any
      POST body over 64 KB, so that nobody unknown can hold a thread, and 503 when all places are taken
      or this identity has its share.
    """

    def __init__(
        self,
        app: Flask,
        inner: WSGIApplication,
        allowed_hosts: frozenset[str] | None,
        places: Places,
    ) -> None:
        self._app = app
        self._inner = inner
        self._allowed_hosts = allowed_hosts
        self._places = places

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        refusal = self._refusal(environ)
        if refusal is not None:
            return refuse(start_response, *refusal)
        try:
            return self._inner(environ, start_response)
        finally:
            if PLACE in environ:
                self._places.leave(environ[PLACE])

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
        tell_known(environ)
        if "sid" in parse_qs(environ.get("QUERY_STRING", "")):
            return None
        return self._no_place(environ, identity)

    def _no_place(self, environ: dict[str, Any], identity: Identity) -> tuple[str, str] | None:
        place = Place.of(identity)
        full = self._places.enter(place)
        if full:
            return "503 Service Unavailable", full
        environ[PLACE] = place
        return None


def refuse(start_response: StartResponse, status: str, message: str) -> Iterable[bytes]:
    """An answer in JSON, after which the connection is closed."""
    body = json.dumps({"ok": False, "error": {"message": message}}).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    start_response(status, headers)
    return [body]


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
