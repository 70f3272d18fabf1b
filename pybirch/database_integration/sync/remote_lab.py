"""A lab that runs elsewhere, as a window or script sees it: its state, its events, commands to it.

Two threads: one finds the server, connects, and connects again after 1, 2, 4, 8 … 30 s; the other
takes in what the server sends, in order, and puts it on `bus`.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any

import requests
import socketio.exceptions

from pybirch.database_integration.server_data import ServerSource
from pybirch.database_integration.sync.catch_up import CatchUp
from pybirch.database_integration.sync.connection import Connection, ConnectionState
from pybirch.database_integration.sync.discovery import find_server
from pybirch.database_integration.sync.ordered_client import OrderedClient
from pybirch.database_integration.sync.rest import Rest
from pybirch.dataset.scan import ScanData
from pybirch.errors import NotFoundError, PyBirchError, ServerUnavailableError
from pybirch.events import DataBlock, EventBus, QueueStatus, Readings, ScanStatus
from pybirch.wire import from_block, from_wire

log = logging.getLogger(__name__)

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""Seconds before each further try to connect."""
LOOK_AGAIN = 2.0
"""Seconds between two looks for a server that has not been started yet."""
MOST_READINGS = 50_000
"""Readings asked for in one call."""
EVENTS = (
    "scan_status",
    "queue_status",
    "queue_log",
    "data_block",
    "instrument_status",
    "instrument_position",
)
_QUEUE_ACTIONS = ("start", "pause", "resume", "abort", "stop")
_SCAN_ACTIONS = ("pause", "resume", "abort", "restart", "leave")


