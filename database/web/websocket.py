"""One client's WebSocket, and the limits of what it may send."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import simple_websocket
from socketio import packet

log = logging.getLogger(__name__)

MOST_BODY = 64 * 1024
"""Bytes of one message from a client."""
MOST_WAITING = 500
MOST_WAITING_BYTES = 1024 * 1024
"""What may wait of one client's messages to be handled, before it is cut off: their number, and bytes."""
SLOW_CLIENT = 30.0
"""Seconds a connection may be silent, or refuse what is sent, before it is closed."""


class TextPacket(packet.Packet):
    """A Socket.IO packet that has no attachments: python-socketio would keep them until the last has come."""

    def decode(self, encoded_packet: str) -> int:
        attachments = super().decode(encoded_packet)
        if attachments or self.packet_type in (packet.BINARY_EVENT, packet.BINARY_ACK):
            raise ValueError("binary messages are not taken")
        return 0


def is_text_packet(message: str | bytes) -> bool:
    """Whether it is an Engine.IO packet of text, and if it is a message, one without attachments."""
    if not isinstance(message, str) or message[:1] not in tuple("0123456"):
        return False
    return message[0] != "4" or message[1:2] in tuple("01234")


def cut(connection: socket.socket) -> None:
    """End a connection for both sides, whoever reads or writes it now."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("a connection was closed already")


class BoundedServer(simple_websocket.Server):
    """A WebSocket that cuts off a client who sends faster than its messages are handled."""

    def _handle_events(self) -> bool:
        goes_on: bool = super()._handle_events()  # type: ignore[attr-defined]
        waiting = list(self.input_buffer)
        if len(waiting) > MOST_WAITING or sum(map(len, waiting)) > MOST_WAITING_BYTES:
            log.warning("a client was cut off: %d messages of it wait to be handled", len(waiting))
            self.input_buffer.clear()
            goes_on = False
        if not goes_on:
            self.connected = False  # before the reader is woken, or it would wait again, for ever
            self.event.set()
            if self.sock is not None:
                cut(self.sock)
        return goes_on


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
        self._ws = BoundedServer(
            environ, max_message_size=MOST_BODY, thread_class=DaemonThread, receive_bytes=16 * 1024
        )
        TRANSPORTS[self._handler.__self__] = self  # type: ignore[attr-defined]
        answer = self._handler(self)
        match self._ws.mode:
            case "gunicorn":
                raise StopIteration
            case "werkzeug":
                raise ConnectionError
        return answer

    def abort(self) -> None:
        """Cut the connection, so that whoever waits on it goes on."""
        cut(self._socket)

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
            message = self._ws.receive()
        except simple_websocket.ConnectionClosed:
            return None
        if message is not None and not is_text_packet(message):
            log.warning("a client was cut off: it sent what is no message of text")
            return None
        return message


TRANSPORTS: WeakKeyDictionary[Any, WebSocket] = WeakKeyDictionary()
