"""A backup put back in the place of the database, which is kept beside it.

    kept = restore(database, Path("lab.backup.db"))

The backup is checked first. Nothing is replaced that is newer, unless told so, nor while anybody has the
database open. The change itself is one rename, on PostgreSQL one transaction.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, func, select, text

from database import copies
from database.care.backup import backup, require_current, verified
from database.care.tables import all_tables, clear, copy_everything, count_up
from database.errors import DatabaseInUseError, DatabaseUnavailableError, SchemaError
from database.migrations import runner
from database.models.base import now
from database.models.measurement import MeasurementObject
from database.session import Database
from pybirch.errors import FieldError

_GRACE = 2.0
"""Seconds for connections of this program that were just closed to be gone."""


def restore(database: Database, source: Path, *, even_if_newer: bool = False) -> Path | None:
    """Put a backup in the database's place; gives the file with what was there, None if nothing was.

    Raises:
        FieldError: the backup is damaged, or no backup, or lacks what the database has.
        DatabaseInUseError: somebody has the database open.
        NoRoomError: the disk is too full; nothing was changed.
    """
    source = source.absolute()
    if not copies.is_sqlite_file(source):
        raise FieldError("file", f"{source} is no backup: not an SQLite database")
    if database.file is not None:
        return _replace_file(database.file, source, even_if_newer)
    return _replace_rows(database, source, even_if_newer)


def kept_name(folder: Path, stem: str) -> Path:
    """Where the database goes that is replaced: a name that is free."""
    moment = f"{now():%Y%m%d-%H%M%S}"
    names = (f"{stem}.replaced-{moment}{more}.db" for more in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(folder / name for name in names if not (folder / name).exists())


def _checked_copy(source: Path, draft: Path) -> None:
    """A copy of the backup, which is whole.

    Raises:
        FieldError: it is not.
    """
    try:
        copies.write_copy(source, draft)
        damage = verified(draft)
    except (DatabaseUnavailableError, SchemaError, sqlite3.Error) as error:
        raise FieldError("file", f"{source} cannot be restored: {error}") from error
    if damage:
        raise FieldError("file", f"{source} is damaged: {damage[0]} ({len(damage)} findings in all)")


def _replace_file(file: Path, source: Path, even_if_newer: bool) -> Path | None:
    if copies.same_file(file, source):
        raise FieldError("file", f"{source} is the database itself")
    file.parent.mkdir(parents=True, exist_ok=True)
    there = copies.is_sqlite_file(file)
    needed = copies.size_of(source) + (file.stat().st_size if there else 0)
    copies.require_room(file.parent, needed, "restoring")
    draft = copies.draft_of(file.with_name(file.name + ".restored"))
    try:
        _checked_copy(source, draft)
        if not there:
            copies.put_in_place(draft, file)
            return None
        with _alone(file):
            if not even_if_newer:
                _refuse_newer(file, source)
            kept = kept_name(file.parent, file.stem)
            copies.copy_file(file, kept)
            copies.put_in_place(draft, file)
        return kept
    finally:
        copies.discard(draft)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Nobody else has the file open, and all of it is in the one file."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0.5)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            raise DatabaseInUseError(
                f"{file} is open in another program ({error}): end the server, its stations, windows and "
                "scripts first"
            ) from error
        connection.execute("BEGIN IMMEDIATE")
        yield


def _replace_rows(database: Database, source: Path, even_if_newer: bool) -> Path | None:
    """All rows away and those of the backup in, as one transaction; tables are made where there are none."""
    draft = copies.draft_of(Path.cwd() / f"{source.name}.restored")
    try:
        _checked_copy(source, draft)
        kept = _kept_rows(database)
        database.dispose()  # so that the only connection left is the one below
        try:
            _pour(database, draft, None if even_if_newer else source)
        except BaseException:
            if kept is not None:
                copies.discard(kept)
            raise
        return kept
    finally:
        copies.discard(draft)


def _kept_rows(database: Database) -> Path | None:
    """The file with what there is; None where nobody has begun, and then the tables are made."""
    with database.read() as session:
        is_new = runner.revision_of(session.connection()) is None
    if is_new:
        runner.upgrade(database)
        return None
    kept = kept_name(Path.cwd(), str(database.url.database))
    backup(database, kept)
    return kept


def _pour(database: Database, draft: Path, not_newer_than: Path | None) -> None:
    old = Database(draft)
    try:
        with old.read() as session, database.write_connection() as connection:
            origin = session.connection()
            require_current(origin, old)
            _require_alone(connection, database)
            if not_newer_than is not None:
                _require_not_newer(marks(connection), _marks_of(draft), database.name, not_newer_than)
            clear(connection)
            copy_everything(origin, connection)
            count_up(connection)
    finally:
        old.dispose()


_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND coalesce(backend_type, 'client backend') = 'client backend'"
)


def _require_alone(connection: Connection, database: Database) -> None:
    """Nobody else is connected; those who come now wait."""
    deadline = time.monotonic() + _GRACE
    while others := connection.execute(_OTHERS).scalar_one():
        if time.monotonic() > deadline:
            raise DatabaseInUseError(
                f"{database.name} is open in other programs ({others} connections): end the server, its "
                "stations, windows and scripts first"
            )
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        time.sleep(0.05)
    names = ", ".join(f'"{table.name}"' for table in all_tables())
    connection.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))


_REWRITTEN = ("measurement_blocks", "measurement_summaries")
"""Their numbers go up by merging alone."""

Marks = dict[str, int]
"""How far each table has come: its highest number, and readings by measurement object."""


def marks(connection: Connection) -> Marks:
    """How far a record has come."""
    found: Marks = {}
    for table in all_tables():
        if "id" in table.c and table.name not in _REWRITTEN:
            highest = connection.execute(select(func.max(table.c.id))).scalar()
            found[table.name] = int(highest or 0)
    readings = select(func.coalesce(func.sum(MeasurementObject.next_index), 0))
    found["readings"] = int(connection.execute(readings).scalar_one())
    return found


def _refuse_newer(file: Path, source: Path) -> None:
    """Both as copies see them; opened for reading alone, so that their revision does not matter."""
    _require_not_newer(_marks_of(file), _marks_of(source), str(file), source)


def _marks_of(path: Path) -> Marks:
    found: Marks = {}
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        known = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in all_tables():
            if "id" in table.c and table.name in known and table.name not in _REWRITTEN:
                row = connection.execute(f'SELECT max(id) FROM "{table.name}"').fetchone()
                found[table.name] = int(row[0] or 0)
        if "measurement_objects" in known:
            row = connection.execute("SELECT sum(next_index) FROM measurement_objects").fetchone()
            found["readings"] = int(row[0] or 0)
    return found


def _require_not_newer(present: Marks, past: Marks, name: str, source: Path) -> None:
    more = {what: count - past.get(what, 0) for what, count in present.items() if count > past.get(what, 0)}
    if more:
        told = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in more.items())
        raise FieldError(
            "file",
            f"{name} has what {source} has not ({told} more); to put the older one back all the same, "
            "add --even-if-newer: the present one is kept",
        )
