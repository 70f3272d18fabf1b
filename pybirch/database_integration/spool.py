"""A file of what the store could not take yet: item by item, in order, durable when `add` returns.

One SQLite file a program, in ``DATA_STORAGE_PATH/spool``. It is made when it is needed and gone when all
of it was sent; who writes it holds a lock, so that one whose program was killed is known by its free lock.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import sqlite3
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from pybirch.errors import FieldError
from pybirch.events import DataBlock, Readings
from pybirch.wire import from_block, from_wire

log = logging.getLogger(__name__)

_TABLE = """
CREATE TABLE IF NOT EXISTS items (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tick INTEGER NOT NULL,
    writer TEXT NOT NULL,
    kind TEXT NOT NULL,
    scan_id TEXT,
    measurement TEXT,
    first INTEGER,
    count INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL,
    refused TEXT
)"""
_ABOUT = "CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
_AT_ONCE = 500
_FIELDS = "number, tick, writer, kind, scan_id, measurement, first, count, body"


@dataclass(frozen=True)
class Entry:
    """One item in a spool; entries of one tick are sent together.

    Attributes:
        writer: who measured, e.g. ``"bench:5f3a"``; for a server the station's epoch.
        first, count: the readings of a block.
        body: the payload as JSON.
        spool: names the file for ever; numbers begin anew in each.
    """

    number: int
    tick: int
    writer: str
    kind: str
    scan_id: str | None
    measurement: str | None
    first: int | None
    count: int
    body: bytes
    spool: str = ""

    def readings(self) -> Readings:
        """The block it is."""
        block = from_wire(self.kind, orjson.loads(self.body))
        assert isinstance(block, DataBlock)
        return from_block(block)


class Spool:
    """One file. Thread-safe.

    Args:
        path: the file; made if there is none.
        lock: held already for it.
        about: what people and `pybirch spool` are to know of it: for which store it is.

    Raises:
        sqlite3.Error, OSError: it cannot be made.
    """

    def __init__(self, path: Path, lock: FileLock, about: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._lock = lock
        self._turn = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute(_TABLE)
            self._db.execute(_ABOUT)
            self._db.executemany("INSERT OR IGNORE INTO about VALUES (?, ?)", (about or {}).items())
            self.about = dict(self._db.execute("SELECT name, value FROM about").fetchall())
            rows = self._db.execute(
                "SELECT scan_id, SUM(count), COUNT(*) FROM items WHERE refused IS NULL GROUP BY scan_id"
            ).fetchall()
            (self.refused,) = self._db.execute(
                "SELECT COUNT(*) FROM items WHERE refused IS NOT NULL"
            ).fetchone()
            (self._last,) = self._db.execute("SELECT COALESCE(MAX(number), 0) FROM items").fetchone()
        except BaseException:
            self._db.close()
            raise
        self._readings: Counter[str | None] = Counter({scan_id: count for scan_id, count, _ in rows})
        self.waiting = sum(items for *_, items in rows)
        self._sent = 0

    @property
    def readings(self) -> int:
        """How many readings wait."""
        return self._readings.total()

    def readings_of(self, scan_id: str) -> int:
        return self._readings[scan_id]

    def add(self, writer: str, items: Sequence[tuple[str, bytes, dict[str, Any]]]) -> None:
        """Put these at the end: all, durable when it returns, or none.

        Args:
            items: of each its kind, its payload as JSON and as it is.

        Raises:
            sqlite3.Error: there is no room for them.
        """
        with self._turn:
            number, tick, rows = self._last, self._last + 1, []
            for kind, body, payload in items:
                number += 1
                of = (payload.get("scan_id"), payload.get("measurement"), payload.get("first_index"))
                rows.append((number, tick, writer, kind, *of, payload.get("count") or 0, body))
            with self._transaction():
                self._db.executemany(f"INSERT INTO items ({_FIELDS}) VALUES (?,?,?,?,?,?,?,?,?)", rows)
            self._last = number
            self.waiting += len(rows)
            for row in rows:
                self._readings[row[4]] += row[7]

    def first(self, most_bytes: int) -> list[Entry]:
        """What is to be sent next: the first item; of blocks as many whole ticks of a scan as follow."""
        with self._turn:
            rows = self._db.execute(
                f"SELECT {_FIELDS} FROM items WHERE number > ? AND refused IS NULL ORDER BY number LIMIT ?",
                (self._sent, _AT_ONCE),
            )
            entries = [Entry(*row, spool=self.path.stem) for row in rows]
        if not entries or entries[0].kind != "data_block":
            return entries[:1]
        return _whole_ticks(entries, most_bytes)

    def writers(self) -> list[str]:
        """Whose items wait."""
        with self._turn:
            found = self._db.execute(
                "SELECT DISTINCT writer FROM items WHERE refused IS NULL ORDER BY number"
            )
            return [writer for (writer,) in found]

    def done(self, entries: Sequence[Entry]) -> None:
        """They were taken: forget them. Never raises for want of room: then they are known here only."""
        with self._turn:
            self._sent = entries[-1].number
            self._count_off(entries)
            try:
                with self._transaction():
                    self._db.execute("DELETE FROM items WHERE number <= ? AND refused IS NULL", (self._sent,))
            except sqlite3.Error as error:
                log.warning("%s: what was sent is not struck off yet: %s", self.path, error)

    def refuse(self, entries: Sequence[Entry], why: str) -> None:
        """They will never be taken: keep them apart.

        Raises:
            sqlite3.Error: that cannot be written.
        """
        with self._turn:
            with self._transaction():
                numbers = [(why, entry.number) for entry in entries]
                self._db.executemany("UPDATE items SET refused = ? WHERE number = ?", numbers)
            self._count_off(entries)
            self.refused += len(entries)

    def readmit(self) -> None:
        """What was refused waits again.

        Raises:
            sqlite3.Error: that cannot be written.
        """
        with self._turn:
            self._db.execute("UPDATE items SET refused = NULL")
            self.waiting, self.refused = self.waiting + self.refused, 0

    def blocks(self, scan_id: str) -> list[Entry]:
        """The blocks and rewinds of a scan that wait, in order."""
        with self._turn:
            rows = self._db.execute(
                f"SELECT {_FIELDS} FROM items WHERE scan_id = ? AND number > ? AND refused IS NULL "
                "AND kind IN ('data_block', 'scan_rewound') ORDER BY number",
                (scan_id, self._sent),
            )
            return [Entry(*row, spool=self.path.stem) for row in rows]

    def close(self) -> None:
        """Leave the file as it is for whoever comes next."""
        with self._turn:
            self._db.close()
        self._lock.release()

    def remove(self) -> None:
        """All was sent: nothing is left of the file. One with refused items stays, under another name."""
        with self._turn:
            try:
                self._db.close()
            except sqlite3.Error as error:
                log.warning("%s: %s", self.path, error)
            try:
                self._clear_away()
            except OSError as error:
                log.warning("%s stays, with nothing in it that waits: %s", self.path, error)
            finally:
                self._lock.release()

    def _clear_away(self) -> None:
        if self.refused:
            apart = self.path.with_suffix(".refused")
            self.path.replace(apart)
            log.error("%d items that the record does not take are kept apart, in %s", self.refused, apart)
        else:
            self.path.unlink(missing_ok=True)
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        Path(self._lock.lock_file).unlink(missing_ok=True)

    def _count_off(self, entries: Sequence[Entry]) -> None:
        self.waiting -= len(entries)
        for entry in entries:
            self._readings[entry.scan_id] -= entry.count

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)


class _Transaction:
    """All of it or nothing, also where the commit is what fails."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: Any, *_: object) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")


