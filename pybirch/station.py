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
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from filelock import FileLock, Timeout

from database.errors import SchemaNotReadyError
from database.services import DatabaseService
from pybirch.database_integration.config import IntegrationConfig
from pybirch.database_integration.database_queue import DatabaseQueue
from pybirch.database_integration.instrument_book import InstrumentBook
from pybirch.database_integration.sync.discovery import find_server
from pybirch.database_integration.sync.link import ServerLink
from pybirch.database_integration.sync.remote import RemoteUpdateServer
from pybirch.errors import FieldError, LabFileError, PyBirchError
from pybirch.events import EventBus
from pybirch.lab_file import read_lab
from pybirch.lab_queues import LabQueues
from pybirch.processes import began_at, is_ours
from pybirch.queue.comeback import come_back
from pybirch.queue.emergency import abort_all, make_rest_safe
from pybirch.queue.lab import Lab

log = logging.getLogger(__name__)

SAFE_WITHIN = 3.0
"""Seconds within which a station that is asked to end has aborted and is safe."""

RECORD_WITHIN = 2.0
"""Seconds that a station which is safe waits for its record; what is not there by then comes later."""

HUNG = "hung"
"""Why a station ended that could not wait for an instrument: no end in order."""

UNSAFE = 6
"""Exit code: the station ended while an instrument did not answer."""

LOCKED = 4
"""Exit code: another station holds this data folder."""

LAB_FILE = 5
"""Exit code: the lab's file cannot be used as it is, and another try is of no use before it is changed."""

