"""Room that is free inside the database goes back to the disk, in pieces that delay nobody."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from database.session import BUSY_TIMEOUT_MS, Database

log = logging.getLogger(__name__)

AIM = 0.02
"""Seconds a piece is to take; the next one is smaller or larger after what it took."""
FIRST_PAGES, MOST_PAGES = 64, 8192
_INCREMENTAL = 2

Rest = Callable[[float], object]


def size(database: Database) -> int:
    """Bytes the database takes."""
    if database.file is not None:
        log_file = database.file.with_name(database.file.name + "-wal")
        return sum(path.stat().st_size for path in (database.file, log_file) if path.exists())
    query = (
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        if database.is_sqlite
        else "SELECT pg_database_size(current_database())"
    )
    with database.read() as session:
        return int(session.execute(text(query)).scalar_one())


def give_back(database: Database, rest: Rest = time.sleep) -> bool:
    """Return free room to the disk; False where this file cannot do so (it was not made by PyBirch).

    On PostgreSQL room becomes free for new rows, and the end of a table goes back to the disk.
    """
    if database.file is not None:
        return _shrink(database.file, rest)
    if not database.is_sqlite:
        engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("VACUUM"))
    return True


def _shrink(file: Path, rest: Rest) -> bool:
    timeout = BUSY_TIMEOUT_MS / 1000
    with closing(sqlite3.connect(file, isolation_level=None, timeout=timeout)) as connection:
        if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != _INCREMENTAL:
            return False
        pages = FIRST_PAGES
        while connection.execute("PRAGMA freelist_count").fetchone()[0] > 0:
            begun = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA incremental_vacuum({pages})").fetchall()
            connection.execute("COMMIT")
            took = time.perf_counter() - begun
            pages = max(
                1, min(MOST_PAGES, pages * 2 if took < AIM / 2 else pages // 2 if took > AIM else pages)
            )
            rest(took)
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    return True
