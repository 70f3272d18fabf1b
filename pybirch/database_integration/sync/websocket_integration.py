"""Joins a queue or scan to an update server: events out, commands in."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from pybirch.database_integration.recorder import QueueRecorder, is_recorded
from pybirch.database_integration.spooling import SpoolingStore
from pybirch.errors import FieldError, ServerUnavailableError
from pybirch.events import (
    Event,
    EventBus,
    InstrumentPosition,
    InstrumentStatus,
    QueueLog,
    QueueStatus,
    Readings,
    ScanStatus,
    Subscription,
)
from pybirch.extensions.base import BaseExtension
from pybirch.queue.queue import Queue
from pybirch.scan.scan import Scan
from pybirch.wire import to_points

_STORED_KINDS = (Readings, ScanStatus, QueueStatus, QueueLog)
"""What a server that records shows by itself, after its commit."""

TO_SEND = 5.0
"""Seconds a bridge that is taken down gives to what still waits for the server; the rest stays on disk."""

TO_INTRODUCE = 2.0
"""Seconds a server has to tell who it is; one that does not is known by its address."""

_bridges: weakref.WeakKeyDictionary[Queue, WebSocketQueueBridge] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


class UpdateServer(Protocol):
    """What shows events: a `ScanUpdateServer`, or a `RemoteUpdateServer`."""

    def publish(self, event: Event) -> None: ...


class WebSocketQueueBridge:
    """Everything a queue publishes goes to the update server, and commands for it come back.

    Args:
        queue: the queue.
        update_server: where events go.
        commands: takes the queue so that pages can command it; None for a one-way bridge.
        skip: kinds of events that reach the server by another road.
        own_server: close the update server with the bridge.
        recorder: keeps the queue through this server; lets go of it with the bridge.
    """

    def __init__(
        self,
        queue: Queue,
        update_server: Any,
        *,
        commands: Any = None,
        skip: tuple[type[Event], ...] = (),
        own_server: bool = False,
        recorder: QueueRecorder | None = None,
    ) -> None:
        self.queue = queue
        self.update_server = update_server
        self._commands = commands
        self._skip = skip
        self._own_server = own_server
        self._recorder = recorder
        self._subscription: Subscription | None = queue.bus.subscribe(
            self._pass_on, name=f"bridge {queue.QID}"
        )
        if commands is not None:
            commands.add(queue)

    def unregister(self) -> None:
        """Take the bridge down; harmless when called twice.

        Scans under way that are recorded through it are recorded to their end.
        """
        with _lock:
            if _bridges.get(self.queue) is self:
                del _bridges[self.queue]
        subscription, self._subscription = self._subscription, None
        if subscription is None:
            return
        self.queue.bus.unsubscribe(subscription)
        if self._commands is not None:
            self._commands.remove(self.queue)
        last = self._recorder.let_go() if self._recorder is not None else []
        if self._own_server and last:
            name = f"last scans of {self.queue.QID}"
            threading.Thread(target=self._close_after, args=(last,), name=name, daemon=True).start()
        elif self._own_server:
            self._close()

    def _close_after(self, scans: Sequence[Scan]) -> None:
        for scan in scans:
            scan.wait_for(lambda scan: scan.state.is_finished)
        self._close()

    def _close(self) -> None:
        if self._recorder is not None:
            self._recorder.close(TO_SEND)
        self.update_server.close()

    def _pass_on(self, event: Event) -> None:
        if isinstance(event, InstrumentStatus | InstrumentPosition) and not event.instrument_id:
            return  # not registered with the lab: nobody could look it up
        if not isinstance(event, self._skip) or self._is_of_a_scan_nobody_records(event):
            self.update_server.publish(event)

    def _is_of_a_scan_nobody_records(self, event: Event) -> bool:
        """Of one that was under way when the queue was attached: the server does not store it."""
        if not isinstance(event, Readings | ScanStatus):
            return False
        return any(h.scan_id == event.scan_id and not is_recorded(h.scan) for h in self.queue.handles)


def setup_websocket_integration(
    queue: Queue,
    update_server: Any = None,
    server_url: str | None = None,
    token: str | None = None,
    *,
    station: str | None = None,
    timeout: float = 5.0,
) -> WebSocketQueueBridge:
    """Show a queue live, and take commands for it.

    A queue without a record of its own is recorded by the server (through its ingest). Attaching
    twice gives the same bridge.

    Args:
        queue: any queue.
        update_server: the server's own, in one process with the queue; or a `RemoteUpdateServer`.
        server_url, token: a server elsewhere; without either, the server that runs on this
            computer for this data folder.
        station: under which name this process appears; ``script <QID>`` by default.
        timeout: seconds to wait for a server elsewhere.

    Raises:
        ServerUnavailableError: no server answers, or it refuses the token.
        FieldError: names the argument that is missing.
    """
    with _lock:
        known = _bridges.get(queue)
    if known is not None and (update_server is None or known.update_server is update_server):
        return known
    if known is not None:
        known.unregister()
    if update_server is None:
        bridge = _bridge_to(queue, server_url, token, station, timeout)
    else:
        link = getattr(update_server, "link", None)
        commands = link.commands if link is not None else getattr(update_server, "commands", None)
        bridge = WebSocketQueueBridge(queue, update_server, commands=commands)
    with _lock:
        _bridges[queue] = bridge
    return bridge


def _bridge_to(
    queue: Queue, server_url: str | None, token: str | None, station: str | None, timeout: float
) -> WebSocketQueueBridge:
    from pybirch.database_integration.sync.discovery import find_server
    from pybirch.database_integration.sync.remote import RemoteStore, RemoteUpdateServer

    if server_url is None:
        server_url, token = find_server()
    if not token:
        raise FieldError("token", "a server elsewhere needs a token; make one with `pybirch token create`")
    server = RemoteUpdateServer(server_url, token, station or f"script {queue.QID}")
    if not server.link.wait_connected(timeout):
        server.link.close(0.0)
        raise ServerUnavailableError(f"no server answers at {server_url}, or it refuses the token")
    recorded = any(isinstance(extension, QueueRecorder) for extension in queue.extensions)
    recorder = None
    if not recorded:
        identity = server.link.server_identity(TO_INTRODUCE)
        recorder = QueueRecorder(SpoolingStore(RemoteStore(server.link.frames, server_url, identity)))
        try:
            recorder.take_up(queue)
        except BaseException:
            recorder.let_go()
            recorder.close(0.0)
            server.link.close(0.0)
            raise
    return WebSocketQueueBridge(
        queue,
        server,
        commands=server.link.commands,
        skip=() if recorded else _STORED_KINDS,
        own_server=True,
        recorder=recorder,
    )


class WebSocketScanExtension(BaseExtension):
    """Shows one scan that no queue runs. It only enqueues: a slow server never slows the scan.

    Args:
        update_server: where events go.
        scan_id: under which id the scan is shown; its own by default.
        data_point_interval: every n-th point is shown.
    """

    goes_on = False

    def __init__(self, update_server: Any, scan_id: str | None = None, data_point_interval: int = 1) -> None:
        if int(data_point_interval) < 1:
            raise FieldError("data_point_interval", f"must be at least 1, not {data_point_interval}")
        self.update_server = update_server
        self.scan_id = scan_id
        self.data_point_interval = int(data_point_interval)
        self._bus: EventBus | None = None

    def set_scan_reference(self, scan: Any) -> None:
        self.scan = scan
        self.scan_id = self.scan_id or scan.scan_id

    def startup(self) -> None:
        self._bus = EventBus()
        self._bus.subscribe(self.update_server.publish, name=f"live {self.scan_id}")

    def save_readings(self, readings: Any) -> None:
        for block in readings:
            for event in _shown(replace(block, scan_id=str(self.scan_id)), self.data_point_interval):
                self._enqueue(event)

    def save_status(self, status: ScanStatus) -> None:
        self._enqueue(replace(status, scan_id=str(self.scan_id)))

    def shutdown(self) -> None:
        if self._bus is not None:
            self._bus.flush(2.0)
            self._bus.close()
            self._bus = None

    def _enqueue(self, event: Event) -> None:
        if self._bus is not None:
            self._bus.publish(event)
            return
        self.startup()  # a scan that ended before it began
        self._enqueue(event)
        self.shutdown()


def _shown(block: Readings, every: int) -> Sequence[Event]:
    """The whole block, or its every n-th reading by sequence index."""
    if every == 1:
        return [block]
    points = to_points(block)[-block.first_index % every :: every]
    return [replace(point, stride=every) for point in points]


def create_websocket_scan_extension(
    update_server: Any, scan_id: str | None = None, data_point_interval: int = 1
) -> WebSocketScanExtension:
    """An extension that shows one scan; append it to ``scan.extensions``."""
    return WebSocketScanExtension(update_server, scan_id, data_point_interval)