class Folder:
    """Where a lab's spools are.

    Args:
        path: the folder; made when it is needed.
        place: which store they are for; those of another are left alone.
        formerly: what the store was known by before.
        about: of the store, for people (see `Spool`).
    """

    def __init__(
        self, path: Path, place: str, formerly: Sequence[str] = (), about: Mapping[str, str] | None = None
    ) -> None:
        self.path = path
        self._key, *self._former = (_key(name) for name in (place, *formerly))
        self._about = dict(about or {}) | {"place": place}

    def new(self) -> Spool:
        """A new file of one's own.

        Raises:
            sqlite3.Error, OSError: it cannot be made.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path / f"{self._key}-{secrets.token_hex(6)}.db"
        lock = FileLock(path.with_suffix(".lock"), timeout=0)
        lock.acquire()
        try:
            return Spool(path, lock, self._about)
        except BaseException:
            lock.release()
            for file in (path, Path(lock.lock_file)):
                file.unlink(missing_ok=True)
            raise

    def left_over(self) -> list[Spool]:
        """Those whose programs are gone, oldest first; they are one's own from now on."""
        found: list[Spool] = []
        mine = [path for key in (self._key, *self._former) for path in self.path.glob(f"{key}-*.db")]
        for path in sorted(mine, key=_age):
            try:
                spool = taken_up(path)
            except sqlite3.Error as error:
                log.error("what was kept in %s cannot be read: %s", path, error)
                continue
            if spool is not None:
                found.append(spool)
        return found

    def others(self) -> list[Path]:
        """Files for other stores, whether or not their programs live."""
        keys = (self._key, *self._former)
        return [path for path in self.path.glob("*.db") if path.name.partition("-")[0] not in keys]


def taken_up(path: Path) -> Spool | None:
    """A file whose program is gone; it is one's own from now on. None while its program lives, or where it
    has just sent the last of it.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return None
    if not path.exists():
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
        return None
    try:
        return Spool(path, lock)
    except BaseException:
        lock.release()
        raise


def _key(place: str) -> str:
    return hashlib.sha256(place.encode()).hexdigest()[:12]


def _age(file: Path) -> float:
    """When it was last written; 0 for one that has just gone."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _whole_ticks(entries: Sequence[Entry], most_bytes: int) -> list[Entry]:
    """The first of these blocks, as many whole ticks as fit; at least one tick."""
    head, taken, size = entries[0], [], 0
    for entry in entries:
        same = (entry.kind, entry.scan_id, entry.writer) == (head.kind, head.scan_id, head.writer)
        new_tick = bool(taken) and entry.tick != taken[-1].tick
        if not same or (new_tick and size + len(entry.body) > most_bytes):
            break
        taken.append(entry)
        size += len(entry.body)
    if len(taken) == _AT_ONCE and len({entry.tick for entry in taken}) > 1:
        taken = [entry for entry in taken if entry.tick != taken[-1].tick]  # it may go on behind these
    return taken


def encoded(item: Mapping[str, Any]) -> bytes:
    """An item's payload as JSON.

    Raises:
        FieldError: it holds something JSON cannot say.
    """
    try:
        return orjson.dumps(item["payload"], option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        raise FieldError(str(item["kind"]), str(error)) from error
