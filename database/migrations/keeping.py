"""A copy of an SQLite file before it is migrated; for PostgreSQL a word in the log."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from database.copies import copy_file, discard
from database.session import Database

log = logging.getLogger(__name__)

KEPT = 3
"""Copies that stay; older ones are removed."""


def keep_copy(database: Database, connection: Connection, revision: str) -> Path | None:
    """Copy the file as it is before it becomes `revision`; None where there is no data, or no file.

    Called under the write lock: what is copied is exactly what will be migrated.

    Raises:
        NoRoomError: the disk is too full; nothing was changed.
    """
    if not _has_data(connection):
        return None
    if not database.is_sqlite:
        name = database.url.database
        log.warning(
            "%s is migrated to schema %s. PyBirch makes no copy of PostgreSQL's data: that is the "
            "operator's, with `pg_dump --format=custom --file=%s.before-%s.dump %s`, or `pybirch db backup`",
            *(database.name, revision, name, revision, name),
        )
        return None
    if database.file is None:
        return None
    copy = copy_of(database.file, revision)
    copy_file(database.file, copy)
    log.info("before migrating to schema %s, %s was copied to %s", revision, database.file, copy)
    remove_oldest(database.file)
    return copy


def copy_of(file: Path, revision: str) -> Path:
    return file.with_name(f"{file.stem}.before-{revision}.db")


def copies(file: Path) -> list[Path]:
    """The copies there are, newest first."""
    beginning = f"{file.stem}.before-"
    found = [
        path for path in file.parent.iterdir() if path.name.startswith(beginning) and path.suffix == ".db"
    ]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def remove_oldest(file: Path) -> None:
    for old in copies(file)[KEPT:]:
        discard(old)


def _has_data(connection: Connection) -> bool:
    return any(
        connection.execute(text(f'SELECT 1 FROM "{name}" LIMIT 1')).first() is not None
        for name in inspect(connection).get_table_names()
        if name != "alembic_version"
    )
