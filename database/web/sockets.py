"""Flask-SocketIO, set up so that no client can stall, flood or crash it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, cast

import orjson
import socketio
from flask_socketio import SocketIO

from database.web.places import PLACE, Place
from database.web.websocket import MOST_BODY, TRANSPORTS, DaemonThread, TextPacket, WebSocket
from pybirch import wire

if TYPE_CHECKING:
    from database.web.config import Settings

log = logging.getLogger(__name__)

MOST_PACKETS = 1_000
MOST_BYTES = 16 * 1024 * 1024
"""What may wait for one client before it is dropped: packets, and their bytes."""


class WireJson:
    """A `json` module for Socket.IO: NaN becomes null, NumPy is understood; options are ignored."""

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        return wire.dumps(value)

    @staticmethod
    def loads(text: str | bytes, **_options: Any) -> Any:
        return orjson.loads(text)


class RoomManager(socketio.Manager):
    """Python-socketio's rooms, safe when many threads enter, leave and send at once."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()

    def get_participants(self, namespace: str, room: Any) -> Generator[Any, None, None]:
        with self._lock:
            members = list(super().get_participants(namespace, room))
        yield from members

    def pre_connect(self, eio_sid: str, namespace: str) -> Any:
        with self._lock:
            return super().pre_connect(eio_sid, namespace)

    def connect(self, sid: str, namespace: str) -> Any:
        with self._lock:
            return super().connect(sid, namespace)

    def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> Any:
        with self._lock:
            return super().disconnect(sid, namespace, **kwargs)

    def enter_room(self, sid: str, namespace: str, room: str, eio_sid: str | None = None) -> Any:
        with self._lock:
            return super().enter_room(sid, namespace, room, eio_sid=eio_sid)

    def leave_room(self, sid: str, namespace: str, room: str) -> Any:
        with self._lock:
            return super().leave_room(sid, namespace, room)

    def close_room(self, room: str, namespace: str) -> Any:
        with self._lock:
            return super().close_room(room, namespace)


def make_socketio(settings: Settings) -> SocketIO:
    """The Socket.IO server of one app, not yet attached to it."""
    handled: dict[str, Any] = {"serializer": TextPacket, "async_mode": settings.async_mode}
    return SocketIO(
        **handled,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        max_http_buffer_size=MOST_BODY,
        json=WireJson,
        async_handlers=False,  # one thread a client, in its order; what comes too fast waits and is counted
        client_manager=RoomManager(),
        logger=logging.getLogger("pybirch.socketio"),
        engineio_logger=logging.getLogger("pybirch.engineio"),
    )


def server_of(sockets: SocketIO) -> Any:
    """The python-socketio server inside."""
    return cast(Any, sockets).server


def use_own_websocket(sockets: SocketIO) -> None:
    """Replace Engine.IO's WebSocket transport by the one with limits (threading mode only)."""
    engine = server_of(sockets).eio
    if engine.async_mode == "threading":
        engine._async = {**engine._async, "websocket": WebSocket, "thread": DaemonThread}


def drop_overfull(
    sockets: SocketIO, most_packets: int = MOST_PACKETS, most_bytes: int = MOST_BYTES
) -> list[str]:
    """Cut off clients that do not take what is sent to them; returns their Engine.IO ids."""
    engine = server_of(sockets).eio
    dropped = []
    for sid, client in list(engine.sockets.items()):
        with client.queue.mutex:
            waiting = list(client.queue.queue)
        size = sum(len(p.data) for p in waiting if p is not None and isinstance(p.data, str | bytes))
        if len(waiting) <= most_packets and size <= most_bytes:
            continue
        log.warning("client %s: %d messages (%d bytes) wait for it, dropped", sid, len(waiting), size)
        dropped.append(sid)
        with client.queue.mutex:
            client.queue.queue.clear()
        client.close(wait=False, abort=True)
        if client in TRANSPORTS:
            TRANSPORTS[client].abort()
    return dropped


def disconnect_all(sockets: SocketIO) -> None:
    """Close every connection, so that no request thread outlives the server."""
    engine = server_of(sockets).eio
    for client in list(engine.sockets.values()):
        client.close(wait=False)
    for transport in list(TRANSPORTS.values()):
        transport.abort()


def places_of(sockets: SocketIO) -> list[Place]:
    """The places of the open connections."""
    return [environ[PLACE] for environ in list(server_of(sockets).environ.values()) if PLACE in environ]


def rooms_of(sockets: SocketIO) -> list[str]:
    """Every room somebody is in."""
    return [room for room in list(server_of(sockets).manager.rooms.get("/", {})) if room is not None]


def disconnect_room(sockets: SocketIO, room: str) -> None:
    """Close the connections of everybody in the room, without waiting for them."""
    server = server_of(sockets)
    for sid, eio_sid in server.manager.get_participants("/", room):
        client = server.eio.sockets.get(eio_sid)
        if client is None:
            server.manager.disconnect(sid, "/", ignore_queue=True)
            continue
        client.close(wait=False)
        if client in TRANSPORTS:
            TRANSPORTS[client].abort()