LONGEST_REASON = 1000

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that computes lets another go on: an instrument's clock waits no longer
for the recorder (Python's own 5 ms make a software clock late by as much)."""


class Station:
    """A lab's instruments and queues, kept in the database and shown through the server.

    Args:
        lab: what it owns.
        db: where it writes.
        name: how it is known; one living station a name.
        data_dir: the lab's data folder, where the server's address is found.
        server_url, token: a server elsewhere.
        epoch: names this life of the station; a new one by default.
        file: the lab's own file, for messages; that it was not asked for scans is said of a file only.
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
        epoch: str | None = None,
        file: Path | None = None,
    ) -> None:
        self.lab = lab
        self.db = db
        self.name = name
        self.epoch = epoch or new_epoch()
        self.bus = EventBus()
        self.queues: list[DatabaseQueue] = []
        self._file = file
        self._data_dir = data_dir
        self._server = (server_url, token)
        self._link: ServerLink | None = None
        self._book: InstrumentBook | None = None

    def open(self) -> None:
        """Attach to the record, take up the queues, connect to the server; starts what starts by itself.

        A scan that could not run is left out, and named in the queue's log.

        Raises:
            PyBirchError: the record is refused.
        """
        self._refuse_a_second()
        on_purpose = self._was_ended_on_purpose()
        self.db.stations.attach(self.name, pid=os.getpid(), host=socket.gethostname(), epoch=self.epoch)
        self.db.labs.ensure(self.lab.name)
        attempts = IntegrationConfig.from_environment().auto_reconnect_attempts
        for instrument in self.lab.instruments:
            instrument.reconnect_attempts = attempts
        self._book = InstrumentBook(self.db, self.lab.instruments, self.bus)
        queues = LabQueues(self.lab, self.db, self.bus, station=self.name, epoch=self.epoch, file=self._file)
        for queue_id in self.lab.queues:
            self.queues.append(queues.take_up(queue_id, again=self.lab.autostart and on_purpose))
        self._link = ServerLink(self._find_server, station=self.name, epoch=self.epoch)
        self._link.commands.instruments = self.lab.instruments
        server = RemoteUpdateServer(link=self._link)
        for queue in self.queues:
            self._link.commands.add(queue)
        self.bus.subscribe(server.publish, name="to the server")
        for remark in queues.remarks:
            self.bus.publish(remark)
        for queue in self.queues:
            if self.lab.autostart and on_purpose:
                queue.start()
            come_back(queue)

    def close(self, reason: str = "stopped") -> bool:
        """Abort, wait for safe instruments, say goodbye; whether all came to rest.

        What hangs in a driver is not waited for: the other instruments of its scan are made safe.
        """
        begun = time.monotonic()
        abort_all(self.queues)
        at_rest = self._await_rest(begun + SAFE_WITHIN / 2)
        if not at_rest:
            make_rest_safe(self.queues)
            at_rest = self._await_rest(begun + SAFE_WITHIN)
        self.bus.flush(0.5)
        for queue in self.queues:
            queue.close_store(RECORD_WITHIN / 2)
        _in_the_record(self._say_goodbye, reason if at_rest else HUNG)
        if self._link is not None:
            self._link.close(0.5)
        self.bus.close()
        return at_rest

    def _say_goodbye(self, reason: str) -> None:
        if self._book is not None:
            self._book.close()
        self.db.stations.detach(self.name, self.epoch, reason)

    def _await_rest(self, deadline: float) -> bool:
        busy = [q for q in self.queues if not q.wait_for_completion(max(0.0, deadline - time.monotonic()))]
        for queue in busy:
            log.error("queue %s has not come to rest: an instrument does not answer", queue.queue_id)
        hung = [one for queue in self.queues for one in queue.hung]
        for instrument in hung:
            log.error("%s does not answer, and was left as it is", instrument.name)
        return not busy and not hung

    def _refuse_a_second(self) -> None:
        """Two stations of one name would take the laboratory from each other, over and over.

        Raises:
            FieldError: one of this name lives on this computer already, for another data folder.
        """
        row = self.db.stations.find(self.name)
        here = row is not None and row.is_attached and row.host == socket.gethostname()
        if row is not None and here and row.pid not in (None, os.getpid()) and is_ours(row.pid):
            raise FieldError(
                "name",
                f"a station {self.name!r} of this database runs already, as process {row.pid}; "
                "give this one a name of its own: --name",
            )

    def _was_ended_on_purpose(self) -> bool:
        """Whether the life before this one, if there was any, came to an orderly end."""
        row = self.db.stations.find(self.name)
        return row is None or row.ended_in_order

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
        The process's exit code: 0; `LOCKED` when another station holds the data folder; `LAB_FILE` when
        the lab's file cannot be used as it is. While an instrument hangs, the process ends here, with
        `UNSAFE`.

    Raises:
        PyBirchError: the lab's record cannot be used; a sentence.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    run_dir = data_dir / "run"
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ended = _on_end_signals()
    try:
        with FileLock(run_dir / "station.lock", timeout=0), _life(run_dir / "station.json", name) as epoch:
            station_lab = _lab(lab)
            db = _database(database_url, ended)
            if db is None:
                return 0
            station = Station(
                station_lab,
                db,
                name=name,
                data_dir=data_dir,
                server_url=server_url,
                token=token,
                epoch=epoch,
                file=lab if isinstance(lab, Path) else None,
            )
            at_rest = _run(station, ended)
    except Timeout:
        log.error("another station already runs for %s; stop it first", data_dir)
        return LOCKED
    except LabFileError as error:
        log.error("%s", error, exc_info=error.__cause__ if error.is_surprising else None)
        return LAB_FILE
    if not at_rest:
        os._exit(UNSAFE)  # the thread that hangs in a driver would keep us for ever
    return 0


@contextmanager
def _life(file: Path, name: str) -> Iterator[str]:
    """Keep `file` saying who runs here, and afterwards what ended it, unless that was in order.

    Gives the epoch of this life.
    """
    epoch = new_epoch()
    who = {"pid": os.getpid(), "created": began_at(), "epoch": epoch, "name": name}
    _write_private(file, who)
    try:
        yield epoch
    except Exception as error:
        text = str(error) if isinstance(error, PyBirchError) else f"{type(error).__name__}: {error}"
        _write_private(file, who | {"error": text[:LONGEST_REASON]})
        raise
    file.unlink(missing_ok=True)


def _run(station: Station, ended: threading.Event) -> bool:
    """Open the station, and close it and its record when it is asked to end; whether all came to rest."""
    lab = station.lab
    try:
        station.open()
        queues = ", ".join(lab.queues)
        log.info("station %s: %d instruments, queues %s", station.name, len(lab.instruments), queues)
        ended.wait()
    finally:
        at_rest = station.close()
        station.db.close()
    return at_rest


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
    return read_lab(lab)


def _in_the_record(write: Callable[[str], None], reason: str) -> None:
    """Write the last word, if the database takes it in time."""

    def attempt() -> None:
        try:
            write(reason)
        except PyBirchError as error:
            log.warning("the record does not know that this station ended: %s", error)

    thread = threading.Thread(target=attempt, name="goodbye", daemon=True)
    thread.start()
    thread.join(RECORD_WITHIN)
    if thread.is_alive():
        log.warning("the database does not answer: the record does not know that this station ended")


def new_epoch() -> str:
    """A name for one life of a station."""
    return secrets.token_hex(8)


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


__all__ = ["LAB_FILE", "LOCKED", "Station", "run_station"]
