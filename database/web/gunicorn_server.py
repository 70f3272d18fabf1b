"""The app on gunicorn: a master that keeps one worker alive, whose threads each carry a connection."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

from apiflask import APIFlask
from gunicorn.app.base import BaseApplication

from database.web.app import create_app
from database.web.connections import MOST_UNKNOWN
from database.web.gunicorn_worker import Worker
from database.web.places import MOST_SOCKETS, RESERVED
from database.web.runtime import announce, local_token, withdraw
from database.web.sockets import disconnect_all

THREADS = MOST_SOCKETS + RESERVED + MOST_UNKNOWN + 20
"""Each open socket holds a thread, and so does who is unknown; the rest is for everything else."""


def serve(config: Mapping[str, Any] | None, listener: socket.socket) -> int:
    """Serve until SIGTERM or Ctrl-C; returns the process's exit code."""
    try:
        Server(config, listener).run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


class Server(BaseApplication):
    """Gunicorn around `create_app`, which the worker calls after the fork.

    Args:
        config: as `create_app` takes it.
        listener: the listening socket; gunicorn has it from now on.
    """

    def __init__(self, config: Mapping[str, Any] | None, listener: socket.socket) -> None:
        self._config = config
        self._address = listener.getsockname()[:2]
        self._descriptor = listener.detach()
        self._app: APIFlask | None = None
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"fd://{self._descriptor}",
            "workers": 1,
            "worker_class": Worker,
            "threads": THREADS,
            "graceful_timeout": 1,
            "timeout": 60,
            "loglevel": "warning",
            "post_worker_init": self._worker_ready,
            "worker_exit": self._worker_gone,
        }
        if "control_socket_disable" in self.cfg.settings:
            settings["control_socket_disable"] = True
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from database.web.serve import address_of

        self._app = create_app(self._config)
        self._app.config["PUBLIC_URL"] = address_of(*self._address)
        return self._app

    def _worker_ready(self, worker: Any) -> None:
        """Announce the master, which is the process to end; sockets go first when it is told to."""
        assert self._app is not None
        parts = self._app.extensions["pybirch"]
        folder = parts.settings.run_folder
        announce(folder, self._app.config["PUBLIC_URL"], local_token(parts.db, folder), os.getppid())

        def end(number: int, frame: FrameType | None) -> None:
            threading.Thread(target=disconnect_all, args=(parts.sockets,), daemon=True).start()
            worker.handle_exit(number, frame)

        signal.signal(signal.SIGTERM, end)

    def _worker_gone(self, _server: Any, _worker: Any) -> None:
        if self._app is not None:
            parts = self._app.extensions["pybirch"]
            withdraw(parts.settings.run_folder, os.getppid())
            disconnect_all(parts.sockets)
            parts.close()
