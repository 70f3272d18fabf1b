"""The station: the process that owns instruments and runs queues.

It writes what is measured straight into the database, shows it through the server, and takes
commands from there. It needs neither to go on measuring: the server may come and go.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import signal
import socket
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from filelock import FileLock, Timeout

from database.errors import SchemaNotReadyError
from database.services import DatabaseService
from pybirch.database_integration.database_queue import DatabaseQueue
from pybirch.database_integration.instrument_book import InstrumentBook
from pybirch.database_integration.sync.discovery import find_server
from pybirch.database_integration.sync.link import ServerLink
from pybirch.database_integration.sync.remote import RemoteUpdateServer
from pybirch.errors import NotFoundError
from pybirch.events import EventBus
from pybirch.queue.lab import Lab, load_lab
from pybirch.queue.leases import Leases

log = logging.getLogger(__name__)

SAFE_WITHIN = 3.0
"""Seconds within which a station that is asked to end has aborted and is safe."""

LOCKED = 4
"""Exit code: another station holds this data folder."""


class Station:
    """A lab's instruments and queues, kept in the database and shown through the server.

    Args:
        lab: what it owns.
        db: where it writes.
        name: how it is known; one living station a name.
        data_dir: the lab's data folder, where the server's address is found.
        server_url, token: a server elsewhere.
    """

    def __init__(
        self,
        lab: Lab,
        db: DatabaseService,
        *,
        name: str = "station",
        data_dir: Path,
        server_url: str | None = None,
        token: str | None = None,
    ) -> None:
        self.lab = lab
        self.db = db
        self.name = name
        self.epoch = secrets.token_hex(8)
        self.bus = EventBus()
        self.leases = Leases()
        self.queues: list[DatabaseQueue] = []
        self._data_dir = data_dir
        self._server = (server_url, token)
        self._link: ServerLink | None = None
        self._book: InstrumentBook | None = None

    def open(self) -> None:
        """Attach to the record, take up the queues, connect to the server; starts what starts by itself.

        Raises:
            PyBirchError: the record or a scan of the lab is refused.
        """
        on_purpose = self._was_ended_on_purpose()
        self.db.stations.attach(self.name, pid=os.getpid(), host=socket.gethostname(), epoch=self.epoch)
        if not self.db.labs.list(limit=1):
            self.db.labs.create(name=self.lab.name)
        self._book = InstrumentBook(self.db, self.lab.instruments, self.bus)
        for queue_id in self.lab.queues:
            self._take_up(queue_id, again=self.lab.autostart and on_purpose)
        self._link = ServerLink(self._find_server, station=self.name, epoch=self.epoch)
        server = RemoteUpdateServer(link=self._link)
        for queue in self.queues:
            self._link.commands.add(queue)
        self.bus.subscribe(server.publish, name="to the server")
        for queue in self.queues if self.lab.autostart and on_purpose else ():
            queue.start()

    def close(self, reason: str = "stopped") -> None:
        """Abort, wait for safe instruments, say goodbye."""
        deadline = time.monotonic() + SAFE_WITHIN
        for queue in self.queues:
            queue.abort()
        for queue in self.queues:
            if not queue.wait_for_completion(max(0.1, deadline - time.monotonic())):
                log.error("queue %s did not come to rest in %g s", queue.queue_id, SAFE_WITHIN)
        self.bus.flush(0.5)
        if self._book is not None:
            self._book.close()
        self.db.stations.detach(self.name, self.epoch, reason)
        if self._link is not None:
            self._link.close(0.5)
        self.bus.close()

    def _was_ended_on_purpose(self) -> bool:
        """Whether the life before this one, if there was any, came to an orderly end."""
        row = self.db.stations.find(self.name)
        return row is None or row.ended_in_order

    def _take_up(self, queue_id: str, *, again: bool) -> None:
        """Open the queue, with the lab's scans in it if it is new, or `again` if all in it have ended."""
        options: dict[str, Any] = {
            "bus": self.bus,
            "leases": self.leases,
            "writer": f"{self.name}:{self.epoch}",
        }
        try:
            queue = DatabaseQueue.from_database(self.db, queue_id, self.lab.instruments, **options)
        except NotFoundError:
            queue = DatabaseQueue(self.db, queue_id, **options)
        self.db.queues.attach(queue_id, self.name)
        self.queues.append(queue)
        ended = all(handle.is_finished() for handle in queue.handles)
        for scan in self.lab.scans(queue_id) if queue.is_empty() or (again and ended) else ():
            queue.enqueue(scan)

    def _find_server(self) -> tuple[str, str]:
        url, token = self._server
        if url is not None and token is not None:
            return url, token
        found_url, found_token = find_server(self._data_dir)
        return url or found_url, token or found_token


def run_station(
    lab: Path | Literal["demo"] | None,
    *,
    server_url: str | None = None,
    token: str | None = None,
    data_dir: Path,
    database_url: str,
    name: str = "station",
) -> int:
    """Run a station until SIGTERM or Ctrl-C.

    Args:
        lab: a Python file that defines `lab`, "demo", or None for a lab without instruments.

    Returns:
        The process's exit code: 0, or `LOCKED` when another station holds the data folder.

    Raises:
        PyBirchError: the lab or its record cannot be used; a sentence.
    """
    run_dir = data_dir / "run"
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ended = _on_end_signals()
    try:
        with FileLock(run_dir / "station.lock", timeout=0):
            return _run(_lab(lab), ended, run_dir, database_url, name, data_dir, server_url, token)
    except Timeout:
        log.error("another station already runs for %s; stop it first", data_dir)
        return LOCKED


def _run(
    lab: Lab,
    ended: threading.Event,
    run_dir: Path,
    database_url: str,
    name: str,
    data_dir: Path,
    server_url: str | None,
    token: str | None,
) -> int:
    db = _database(database_url, ended)
    if db is None:
        return 0
    station = Station(lab, db, name=name, data_dir=data_dir, server_url=server_url, token=token)
    file = run_dir / "station.json"
    _write_private(file, {"pid": os.getpid(), "epoch": station.epoch, "name": name})
    try:
        station.open()
        log.info("station %s: %d instruments, queues %s", name, len(lab.instruments), ", ".join(lab.queues))
        ended.wait()
    finally:
        station.close()
        file.unlink(missing_ok=True)
        db.close()
    return 0


def _database(url: str, ended: threading.Event) -> DatabaseService | None:
    """The record, once the server has made its tables; None if the station is asked to end first."""
    told = False
    while not ended.is_set():
        try:
            return DatabaseService(url, migrate="wait", patience=2.0)
        except SchemaNotReadyError:
            if not told:
                log.warning(
                    "waiting for the server, which makes the database: start it with `python run_web.py`, "
                    "or both at once with `python run_web.py --lab FILE`"
                )
            told = True
    return None


def _lab(lab: Path | Literal["demo"] | None) -> Lab:
    if lab is None:
        return Lab("My laboratory")
    if lab == "demo":
        from pybirch.demo.lab import demo_lab

        return demo_lab()
    return load_lab(lab)


def _on_end_signals() -> threading.Event:
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return ended


def _write_private(file: Path, content: dict[str, Any]) -> None:
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
    draft.replace(file)


__all__ = ["LOCKED", "Station", "run_station"]
