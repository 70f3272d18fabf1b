"""A store that never keeps a scan waiting: what the real one does not take at once is spooled and sent later.

One thread, the carrier, makes every call to the real store, in order. While that is well, a call is handed
to it and waited for. When it takes too long, or fails because the store is away, its items go to a `Spool`
instead, as does everything after them; the carrier sends what is there, oldest first, and when nothing is
left the calls go straight through again. A call under way when the spool began comes to its end in the
same thread, before anything is sent: so nothing overtakes, and what was done twice is known by its identity.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import shutil
import sqlite3
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from typing import Any

from pybirch.database_integration.carrier import NO_ANSWER, Carried, Carrier, in_words, is_away
from pybirch.database_integration.config import IntegrationConfig
from pybirch.database_integration.item_store import Item, ItemStore
from pybirch.database_integration.spool import Folder
from pybirch.database_integration.spooled import SpooledReadings
from pybirch.database_integration.store import DatabaseStore
from pybirch.database_integration.telling import Telling, without_own_words
from pybirch.errors import NoRoomError, PyBirchError, StaleWriterError
from pybirch.events import QueueLog, QueueStatus, Readings, ScanStatus
from pybirch.scan.memory import Record
from pybirch.scan.scan import Scan

log = logging.getLogger(__name__)

TRY_AGAIN = 2.0
LAST_TRY = 2.0
"""Seconds a program that ends gives its spools."""


class _ToSpool(ItemStore):
    """What a store is told, as items for a spool."""

    def __init__(self, given: Mapping[str, int]) -> None:
        super().__init__(given, progress_every=2.0)
        self.items: list[Item] = []

    def put(self, items: Sequence[Item], patience: float = 0.0) -> dict[str, Any]:
        self.items += items
        return {}

    def claim(self, scan_id: str) -> None:
        self.put([{"kind": "scan_claimed", "payload": {"scan_id": scan_id}}])


_open_stores: weakref.WeakSet[SpoolingStore] = weakref.WeakSet()
_opening = threading.Lock()


def readings_held() -> int:
    """Readings that wait in the spools of this program."""
    return sum(store.readings_held for store in _all_open())


def _all_open() -> list[SpoolingStore]:
    with _opening:  # a set that grows meanwhile cannot be walked
        return list(_open_stores)


@atexit.register
def _last_try() -> None:
    deadline = time.monotonic() + LAST_TRY
    for store in _all_open():
        store.close(max(0.0, deadline - time.monotonic()))


class SpoolingStore:
    """A `Store` around another.

    What earlier programs left behind for the same store is sent first; see `settle`.

    Args:
        store: the real one.
        folder: where spools are kept; by default ``spool`` in the lab's data folder.
        patience: seconds a call to the real store may take; SPOOL_AFTER_SECONDS by default.
    """

    def __init__(self, store: Carried, folder: Path | None = None, patience: float | None = None) -> None:
        config = IntegrationConfig.from_environment()
        self.store = store
        self._patience = config.spool_after_seconds if patience is None else patience
        self._to_spool = _ToSpool(getattr(store, "given", {}))
        self._turn = threading.Lock()
        self._life, self._lines = secrets.token_hex(8), 0
        about = {"called": store.called} | getattr(store, "about", {})
        spools = Folder(
            folder or config.data_storage_path / "spool", store.place, getattr(store, "formerly", ()), about
        )
        self._carrier = Carrier(store, spools, self._tell)
        self._telling = Telling(self._carrier.readings, lambda: f"{self.called} {self._carrier.why}")
        self._carrier.take_up()
        with _opening:
            _open_stores.add(self)

    @property
    def called(self) -> str:
        return self.store.called

    @property
    def writer(self) -> str:
        return self.store.writer

    @property
    def readings_held(self) -> int:
        """Readings that wait to be sent."""
        return self._carrier.readings()

    @property
    def is_spooling(self) -> bool:
        return self._carrier.is_spooling

    def watch(self, scan_id: str, scan: Scan) -> None:
        """Say of the scan (`scan_id` is its record's) when its readings wait; pause it when they cannot."""
        self._telling.watch(scan_id, scan)

    def settle(self, without_progress: float = 15.0) -> None:
        """Wait until nothing waits any more, as long as something is being sent.

        Raises:
            DatabaseUnavailableError: nothing was sent for so many seconds.
        """
        self._carrier.settle(without_progress)

    def drain(self, timeout: float) -> bool:
        """Wait until nothing waits any more; False when `timeout` (s) ran out."""
        return self._carrier.drain(timeout)

    def close(self, timeout: float = LAST_TRY) -> None:
        """Send what waits, for at most `timeout` seconds; the rest stays for the next program."""
        self._carrier.close(timeout)
        with _opening:
            _open_stores.discard(self)

    # The store's verbs

    def open_queue(self, queue: Any) -> None:
        self.store.open_queue(queue)

    def open_scan(self, scan: Scan, queue_id: str | None) -> None:
        scan.owner = scan.owner or getattr(self.store, "operator", "")
        self._do(None, "open_scan", scan, queue_id)

    def claim(self, scan_id: str) -> None:
        self._do(scan_id, "claim", scan_id)

    def drop_scan(self, scan: Scan, queue_id: str) -> None:
        self._do(None, "drop_scan", scan, queue_id)

    def reorder(self, queue_id: str, scan_ids: Sequence[str]) -> None:
        self._do(None, "reorder", queue_id, scan_ids)

    def save_terms(self, scan_id: str, terms: dict[str, Any]) -> None:
        self._do(None, "save_terms", scan_id, terms)

    def save_queue(self, queue: Any) -> None:
        self._do(None, "save_queue", queue)

    def save_readings(self, readings: Sequence[Readings], status: ScanStatus) -> None:
        self._do(status.scan_id, "save_readings", readings, status)

    def save_status(self, status: ScanStatus) -> None:
        self._do(status.scan_id, "save_status", status)

    def save_rewind(self, scan_id: str, step: int) -> None:
        self._do(scan_id, "save_rewind", scan_id, step)

    def save_conditions(self, scan_id: str, conditions: dict[str, Any]) -> None:
        self._do(scan_id, "save_conditions", scan_id, conditions)

    def owe_status(self, status: ScanStatus) -> None:
        name = f"the end of scan {status.scan_id}"
        threading.Thread(target=self._pay, args=(status,), name=name, daemon=True).start()

    def _pay(self, status: ScanStatus) -> None:
        """Until there is room for it, while this program lives."""
        while True:
            try:
                return self.save_status(status)
            except NoRoomError as error:
                log.warning("scan %s: its end is not kept yet: %s", status.scan_id, error)
                time.sleep(TRY_AGAIN)
            except PyBirchError as error:
                log.warning("scan %s: the record knows another end: %s", status.scan_id, error)
                return None

    def save_act(self, act: Mapping[str, Any]) -> None:
        self._do(None, "save_act", act)

    def save_log(self, line: QueueLog, origin: str | None = None) -> None:
        with self._turn:
            self._lines += 1
            origin = origin or f"{self._life}:{self._lines}"
        self._do(None, "save_log", line, origin)

    def save_queue_status(self, status: QueueStatus) -> None:
        self._do(None, "save_queue_status", status)

    # One call

    def _do(self, scan_id: str | None, verb: str, *args: Any) -> None:
        """Through the carrier, or into the spool; returns when it is durable in either."""
        args = tuple(without_own_words(arg) if isinstance(arg, ScanStatus) else arg for arg in args)
        try:
            was_spooled = self._keep(scan_id, verb, args)
        finally:
            if scan_id is not None:
                self._telling.let_go(scan_id)
        if was_spooled and scan_id is not None and scan_id in self._carrier.refused:
            raise StaleWriterError(self._carrier.refused[scan_id])

    def _keep(self, scan_id: str | None, verb: str, args: tuple[Any, ...]) -> bool:
        """Whether it went into the spool."""
        items: list[Item] | None = None
        while True:
            job = self._carrier.line_up(partial(getattr(self.store, verb), *args))
            why = None
            if job is not None:
                try:
                    job.result(self._patience)
                    return False
                except CancelledError:
                    pass
                except TimeoutError:
                    job.cancel()
                    why = NO_ANSWER
                except Exception as error:
                    if not is_away(error):
                        raise
                    why = in_words(error)
            items = items or self._items(verb, args)
            try:
                if self._carrier.put(items, why):
                    break
            except (sqlite3.Error, OSError) as error:
                self._wait_for_room(scan_id, error)
        self._tell()
        return True

    def _items(self, verb: str, args: tuple[Any, ...]) -> list[Item]:
        with self._turn:
            getattr(self._to_spool, verb)(*args)
            items, self._to_spool.items = self._to_spool.items, []
        return items

    def _wait_for_room(self, scan_id: str | None, error: Exception) -> None:
        """The scan is paused, and waits a moment; then it is tried again.

        Raises:
            NoRoomError: nobody can be told, or the scan is to end.
        """
        text = f"{self.called} {self._carrier.why} and {_no_room(self._carrier.folder.path, error)}"
        if scan_id is None or not self._telling.hold(scan_id, text):
            raise NoRoomError(text) from error

    def _tell(self) -> None:
        """In words, on the scans under way."""
        if self.is_spooling or self._telling.has_said:
            self._telling.tell()


class ReadableSpoolingStore(SpoolingStore):
    """One whose record can be read: what waits is part of it."""

    store: DatabaseStore

    def record_of(self, scan_id: str) -> Record:
        return SpooledReadings(self.store.db, scan_id, self._carrier.blocks)

    def take_over(self, scan_id: str) -> None:
        self.settle()
        self.store.take_over(scan_id)


def send_what_was_left(store: DatabaseStore) -> None:
    """Send what programs that are gone left behind for this database, before anything new.

    Raises:
        DatabaseUnavailableError: it takes nothing.
    """
    spooling = ReadableSpoolingStore(store)
    try:
        spooling.settle()
    finally:
        spooling.close(0.0)


def _no_room(folder: Path, error: Exception) -> str:
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    full = "full" in str(error) or "No space" in str(error)
    problem = f"the disk of {folder} is full" if full else f"{folder} cannot be written ({error})"
    return (
        f"{problem}: {free / 2**20:,.1f} MB are free. Nothing is lost: the scan waits. Make room there"
        f"{'' if os.name == 'nt' else f' (df -h {there} shows it)'}, then press Resume"
    )
