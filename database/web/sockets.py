"""Flask-SocketIO, set up so that no client can stall, flood or crash it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

import orjson
import simple_websocket
import socketio
from flask_socketio import SocketIO

from pybirch import wire

if TYPE_CHECKING:
    from database.web.config import Settings

log = logging.getLogger(__name__)

MOST_SOCKETS = 200
"""Connections of browsers; those with a token (stations, windows) may be `RESERVED` more."""
RESERVED = 40
MOST_BODY = 64 * 1024
"""Bytes of one message from a client."""
SLOW_CLIENT = 30.0
"""Seconds a connection may be silent, or refuse what is sent, before it is closed."""
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


class DaemonThread(threading.Thread):
    """A thread that does not keep the process alive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "daemon": True})


class _WholeSocket:
    """A connection whose `send` sends everything, though it has a time limit."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, data: bytes) -> int:
        with self._lock:
            self._connection.sendall(data)
        return len(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class WebSocket:
    """Engine.IO's WebSocket transport on simple-websocket, with limits; see `engineio.async_drivers`."""

    def __init__(self, handler: Callable[[Any], Any], _server: Any) -> None:
        self._handler = handler
        self._socket: Any = None
        self._ws: Any = None

    def __call__(self, environ: dict[str, Any], _start_response: Any) -> Any:
        for key in ("werkzeug.socket", "gunicorn.socket"):
            if key in environ:
                self._socket = environ[key]
                self._socket.settimeout(SLOW_CLIENT)
                environ = {**environ, key: _WholeSocket(environ[key])}
        self._ws = simple_websocket.Server(
            environ, max_message_size=MOST_BODY, thread_class=DaemonThread, receive_bytes=16 * 1024
        )
        _TRANSPORTS[self._handler.__self__] = self  # type: ignore[attr-defined]
        answer = self._handler(self)
        match self._ws.mode:
            case "gunicorn":
                raise StopIteration
            case "werkzeug":
                raise ConnectionError
        return answer

    def abort(self) -> None:
        """Cut the connection, so that whoever waits on it goes on."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            log.debug("a connection was closed already")

    def close(self) -> None:
        if self._ws.connected:
            try:
                self._ws.close()
            except OSError:
                log.debug("a client was gone before it could be told so")

    def send(self, message: str | bytes) -> None:
        try:
            self._ws.send(message)
        except simple_websocket.ConnectionClosed as error:
            raise OSError("closed") from error

    def wait(self) -> str | bytes | None:
        try:
            return self._ws.receive()
        except simple_websocket.ConnectionClosed:
            return None


_TRANSPORTS: WeakKeyDictionary[Any, WebSocket] = WeakKeyDictionary()


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
    return SocketIO(
        async_mode=cast(Any, settings.async_mode),
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        max_http_buffer_size=MOST_BODY,
        json=WireJson,
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
        if client in _TRANSPORTS:
            _TRANSPORTS[client].abort()
    return dropped


def disconnect_all(sockets: SocketIO) -> None:
    """Close every connection, so that no request thread outlives the server."""
    engine = server_of(sockets).eio
    for client in list(engine.sockets.values()):
        client.close(wait=False)
    for transport in list(_TRANSPORTS.values()):
        transport.abort()


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
        if client in _TRANSPORTS:
            _TRANSPORTS[client].abort()
