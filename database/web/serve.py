"""Runs the server: binds, announces itself, serves, and goes within two seconds when told to."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

from apiflask import APIFlask

from database.web.app import create_app
from database.web.config import load_settings
from database.web.connections import Server, allow_many_files
from database.web.runtime import announce, local_token, withdraw
from database.web.sockets import disconnect_all

log = logging.getLogger(__name__)

PORT_IN_USE = 3


class PortInUseError(Exception):
    """Another process has the port."""


class WebServer:
    """One app behind a listening socket, in a thread of its own; `stop` ends both."""

    def __init__(self, app: APIFlask, listener: socket.socket) -> None:
        self.app = app
        host, port = listener.getsockname()[:2]
        self._server = Server(host, port, app, listener.fileno())
        self.url = address_of(host, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="web server", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Disconnect sockets, stop listening, end the app's threads; harmless when called twice."""
        parts = self.app.extensions["pybirch"]
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(1.0)
        disconnect_all(parts.sockets)
        parts.close()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; the port may have been in use until just now, but not still.

    Raises:
        PortInUseError: another process listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    option = "SO_EXCLUSIVEADDRUSE" if sys.platform == "win32" else "SO_REUSEADDR"
    listener.setsockopt(socket.SOL_SOCKET, getattr(socket, option), 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = "is in use by another program" if error.errno == errno.EADDRINUSE else "may not be used"
            raise PortInUseError(f"Port {port} on {host} {why}; choose another with PORT=…") from None
        raise
    return listener


def address_of(host: str, port: int) -> str:
    """The address for browsers on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def main(config: Mapping[str, Any] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the process's exit code.

    Args:
        config: as `create_app` takes it.
    """
    settings = load_settings(config)
    allow_many_files()
    try:
        listener = listen(settings.host, settings.port)
    except PortInUseError as error:
        sys.stderr.write(f"pybirch: {error}\n")
        return PORT_IN_USE
    with listener:
        if settings.server == "gunicorn" and sys.platform != "win32":
            from database.web.gunicorn_server import serve

            return serve(config, listener)
        return _serve_here(config, listener)


def _serve_here(config: Mapping[str, Any] | None, listener: socket.socket) -> int:
    ended = threading.Event()
    _on_signals(ended)
    app = create_app(config)
    parts = app.extensions["pybirch"]
    server = WebServer(app, listener)
    app.config["PUBLIC_URL"] = server.url
    server.start()
    folder = parts.settings.run_folder
    announce(folder, server.url, local_token(parts.db, folder))
    log.info("serving %s, process %d", server.url, os.getpid())
    while not ended.wait(1.0):  # woken now and then, so that Windows sees Ctrl-C
        pass
    withdraw(folder)
    server.stop()
    return 0


def _on_signals(ended: threading.Event) -> None:
    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for chatty in ("pybirch.socketio", "pybirch.engineio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    sys.exit(main())
