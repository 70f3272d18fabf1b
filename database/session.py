"""Engines and transactions on SQLite and PostgreSQL.

A `Database` hands out short sessions: `read` for looking, `moment` for a longer look at one state of the
record, `transact` (or `write`) for changing.
Writers of SQLite take the file's write lock at once (BEGIN IMMEDIATE), so that none fails half way;
on PostgreSQL a whole transaction is run again when the server refused it for reasons of timing.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from database.errors import DatabaseUnavailableError
from pybirch.errors import FieldError
from pybirch.wire import dumps

log = logging.getLogger(__name__)

PAGE_SIZE = 8192
BUSY_TIMEOUT_MS = 15_000
ATTEMPTS = 6
_POSTGRES_LIMITS = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": BUSY_TIMEOUT_MS,
    "options": f"-c lock_timeout={BUSY_TIMEOUT_MS}",
}
"""libpq's names; a server that has gone without a word, or a lock held too long, is an error and no
silence. What DATABASE_URL says comes first."""
BLOBS = {"pybirch_blobs": True}
"""Execution options of a statement whose rows hold numbers and bytes only: on PostgreSQL they come in the
binary format, where bytes are not spelt out in hexadecimal."""
_RETRY_STATES = ("40001", "40P01")
_NOT_READY_STATES = ("42P01", "42703", "3F000", "42501", "25006")
"""PostgreSQL's: no such table, column or schema; not permitted; only to be read."""
_OPTION = "pybirch_writer"

T = TypeVar("T")


def to_url(place: str | Path | URL) -> URL:
    """A URL from a URL or from the path of an SQLite file.

    Raises:
        FieldError: neither SQLite nor PostgreSQL.
    """
    if isinstance(place, str) and place != ":memory:" and "://" not in place:
        place = Path(place)
    if isinstance(place, Path):
        return URL.create("sqlite", database=str(place))
    if place == ":memory:":
        return URL.create("sqlite")
    try:
        url = make_url(place)
    except ArgumentError as error:
        raise FieldError("DATABASE_URL", f"{error}; e.g. sqlite:///pybirch.db") from error
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise FieldError("DATABASE_URL", f"{url.drivername} is not supported; use sqlite or postgresql")
    return url


class Database:
    """One database: its engine and its transactions. Thread-safe; `dispose` ends it."""

    def __init__(self, place: str | Path | URL) -> None:
        self.url = to_url(place)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        in_memory = self.is_sqlite and self.url.database in (None, "", ":memory:")
        self.engine = _sqlite_engine(self.url, in_memory) if self.is_sqlite else _postgres_engine(self.url)
        self._writers = self.engine.execution_options(**{_OPTION: True})
        self._readers, self._snapshots = (
            (self.engine, self.engine)
            if self.is_sqlite  # where a transaction sees one moment in any case
            else tuple(map(self._isolated, ("AUTOCOMMIT", "REPEATABLE READ")))
        )
        turn = threading.RLock()
        self._write_turn = turn if self.is_sqlite else nullcontext()
        self._read_turn = turn if in_memory else nullcontext()

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None in memory and on PostgreSQL."""
        known = self.url.database if self.is_sqlite else None
        return Path(known).absolute() if known and known != ":memory:" else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for looking; rows taken from it stay usable after it.

        On PostgreSQL each statement sees what is committed when it begins.
        """
        with self._read_turn, Session(self._readers, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def moment(self) -> Iterator[Session]:
        """A session for a longer look: all its statements see the moment of the first."""
        with self._read_turn, Session(self._snapshots, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at its end, or rolls back when the body raises."""
        with (
            self._write_turn,
            Session(self._writers, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def write_connection(self) -> Iterator[Connection]:
        """Like `write`, without the ORM."""
        with self._write_turn, self._writers.begin() as connection:
            yield connection

    def transact(self, work: Callable[[Session], T], *, repeatable: bool = False) -> T:
        """Run `work` in a transaction and commit; again from the start when the server asks for it.

        Args:
            repeatable: running it twice does no harm, so it is also repeated when the connection
                was lost during the commit and nobody knows whether it succeeded.

        Raises:
            DatabaseUnavailableError: the server is gone, the disk is full, the file is locked.
        """
        return self._again(self.write, work, repeatable)

    def transact_core(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        """`transact` without the ORM."""
        return self._again(self.write_connection, work, repeatable)

    def _again(self, open_: Callable[[], Any], work: Callable[[Any], T], repeatable: bool) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            committing = False
            try:
                with open_() as transaction:
                    result = work(transaction)
                    committing = True
                return result
            except DBAPIError as error:
                if attempt == ATTEMPTS or not _worth_another_try(error, repeatable or not committing):
                    if is_unavailable(error):
                        raise DatabaseUnavailableError(f"{self.name}: {error.orig}") from error
                    raise
                log.info("transaction is run again (%d): %s", attempt, error.orig)
                time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    def _isolated(self, level: str) -> Engine:
        return self.engine.execution_options(isolation_level=level)

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def is_unavailable(error: DBAPIError) -> bool:
    """Whether it is the database that cannot just now, and not what it was asked for that is wrong.

    One without its tables, or that may only be read, is being restored, migrated or moved.
    """
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return (getattr(error.orig, "sqlstate", None) or "") in _NOT_READY_STATES


def _worth_another_try(error: DBAPIError, connection_loss_too: bool) -> bool:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _RETRY_STATES:
        return True
    lost = error.connection_invalidated or state[:2] == "08" or state[:3] == "57P"
    return lost and connection_loss_too


def _postgres_engine(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        json_serializer=dumps,
        pool_recycle=1800,
        connect_args=_POSTGRES_LIMITS | dict(url.query),
    )

    @event.listens_for(engine, "before_cursor_execute")
    def choose_format(
        connection: Connection, cursor: Any, statement: str, parameters: object, context: Any, many: bool
    ) -> None:
        cursor.format = int(BLOBS.items() <= context.execution_options.items())

    return engine


def _sqlite_engine(url: URL, in_memory: bool) -> Engine:
    options: dict[str, Any] = {"json_serializer": dumps}
    if in_memory:
        options["poolclass"] = StaticPool
    else:
        Path(url.database or "").absolute().parent.mkdir(parents=True, exist_ok=True)
        options |= {"pool_size": 10, "max_overflow": 40}
    engine = create_engine(url, connect_args={"check_same_thread": False}, **options)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            if not in_memory:
                _choose_file_format(cursor)
            cursor.execute("PRAGMA foreign_keys=ON")
            cursor.execute("PRAGMA synchronous=FULL")
        except sqlite3.DatabaseError as error:
            connection.close()
            raise DatabaseUnavailableError(
                f"{url.database} cannot be used as an SQLite database: {error}"
            ) from error
        finally:
            cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_OPTION, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _choose_file_format(cursor: sqlite3.Cursor) -> None:
    """WAL for every file; page size and vacuum mode only while the file is still empty."""
    if cursor.execute("PRAGMA journal_mode").fetchone()[0].lower() == "wal":
        return
    if cursor.execute("PRAGMA page_count").fetchone()[0] == 0:
        cursor.execute(f"PRAGMA page_size={PAGE_SIZE}")
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:  # two processes may start at once; the busy handler does not cover this switch
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
