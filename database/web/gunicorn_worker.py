"""Gunicorn's threads behind the doors of the embedded server."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from database.web.connections import Doors
from database.web.identity import KNOWN
from database.web.websocket import cut


class Worker(ThreadWorker):
    """Shows out the unknown who dawdle, or are too many, before they hold all threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.doors = Doors()

    def handle(self, conn: Any) -> Any:
        address = conn.client[0] if isinstance(conn.client, tuple) else ""
        connection = conn.sock
        if not self.doors.enter(connection, address):
            return False
        try:
            return super().handle(conn)
        finally:
            self.doors.leave(connection)

    def load_wsgi(self) -> None:
        super().load_wsgi()
        app: Any = self.wsgi

        def through_the_doors(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            connection = environ["gunicorn.socket"]
            self.doors.has_head(connection)
            return app({**environ, KNOWN: partial(self.doors.knows, connection)}, start_response)

        self.wsgi: Any = through_the_doors

    def notify(self) -> None:
        """Called once a second."""
        super().notify()
        for connection in self.doors.overdue():
            cut(connection)
