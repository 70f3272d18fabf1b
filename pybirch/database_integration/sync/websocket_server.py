"""Events out to browsers and windows: each once, to its rooms, no faster than they can draw."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from pybirch.database_integration.sync.broadcasts import Broadcasts
from pybirch.database_integration.sync.easing import Easing
from pybirch.database_integration.sync.latest import Latest
from pybirch.database_integration.sync.pacing import Pacer
from pybirch.events import (
    DataBlock,
    DataPoint,
    Event,
    InstrumentPosition,
    InstrumentStatus,
    QueueLog,
    QueueStatus,
    Readings,
    ScanStatus,
    utc_now,
)
from pybirch.wire import from_block, to_block, to_wire

log = logging.getLogger(__name__)

COUNT_EVERY = 1.0
GLOBAL = "global"
INSTRUMENTS = "instruments"


class Emitter(Protocol):
    """What is needed of a Flask-SocketIO object."""

    def emit(self, event: str, *args: Any, **kwargs: Any) -> None: ...


def scan_room(scan_id: str) -> str:
    return f"scan_{scan_id}"


def blocks_room(scan_id: str) -> str:
    return f"scan_{scan_id}_blocks"


def queue_room(queue_id: str) -> str:
    return f"queue_{queue_id}"


def instrument_room(instrument_id: int) -> str:
    return f"instrument_{instrument_id}"


class ScanUpdateServer(Broadcasts):
    """Broadcasts events over Socket.IO; every method may be called from any thread and never waits.

    Args:
        socketio: the Flask-SocketIO object of the running server, or anything with its `emit`.
        register: called with each scan or queue event before it goes out; makes the record of one
            that nobody has heard of yet. What it raises is logged.
        clock: monotonic seconds.
        paced: hold readings for their tick in a thread of its own; without, `tick()` sends them.
    """

    def __init__(
        self,
        socketio: Emitter,
        *,
        register: Callable[[Event], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        paced: bool = True,
    ) -> None:
        super().__init__()
        self._socketio = socketio
        self._register = register
        self._clock = clock
        self._pacer = Pacer(clock)
        self._easing = Easing(clock)
        self._counted, self._count_again = 1, -math.inf
        self._latest = Latest()
        self._changed = threading.Condition(threading.RLock())
        self._open = True
        self._paced = paced
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------------ any event

    def publish(self, event: Event) -> None:
        """Send an event to its rooms; readings wait for their scan's tick."""
        self._make_known(event)
        with self._changed:
            self._latest.keep(event)
            waited = self._easing.pass_on(event, self._watchers())
            for one in waited:
                self._send(one)
            if not waited:
                self._see_to_what_waits()

    def _send(self, event: Event) -> None:
        """To its rooms."""
        match event:
            case Readings():
                self._hold(event)
            case DataBlock():
                self._hold(from_block(event))
            case ScanStatus(scan_id=scan_id):
                self._send_blocks(self._pacer.take(scan_id))
                self._emit(event, [scan_room(scan_id), GLOBAL])
                if event.status.is_finished:
                    self._pacer.forget(scan_id)
                    self._easing.forget(event)
            case QueueStatus(queue_id=queue_id):
                self._emit(event, [queue_room(queue_id), GLOBAL])
            case QueueLog(queue_id=queue_id):
                self._emit(event, [queue_room(queue_id)])
            case InstrumentStatus(instrument_id=number):
                self._emit(event, [instrument_room(number), INSTRUMENTS, GLOBAL])
            case InstrumentPosition(instrument_id=number):
                self._emit(event, [instrument_room(number), INSTRUMENTS])
            case DataPoint(scan_id=scan_id):
                self._emit(event, [scan_room(scan_id)])
            case _:
                raise ValueError(f"{event.kind or type(event).__name__} has no room")

    def emit(self, kind: str, payload: dict[str, Any], rooms: list[str]) -> None:
        """Send what is no event of a scan (a station's state); adds the timestamp if it has none."""
        with self._changed:
            self._socketio.emit(kind, {"timestamp": utc_now(), **payload}, to=rooms)

    def tick(self) -> None:
        """Send the readings whose time has come, and what there is room for."""
        with self._changed:
            self._send_blocks(self._pacer.take_due())
            for event in self._easing.take_due(self._watchers()):
                self._send(event)

    def latest_scan(self, scan_id: str) -> ScanStatus | None:
        with self._changed:
            return self._latest.scans.get(scan_id)

    def latest_queue(self, queue_id: str) -> QueueStatus | None:
        with self._changed:
            return self._latest.queues.get(queue_id)

    def latest_instrument(self, instrument_id: int) -> InstrumentStatus | None:
        with self._changed:
            return self._latest.instruments.get(instrument_id)

    def active_scans(self) -> list[str]:
        """Scans that were last heard of as running or paused."""
        with self._changed:
            return [scan_id for scan_id, status in self._latest.scans.items() if status.status.is_active]

    def occupied(self, room: str) -> bool:
        """Whether somebody is in the room; True where that cannot be known (several servers)."""
        manager = getattr(getattr(self._socketio, "server", None), "manager", None)
        if manager is None or hasattr(manager, "channel"):
            return True
        return any(True for _ in manager.get_participants("/", room))

    def _watchers(self) -> int:
        """How many hear what goes to everybody, counted about once a second."""
        now = self._clock()
        if now >= self._count_again:
            self._count_again = now + COUNT_EVERY
            manager = getattr(getattr(self._socketio, "server", None), "manager", None)
            if manager is not None and not hasattr(manager, "channel"):
                self._counted = sum(1 for _ in manager.get_participants("/", GLOBAL))
        return max(1, self._counted)

    def close(self) -> None:
        """Send what waits and end the thread; harmless when called twice."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
            for event in self._easing.take_all():
                self._send(event)
            for scan_id in self._pacer.scans():
                self._send_blocks(self._pacer.take(scan_id))
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(2.0)

    # ------------------------------------------------------------------ inside

    def _make_known(self, event: Event) -> None:
        if self._register is None or not isinstance(event, ScanStatus | QueueStatus | QueueLog):
            return
        try:
            self._register(event)
        except Exception:
            log.exception("%s: could not be registered", event)

    def _hold(self, readings: Readings) -> None:
        if readings.count == 0:
            return
        self._pacer.add(readings)
        self._see_to_what_waits()

    def _see_to_what_waits(self) -> None:
        if not self._paced:
            return
        if self._thread is None and self._open:
            self._thread = threading.Thread(target=self._run, name="live readings", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        with self._changed:
            while self._open:
                seconds = min((due for due in self._dues() if due is not None), default=None)
                if seconds is None or seconds > 0:
                    self._changed.wait(seconds)
                    continue
                try:
                    self.tick()
                except Exception:
                    log.exception("live events could not be sent")

    def _dues(self) -> tuple[float | None, float | None]:
        """Seconds until readings, and what waits for room, are to go; None where nothing is."""
        return self._pacer.due_in(), self._easing.due_in(self._watchers())

    def _send_blocks(self, blocks: list[Readings]) -> None:
        for readings in blocks:
            if self.occupied(blocks_room(readings.scan_id)):
                self._emit(to_block(readings), [blocks_room(readings.scan_id)])
            if self.occupied(scan_room(readings.scan_id)):
                for point in self._pacer.thin(readings):
                    self._emit(point, [scan_room(readings.scan_id)])

    def _emit(self, event: Event, rooms: list[str]) -> None:
        payload = to_wire(event)
        if payload.get("stride") == 1:
            del payload["stride"]
        self._socketio.emit(event.kind, payload, to=rooms)
