"""A Socket.IO client whose events are heard in the order in which they were sent."""

from __future__ import annotations

import contextlib
import queue
import socket
from typing import Any

import engineio
import socketio
import socketio.exceptions
import websocket

from pybirch import wire


class _InOrder(engineio.Client):
    """Engine.IO starts a thread per message; here the reading thread hands each on itself."""

    def create_queue(self, *args: Any, **kwargs: Any) -> queue.Queue[Any]:
        return _Packets(*args, **kwargs)

    def _trigger_event(self, event: str, *args: Any, **kwargs: Any) -> Any:
        kwargs["run_async"] = False
        return super()._trigger_event(event, *args, **kwargs)


class _Packets(queue.Queue[Any]):
    """What is to be sent. None ends it for ever, whoever takes it: Engine.IO's writer may get the one None
    together with packets, or somebody who drops the line empties the queue, and it would wait for another."""

    _has_ended = False

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._has_ended = self._has_ended or item is None
        super().put(item, block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if not block:
            return super().get(block=False)
        with self.not_empty:
            if not self.not_empty.wait_for(lambda: self._qsize() or self._has_ended, timeout):
                raise queue.Empty
            if self._qsize():
                return self._get()
            self.unfinished_tasks += 1  # it will be told that None is done with
            return None


class _WireJson:
    dumps = staticmethod(lambda value, **_options: wire.dumps(value))
    loads = staticmethod(lambda text, **_options: wire.orjson.loads(text))


_GONE = (socketio.exceptions.SocketIOError, websocket.WebSocketException, OSError, AttributeError)
"""What closing a line that is half closed already may raise."""


class OrderedClient(socketio.Client):
    """WebSocket only, no reconnecting of its own. Handlers run in the reading thread: they only enqueue."""

    def __init__(self) -> None:
        super().__init__(reconnection=False, handle_sigint=False, json=_WireJson)

    def _engineio_client_class(self) -> type[engineio.Client]:
        return _InOrder

    def leave(self, timeout: float = 3.0) -> None:
        """Disconnect and wait for the client's threads, not for the server to say goodbye."""
        threads = [self.eio.read_loop_task, self.eio.write_loop_task]
        line = getattr(self.eio, "ws", None)
        with contextlib.suppress(*_GONE):
            if line is not None:  # wakes the reading thread, wherever it waits
                line.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(*_GONE):
            self.eio.disconnect(abort=True)
        if self.eio.queue is not None:
            self.eio.queue.put(None)
        for thread in threads:
            if thread is not None:
                thread.join(timeout)
        with contextlib.suppress(*_GONE):
            if line is not None:  # of a line that the server dropped only the threads have ended
                line.shutdown()
