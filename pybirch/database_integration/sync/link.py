"""A station's line to the server: frames out, heartbeats out, commands in."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import secrets
import socket
import threading
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import requests
import socketio
import socketio.exceptions
import websocket

from pybirch.database_integration.spooling import readings_held
from pybirch.database_integration.sync.clock import ServerClock
from pybirch.database_integration.sync.commands import Commands
from pybirch.database_integration.sync.frames import Find, Frames
from pybirch.database_integration.sync.inbox import Inbox
from pybirch.errors import ServerUnavailableError
from pybirch.events import Event, Readings
from pybirch.queue.emergency import abort_all
from pybirch.wire import to_block, to_wire

log = logging.getLogger(__name__)

_open_links: weakref.WeakSet[ServerLink] = weakref.WeakSet()


@atexit.register
def _say_goodbyes() -> None:
    """A script that just ends is gone in order, and nobody waits for a sign of it."""
    for link in list(_open_links):
        link.close(0.5)


HEARTBEAT = 0.5
SLOWEST_RECONNECT = 5.0


class ServerLink:
    """Connects a station to a server and keeps it connected; nothing here waits for the server.

    Args:
        find: gives the server's address (``http://127.0.0.1:5000``) and a bearer token with the scope
            "station"; asked again at every connection, as both may change when a server restarts.
        station: this station's name.
        epoch: names this life of the station; a new one by default.

    Attributes:
        on_over: called once when another station has taken this one's place; aborts all queues by default.
    """

    def __init__(self, find: Find, station: str = "station", epoch: str | None = None) -> None:
        self._find = find
        self.station = station
        self.on_over: Callable[[], None] = self._abort
        self._over = False
        self.epoch = epoch or secrets.token_hex(8)
        self.commands = Commands()
        self.frames = Frames(find, station, self.epoch)
        self._clock = ServerClock()
        self._inbox = Inbox(self.commands.perform, self.epoch, self._clock)
        self._closing = threading.Event()
        self._lost = threading.Event()
        self._connected = threading.Event()
        self._client: socketio.Client | None = None
        self._refused = ""
        self._identity = ""
        self._introduced = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"link of {station}", daemon=True)
        self._thread.start()
        _open_links.add(self)

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    def wait_connected(self, timeout: float) -> bool:
        """Whether the line is up, waiting at most `timeout` seconds for it."""
        return self._connected.wait(timeout)

    def server_identity(self, timeout: float) -> str:
        """What the server is known by, wherever it is; empty if it did not tell within `timeout` seconds."""
        self._introduced.wait(timeout)
        return self._identity

    def publish(self, event: Event) -> None:
        """Show an event that is stored already."""
        self.frames.tell(event.kind, to_wire(to_block(event) if isinstance(event, Readings) else event))

    def close(self, timeout: float = 2.0) -> None:
        """Send what waits and hang up. Harmless when called twice."""
        if self._closing.is_set():
            return
        self.frames.close(timeout)
        self._say_goodbye()
        self._closing.set()
        self._lost.set()
        self._thread.join(5.0)
        self._inbox.close()

    def _say_goodbye(self) -> None:
        """Tell the server that this life has ended, so that it does not wait for a sign of it."""
        if not self.connected:
            return
        try:
            url, token = self._find()
            requests.post(
                f"{url.rstrip('/')}/api/station/exited",
                json={"station": self.station, "epoch": self.epoch, "code": 0},
                headers={"Authorization": f"Bearer {token}"},
                timeout=1.0,
            )
        except (requests.RequestException, ServerUnavailableError) as error:
            log.debug("no goodbye: %s", error)

    def _run(self) -> None:
        pause = 0.1
        while not self._closing.is_set():
            client = self._connect()
            if client is not None:
                pause = 0.1
                self._beat(client)
                self._hang_up(client)
            self._closing.wait(pause)
            pause = min(SLOWEST_RECONNECT, pause * 1.7)

    def _connect(self) -> socketio.Client | None:
        client = socketio.Client(reconnection=False, handle_sigint=False)
        client.on("command", self._inbox.take)
        client.on("disconnect", lambda *_: self._lost.set())
        self._lost.clear()
        self._inbox.reset()
        self._clock.forget()
        url = token = ""
        try:
            url, token = self._find()
            client.connect(
                url,
                headers={"Authorization": f"Bearer {token}"},
                auth={
                    "station": self.station,
                    "epoch": self.epoch,
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                },
                transports=["websocket"],
                wait_timeout=5,
            )
        except (socketio.exceptions.SocketIOError, ServerUnavailableError, OSError, ValueError) as error:
            log.debug("no line to the server: %s", error)
            if is_refusal(error):
                self._tell_refusal(url, token)
            self._hang_up(client)
            return None
        self._refused = ""
        log.info("connected to %s as %s", url, self.station)
        self._connected.set()
        return client

    def _tell_refusal(self, url: str, token: str) -> None:
        """Say once that the server does not take this token; it is tried again all the same."""
        if token != self._refused:
            log.warning(
                "station %s: the server at %s refused its token, which was revoked or is not of that server; "
                "nothing is shown there until it has another. Restart a server on this computer, and it "
                "makes itself a new one; for one elsewhere, type `pybirch token create NAME` there and give "
                "the token in PYBIRCH_TOKEN",
                self.station,
                url,
            )
        self._refused = token

    def _beat(self, client: socketio.Client) -> None:
        while not self._closing.is_set() and not self._lost.is_set():
            try:
                beat = {"station": self.station, "epoch": self.epoch, "kept": readings_held()}
                client.emit("heartbeat", beat, callback=partial(self._hear, time.time()))
            except (socketio.exceptions.SocketIOError, OSError) as error:
                log.debug("line lost: %s", error)
                break
            self._lost.wait(HEARTBEAT)
        self._connected.clear()

    def _hear(self, sent: float, answer: Any = None) -> None:
        """The answer to the heartbeat of `sent` (s since 1970)."""
        if not isinstance(answer, dict):
            return
        if isinstance(answer.get("time"), int | float):
            self._clock.learn(sent, answer["time"])
        if isinstance(answer.get("server"), str):
            self._identity = answer["server"]
        self._introduced.set()
        if answer.get("over") and not self._over:
            self._over = True
            log.error(
                "station %s: another has taken its name and place; everything here is aborted", self.station
            )
            self.on_over()

    def _abort(self) -> None:
        """Two must not drive one laboratory's instruments."""
        abort_all(self.commands.queues(), why="another station has taken this one's place")

    def _hang_up(self, client: socketio.Client) -> None:
        """Close without waiting the seconds that websocket-client gives a server to say goodbye."""
        line = getattr(client.eio, "ws", None)
        with contextlib.suppress(socketio.exceptions.SocketIOError, OSError, websocket.WebSocketException):
            if line is not None:
                line.close(timeout=0.1)
            client.disconnect()


def is_refusal(error: BaseException | None) -> bool:
    """Whether the server answered, and that it does not know who asks."""
    while error is not None:
        if isinstance(error, websocket.WebSocketBadStatusException):
            return error.status_code in (401, 403)
        error = error.__cause__ or error.__context__
    return False
