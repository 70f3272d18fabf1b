"""The thread that makes every call to a store, in order, and sends what a spool has for it."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.exc import DBAPIError

from database.errors import DatabaseUnavailableError
from database.session import is_unavailable
from pybirch.database_integration.item_store import Item
from pybirch.database_integration.spool import Entry, Folder, Spool, encoded
from pybirch.database_integration.store import Store
from pybirch.errors import ServerUnavailableError, StaleWriterError

log = logging.getLogger(__name__)

FIRST_RETRY, SLOWEST_RETRY = 0.2, 5.0
NO_ANSWER = "does not answer"
LINGER = 5.0
"""Seconds without work after which the carrier's thread ends."""
MOST_BYTES = 4 * 2**20
"""Of blocks sent at a time."""


class Carried(Store, Protocol):
    """A store that takes what has waited in a spool as well."""

    @property
    def called(self) -> str:
        """In messages: "the database"."""
        ...

    @property
    def writer(self) -> str: ...

    @property
    def place(self) -> str:
        """Names the store for ever, whatever program uses it."""
        ...

    def deliver(self, entries: Sequence[Entry]) -> None: ...


class Carrier:
    """Calls one store while it is well, and sends what waits for it while it is not.

    Args:
        store: the store.
        folder: where its spools are.
        tell: called whenever there may be something to tell.

    Attributes:
        is_spooling: nothing goes straight through: something waits, or did a moment ago.
        why: what is wrong with the store, in words.
        refused: scan_id -> why the store does not take what waited of a scan of this program.
    """

    def __init__(self, store: Carried, folder: Folder, tell: Callable[[], None]) -> None:
        self.folder = folder
        self.is_spooling = False
        self.why = NO_ANSWER
        self.refused: dict[str, str] = {}
        self.thread: threading.Thread | None = None
        self._store = store
        self._tell = tell
        self._changed = threading.Condition()
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._own: Spool | None = None
        self._left: deque[Spool] = deque()
        self._closing = False
        self._sent_at = time.monotonic()

    def readings(self, scan_id: str | None = None) -> int:
        """How many readings wait, of all scans or of one."""
        with self._changed:
            return sum(s.readings if scan_id is None else s.readings_of(scan_id) for s in self._spools())

    def blocks(self, scan_id: str) -> list[Entry]:
        """The blocks and rewinds of a scan that wait, in order."""
        with self._changed:
            return [entry for spool in self._spools() for entry in spool.blocks(scan_id)]

    def settle(self, without_progress: float = 15.0) -> None:
        """Wait until nothing waits any more, as long as something is being sent.

        Raises:
            DatabaseUnavailableError: nothing was sent for so many seconds.
        """
        with self._changed:
            self._sent_at = time.monotonic()
            while self.is_spooling:
                left = self._sent_at + without_progress - time.monotonic()
                if left <= 0:
                    held = sum(spool.readings for spool in self._spools())
                    raise DatabaseUnavailableError(
                        f"{self._store.called} does not answer; {held:,} readings wait in {self.folder.path}"
                    )
                self._changed.wait(left)

    def drain(self, timeout: float) -> bool:
        """Wait until nothing waits any more; False when `timeout` (s) ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.is_spooling and not self._jobs, timeout)

    def close(self, timeout: float) -> None:
        """Send what waits, for at most `timeout` seconds; the rest stays for the next program."""
        self.drain(timeout)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self.thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(timeout, 0.1))
        with self._changed:
            if self.thread is None:
                self._leave()

    def line_up(self, call: Callable[[], Any]) -> Future[Any] | None:
        """Hand it to the carrier; None while there is a spool."""
        with self._changed:
            if self.is_spooling:
                return None
            job: Future[Any] = Future()
            self._jobs.append((job, call))
            self._start()
            self._changed.notify_all()
            return job

    def put(self, items: Sequence[Item], why: str | None) -> bool:
        """Put them into the spool; False if there is none, and no reason for one.

        Raises:
            sqlite3.Error, OSError: there is no room for it.
        """
        coded = [(item["kind"], encoded(item), item["payload"]) for item in items]
        with self._changed:
            begins = why is not None and not self.is_spooling
            if begins:
                self._begin()
            if why is not None:
                self.why = why
            if not self.is_spooling:
                return False
            try:
                if self._own is None:
                    self._own = self.folder.new()
                self._own.add(self._store.writer, coded)
            except (sqlite3.Error, OSError):
                self.is_spooling = any(spool.waiting for spool in self._spools())
                raise
            if begins:
                log.warning("%s %s; what is measured is kept in %s", self._store.called, why, self._own.path)
            return True

    def _begin(self) -> None:
        self.is_spooling = True
        for job, _ in self._jobs:
            job.cancel()
        self._start()
        self._changed.notify_all()

    def _start(self) -> None:
        if (self.thread is None or not self.thread.is_alive()) and not self._closing:
            self.thread = threading.Thread(
                target=self._run, name=f"carrier to {self._store.called}", daemon=True
            )
            self.thread.start()

    def _run(self) -> None:
        pause = FIRST_RETRY
        while (work := self._next()) is not None:
            if callable(work):
                work()
            elif self._send(work):
                pause = FIRST_RETRY
            else:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, pause)
                pause = min(SLOWEST_RETRY, pause * 2)
            self._tell()

    def _next(self) -> Callable[[], None] | Spool | None:
        """The next call, or the spool to send from; None when there has been nothing to do for a while."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._jobs or self.is_spooling or self._closing, LINGER)
                if self._jobs:
                    return partial(_carry_out, *self._jobs.popleft())
                if not self.is_spooling or self._closing:
                    self.thread = None
                    self._changed.notify_all()
                    return None
                if (spool := self._oldest()) is not None:
                    return spool
                self._end()
                return self._tell

    def _oldest(self) -> Spool | None:
        """The first spool in which something waits; those before it are gone."""
        while self._left and not self._left[0].waiting:
            self._left.popleft().remove()
        spool = self._left[0] if self._left else self._own
        return spool if spool is not None and spool.waiting else None

    def _end(self) -> None:
        """Everything was sent."""
        own, self._own = self._own, None
        if own is not None:
            own.remove()
        self.is_spooling = False
        log.info("%s has everything that was kept here meanwhile", self._store.called)
        self._changed.notify_all()

    def _send(self, spool: Spool) -> bool:
        """One delivery; False when the store is still away."""
        try:
            entries = spool.first(MOST_BYTES)
        except sqlite3.Error as error:
            log.error("%s cannot be read: %s", spool.path, error)
            return False
        if not entries:
            return False
        try:
            self._store.deliver(entries)
        except Exception as error:  # what no store can take must not keep back what comes after it
            if not is_away(error):
                return self._put_apart(spool, entries, error)
            self.why = in_words(error)
            log.debug("%s: %s", self._store.called, error)
            return False
        spool.done(entries)
        self._note_sent()
        return True

    def _put_apart(self, spool: Spool, entries: Sequence[Entry], error: Exception) -> bool:
        """What the record will never take is kept and said; the scan, if it still runs, hears it."""
        head = entries[0]
        log.error(
            "%s refuses what waited for it (%s of %s): %s", self._store.called, head.kind, head.scan_id, error
        )
        try:
            spool.refuse(entries, str(error))
        except sqlite3.Error as full:
            log.error("%s: %s", spool.path, full)
            return False
        if (
            isinstance(error, StaleWriterError)
            and head.scan_id is not None
            and head.writer == self._store.writer
        ):
            self.refused[head.scan_id] = str(error)
        self._note_sent()
        return True

    def _note_sent(self) -> None:
        with self._changed:
            self._sent_at = time.monotonic()
            self._changed.notify_all()

    def _spools(self) -> list[Spool]:
        return [*self._left, *([] if self._own is None else [self._own])]

    def take_up(self) -> None:
        """What programs that are gone left behind; of each writer the last word is that it is gone."""
        for spool in self.folder.left_over():
            try:
                for writer in spool.writers():
                    if writer != self._store.writer:
                        spool.add(writer, [("life_ended", b"{}", {})])
            except sqlite3.Error as error:
                log.error("%s: %s", spool.path, error)
            log.info("%s: %d readings of an earlier program wait to be sent", spool.path, spool.readings)
            self._left.append(spool)
        if self._left:
            with self._changed:
                self._begin()
        _tell_others(self.folder)

    def _leave(self) -> None:
        for spool in self._spools():
            if spool.waiting:
                log.warning(
                    "%d readings are kept in %s; the next program that uses %s sends them",
                    spool.readings,
                    spool.path,
                    self._store.called,
                )
                spool.close()
            else:
                spool.remove()
        self._left.clear()
        self._own = None


def _carry_out(job: Future[Any], call: Callable[[], Any]) -> None:
    if not job.set_running_or_notify_cancel():
        return
    try:
        job.set_result(call())
    except BaseException as error:  # the caller's to answer
        job.set_exception(error)


_told: set[Path] = set()


def _tell_others(folder: Folder) -> None:
    """Say once that more lies there than this program sends."""
    if folder.path not in _told and (others := folder.others()):
        _told.add(folder.path)
        log.warning(
            "spools in %s for other stores, or for this one under another address: %d; "
            "`pybirch spool list` tells which, and `pybirch spool send` sends what nobody comes for",
            folder.path,
            len(others),
        )


def is_away(error: BaseException) -> bool:
    """Whether the store takes nothing just now, rather than not this."""
    if isinstance(error, DBAPIError):
        return is_unavailable(error)
    return isinstance(error, DatabaseUnavailableError | ServerUnavailableError)


def in_words(error: Exception) -> str:
    """What is wrong with a store that is away, to be put behind its name."""
    text = str(error)
    if "disk is full" in text or "No space left" in text:
        return "cannot write: its disk is full"
    if "refused the token" in text:
        return text.removeprefix("the server ")
    return NO_ANSWER
