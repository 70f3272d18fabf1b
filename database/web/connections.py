"""Connections of the embedded server: so many, no longer than it takes, few of the unknown."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from database.web.identity import KNOWN
from database.web.places import MOST_SOCKETS, RESERVED
from database.web.websocket import SLOW_CLIENT, cut

log = logging.getLogger(__name__)

MOST = MOST_SOCKETS + RESERVED + 360
"""Connections at a time: the open sockets, and those that ask for pages."""
MOST_PER_ADDRESS = MOST // 2
"""From one address but this computer itself, so that nobody elsewhere takes all the places."""
MOST_UNKNOWN = 200
"""Connections of whom nobody knows yet; one more shows out who has been that for longest."""
HEAD_WITHIN = 5.0
"""Seconds from the connection to the end of the request's head."""
UNKNOWN_WITHIN = 10.0
"""Seconds from the connection to the end of everything, for who stays unknown."""
LOCAL = ("127.", "::1", "::ffff:127.")


@dataclass(eq=False)
class Guest:
    """One connection, and until when it is suffered; None: as long as it likes."""

    connection: socket.socket
    address: str
    since: float = field(default_factory=time.monotonic)
    due: float | None = None
    is_known: bool = False
    is_shown_out: bool = False


class Doors:
    """Who is connected, and who is to be shown out. Thread-safe."""

    def __init__(self) -> None:
        self._guests: dict[socket.socket, Guest] = {}
        self._lock = threading.Lock()

    def enter(self, connection: socket.socket, address: str) -> bool:
        """Take a place; False when there is none for that address."""
        with self._lock:
            here = sum(guest.address == address for guest in self._guests.values())
            full = here >= MOST_PER_ADDRESS and not address.startswith(LOCAL)
            if full or len(self._guests) >= MOST:
                return False
            self._make_room()
            guest = Guest(connection, address)
            guest.due = guest.since + HEAD_WITHIN
            self._guests[connection] = guest
            return True

    def leave(self, connection: socket.socket) -> None:
        with self._lock:
            self._guests.pop(connection, None)

    def has_head(self, connection: socket.socket) -> None:
        """The request's head has come; as long as it tells nobody known, the rest has its time too."""
        with self._lock:
            guest = self._guests.get(connection)
            if guest is not None and not guest.is_known:
                guest.due = guest.since + UNKNOWN_WITHIN

    def knows(self, connection: socket.socket) -> None:
        """Somebody known: they have the time they need, and a place of their own."""
        with self._lock:
            guest = self._guests.get(connection)
            if guest is not None:
                guest.is_known, guest.due = True, None

    def overdue(self) -> list[socket.socket]:
        """Connections whose time is over, each told once."""
        now = time.monotonic()
        with self._lock:
            late = [guest for guest in self._guests.values() if guest.due is not None and guest.due < now]
            for guest in late:
                guest.due, guest.is_shown_out = None, True
        return [guest.connection for guest in late]

    def _make_room(self) -> None:
        """So that who is known to nobody never keeps out somebody who has yet to say who they are."""
        unknown = [guest for guest in self._guests.values() if not guest.is_known and not guest.is_shown_out]
        for guest in unknown[: max(0, len(unknown) + 1 - MOST_UNKNOWN)]:  # in order of their coming
            guest.due, guest.is_shown_out = None, True
            cut(guest.connection)


class RequestHandler(WSGIRequestHandler):
    """Requests with time limits, logged at level DEBUG."""

    timeout = SLOW_CLIENT

    @property
    def _doors(self) -> Doors:
        assert isinstance(self.server, Server)
        return self.server.doors

    def run_wsgi(self) -> None:
        self._doors.has_head(self.connection)
        super().run_wsgi()

    def make_environ(self) -> Any:
        return {**super().make_environ(), KNOWN: lambda: self._doors.knows(self.connection)}

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Also called when a WebSocket has ended: what follows on that connection is no HTTP."""
        self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:
        log.debug("%s %s", self.client_address[0], message % args if args else message)


class Server(ThreadedWSGIServer):
    """Werkzeug's server with doors."""

    def __init__(self, host: str, port: int, app: Any, descriptor: int) -> None:
        self.doors = Doors()
        super().__init__(host, port, app, RequestHandler, fd=descriptor)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        entered = self.doors.enter(request, client_address[0])
        if not entered:
            log.warning("%s: refused, too many connections", client_address[0])
        return entered

    def process_request(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started
            self.doors.leave(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.doors.leave(request)

    def service_actions(self) -> None:
        for connection in self.doors.overdue():
            cut(connection)


def allow_many_files() -> None:
    """Raise this process's limit of open files to what the system lets it have."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