class RemoteLab:
    """Shows and commands the lab behind a server.

    Args:
        url: the server; without it, the one that runs for this folder (see `find_server`).
        token: for `url`; may read, and operate if it is to command.
        find: gives the server's address and token or raises ServerUnavailableError.
        pauses: seconds before each further try to connect.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        find: Callable[[], tuple[str, str]] = find_server,
        pauses: Iterable[float] = PAUSES,
    ) -> None:
        self.bus = EventBus()
        self.connection = Connection(state=ConnectionState.OFFLINE, message="Looking for the server …")
        self._name = ""
        given = (url.rstrip("/"), token or "") if url else None
        self._find = (lambda: given) if given else find
        self._pauses = tuple(pauses)
        self._rest: Rest | None = None
        self._client: OrderedClient | None = None
        self._stream: CatchUp | None = None
        self._stations: dict[str, str] = {}
        self._newest: dict[tuple[type, str], str] = {}
        self._queues: set[str] = set()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._dropped = threading.Event()
        self._inbox: queue.SimpleQueue[tuple[str, Any] | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._stay_connected, name="remote lab", daemon=True),
            threading.Thread(target=self._take_in, name="remote lab inbox", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # What can be asked; all of it waits for the server, so not from a GUI's thread

    @property
    def name(self) -> str:
        return self._name

    def snapshot(self) -> dict[str, Any]:
        """The overview: lab, queues, running or last scans, instruments, stations."""
        overview = self._server().get("overview")
        self._name = str((overview.get("lab") or {}).get("name") or "")
        return overview

    def queue(self, queue_id: str) -> dict[str, Any]:
        """One queue with its scans; its log is heard from now on."""
        self._subscribe_queue(queue_id)
        return self._server().get("queue", queue_id)

    def scan(self, scan_id: str) -> dict[str, Any]:
        return self._server().get("scan", scan_id)

    def logs(self, queue_id: str, limit: int = 200) -> list[dict[str, Any]]:
        """The newest log lines, oldest first."""
        lines = self._server().get("queue", queue_id, "logs", limit=limit)["items"]
        return sorted(lines, key=lambda line: line["timestamp"])

    def readings(
        self, scan_id: str, measurement: str, start: int = 0, max_points: int | None = None
    ) -> Readings:
        """Readings from `start` on, exact, at most `max_points` of them.

        Raises:
            NotFoundError: no such scan or measurement.
        """
        end = start + min(max_points or MOST_READINGS, MOST_READINGS)
        return self._fetch(scan_id, measurement, start, end)

    def data(self, scan_id: str) -> ScanData:
        """All that the scan has measured so far, read when it is asked for."""
        return ScanData(ServerSource(self._server(), scan_id))

    def watch(self, scan_id: str | None) -> None:
        """Hear the readings of that scan on the bus, each once, from now on; None hears none."""
        with self._lock:
            if self._stream is not None and self._stream.scan_id == scan_id:
                return
            before, self._stream = self._stream, None
            if scan_id is not None:
                self._stream = CatchUp(scan_id, lambda *what: self._fetch(scan_id, *what))
        if before is not None:
            self._ask("unsubscribe_scan", {"scan_id": before.scan_id})
        if scan_id is not None:
            self._subscribe_scan()

    def command(self, action: str, queue_id: str | None = None, scan_id: str | None = None) -> None:
        """Ask a queue or scan for `action` and wait for what came of it.

        Raises:
            PyBirchError: it was refused or did not arrive; the text is for people.
        """
        if scan_id is not None and action in _SCAN_ACTIONS:
            self._server().post("scan", scan_id, action)
        elif queue_id is not None and action in _QUEUE_ACTIONS:
            self._server().post("queue", queue_id, action, content={"scan_id": scan_id} if scan_id else None)
        else:
            raise NotFoundError(f"There is no command {action!r} for that.")

    def stop_everything(self) -> None:
        """Abort every queue of every station, make all instruments safe.

        Raises:
            PyBirchError: a station did not do so, or there is none; the text names it.
        """
        answer = self._server().post("stop")
        stations = answer.get("stations", ())
        failed = [s for s in stations if not s.get("ok")]
        if failed:
            raise PyBirchError("; ".join(f"{s['name']}: {s.get('error') or 'still running'}" for s in failed))
        if not stations:
            raise PyBirchError("No station is connected: nothing was told to stop.")

    def close(self) -> None:
        """Leave the server and end every thread. Harmless when called twice."""
        self._closing.set()
        self._dropped.set()
        self._inbox.put(None)
        client = self._client
        if client is not None:
            client.leave()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(10)
        self.bus.close()

    # The connection

    def _stay_connected(self) -> None:
        tries = 0
        while not self._closing.is_set():
            try:
                url, token = self._find()
            except ServerUnavailableError as error:
                self._became(ConnectionState.OFFLINE, str(error))
                self._closing.wait(min(LOOK_AGAIN, self._pauses[0] * 2))
                continue
            try:
                self._connect(url, token)
            except PyBirchError as error:
                again = self._pauses[min(tries, len(self._pauses) - 1)]
                tries += 1
                self._became(self._lost(), str(error), url)
                self._closing.wait(again)
                continue
            tries = 0
            self._dropped.wait()
            self._leave()
            if not self._closing.is_set():
                self._became(ConnectionState.RECONNECTING, "The connection was lost.", url)

    def _lost(self) -> ConnectionState:
        was_there = (ConnectionState.LIVE, ConnectionState.STALE, ConnectionState.RECONNECTING)
        return ConnectionState.RECONNECTING if self.connection.state in was_there else ConnectionState.OFFLINE

    def _connect(self, url: str, token: str) -> None:
        self._rest = Rest(url, token)
        overview = self.snapshot()
        self._dropped.clear()
        if self._closing.is_set():
            self._dropped.set()
            return
        client = OrderedClient()
        for event in EVENTS:
            client.on(event, lambda payload, kind=event: self._inbox.put((kind, payload)))
        client.on("station_status", lambda payload: self._inbox.put(("station_status", payload)))
        client.on("disconnect", lambda *_: self._dropped.set())
        self._open(client, url, token)
        self._client = client
        self._stations = {s["name"]: s.get("state", "") for s in overview.get("stations", ())}
        self._queues.clear()
        self._ask("subscribe_instruments", {})
        for row in overview.get("queues", ()):
            self._subscribe_queue(row["queue_id"])
        self._subscribe_scan()
        self._became(*self._standing(), url)

    def _open(self, client: OrderedClient, url: str, token: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            client.eio.http = session
            try:
                client.connect(
                    url,
                    headers={"Authorization": f"Bearer {token}"},
                    transports=["websocket"],
                    wait_timeout=5,
                )
            except (socketio.exceptions.SocketIOError, OSError, ValueError) as error:
                client.leave()
                raise ServerUnavailableError(
                    f"The server at {url} does not take live connections ({error})."
                ) from None

    def _leave(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.leave()

    def _standing(self) -> tuple[ConnectionState, str]:
        silent = [name for name, state in self._stations.items() if state == "not_answering"]
        if silent:
            return ConnectionState.STALE, f"Station {', '.join(sorted(silent))} does not answer."
        return ConnectionState.LIVE, ""

    def _became(self, state: ConnectionState, message: str, url: str = "") -> None:
        now = self.connection
        if (now.state, now.message, now.url) == (state, message, url):
            return
        since = {"timestamp": now.timestamp} if now.state is state else {}
        self.connection = Connection(state=state, message=message, url=url, **since)
        self.bus.publish(self.connection)

    def _server(self) -> Rest:
        if self._rest is None:
            raise ServerUnavailableError(self.connection.message)
        return self._rest

    def _ask(self, event: str, content: dict[str, Any]) -> dict[str, Any] | None:
        """The server's answer over the socket; None when there is none: reconnecting asks again."""
        client = self._client
        if client is None or not client.connected:
            return None
        try:
            answer = client.call(event, content, timeout=5)
        except (socketio.exceptions.SocketIOError, OSError) as error:
            log.warning("%s: no answer (%s)", event, error)
            self._dropped.set()
            return None
        if not isinstance(answer, dict) or not answer.get("ok"):
            log.warning("%s was refused: %s", event, answer)
            return None
        return answer

    def _subscribe_queue(self, queue_id: str) -> None:
        if queue_id not in self._queues and self._ask("subscribe_queue", {"queue_id": queue_id}) is not None:
            self._queues.add(queue_id)

    def _subscribe_scan(self) -> None:
        stream = self._stream
        if stream is None:
            return
        content = {"scan_id": stream.scan_id, "after": stream.after(), "blocks": True}
        answer = self._ask("subscribe_scan", content)
        if answer is not None:
            self._inbox.put(("subscribed", (stream, answer.get("last") or {})))

    # The inbox

    def _take_in(self) -> None:
        while (message := self._inbox.get()) is not None:
            kind, payload = message
            try:
                self._hear(kind, payload)
            except ServerUnavailableError as error:
                log.warning("%s: %s; connecting again", kind, error)
                self._dropped.set()
            except (PyBirchError, ValueError, KeyError, TypeError) as error:
                log.warning("%s was left out: %s", kind, error)

    def _hear(self, kind: str, payload: Any) -> None:
        match kind:
            case "subscribed":
                stream, last = payload
                self._publish(stream.subscribed(last))
            case "data_block":
                block = from_wire(kind, payload)
                assert isinstance(block, DataBlock)
                stream = self._stream
                if stream is not None and stream.scan_id == block.scan_id:
                    self._publish(stream.heard(from_block(block)))
            case "station_status":
                self._stations[payload["station"]] = payload["state"]
                if self._client is not None:
                    self._became(*self._standing(), self.connection.url)
            case _:
                self._pass_on(from_wire(kind, payload))

    def _publish(self, blocks: Iterable[Readings]) -> None:
        for block in blocks:
            self.bus.publish(block)

    def _pass_on(self, event: Any) -> None:
        """A status older than the one shown is left out."""
        match event:
            case ScanStatus(scan_id=name) | QueueStatus(queue_id=name):
                key = (type(event), name)
                if event.timestamp < self._newest.get(key, ""):
                    return
                self._newest[key] = event.timestamp
        self.bus.publish(event)

    def _fetch(self, scan_id: str, measurement: str, start: int, end: int) -> Readings:
        end = min(end, start + MOST_READINGS)
        answer = self._server().get(
            "scan", scan_id, "data", measurement, start=start, end=end, format="float64", all=1
        )
        if answer.get("indexes") is not None:
            raise ValueError(f"readings of {measurement} came thinned out")
        return from_block(
            DataBlock(
                scan_id=scan_id,
                measurement=measurement,
                first_index=answer["first_index"],
                count=answer["count"],
                columns=answer["columns"],
                encoding=answer["encoding"],
                replaces=answer.get("replaces"),
            )
        )
