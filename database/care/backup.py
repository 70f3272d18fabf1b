"""A backup is one SQLite file with the whole record of one moment, whichever database it came from.

    damage = backup(database, Path("lab.backup.db"))

It is made while scans run, checked after it was written, and then renamed: under its name there is
always a whole one. A backup is an ordinary PyBirch database; `restore` puts it back.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, select, text

from database import copies
from database.care.check import check
from database.care.findings import Finding, Kind, Progress
from database.care.tables import all_tables, copy_everything, total
from database.errors import DatabaseUnavailableError, SchemaError
from database.migrations import runner
from database.session import Database


def backup(database: Database, target: Path, progress: Progress | None = None) -> list[Finding]:
    """Write the backup; gives what is damaged in it, which then is damaged in the database too.

    Raises:
        FieldError: `target` is no place for a backup.
        NoRoomError: the disk is too full; an earlier backup there is as it was.
        DatabaseUnavailableError: the copy is not sound.
    """
    target = target.absolute()
    if database.file is not None:
        return _copy(database.file, target, progress)
    return _export(database, target, progress)


def _copy(source: Path, target: Path, progress: Progress | None) -> list[Finding]:
    """Page by page: a file of any revision."""
    copies.refuse_target(source, target)
    copies.require_room(target.parent, copies.size_of(source), f"a backup of {source.name}")
    draft = copies.draft_of(target)
    try:
        copies.write_copy(source, draft, progress)
        damage = verified(draft)
        copies.put_in_place(draft, target)
    except sqlite3.Error as error:
        raise DatabaseUnavailableError(f"{source} could not be copied to {target}: {error}") from error
    finally:
        copies.discard(draft)
    return damage


def _export(database: Database, target: Path, progress: Progress | None) -> list[Finding]:
    """Row by row, from one snapshot, into a new file."""
    copies.refuse_target(target.with_name(target.name + ".nowhere"), target)
    copies.require_room(target.parent, _size(database), f"a backup of {database.name}")
    draft = copies.draft_of(target)
    try:
        with database.moment() as session:
            source = session.connection()
            require_current(source, database)
            write_rows(source, draft, progress)
        copies.settle(draft)
        copies.require_sound(draft)
        damage = verified(draft)
        copies.put_in_place(draft, target)
    finally:
        copies.discard(draft)
    return damage


def write_rows(source: Connection, draft: Path, progress: Progress | None) -> None:
    """All rows into a new SQLite file."""
    new = Database(draft)
    whole, done = total(source, all_tables()), 0

    def told(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, whole)

    try:
        runner.upgrade(new)
        with new.write_connection() as connection:
            copy_everything(source, connection, told)
    finally:
        new.dispose()


def verified(path: Path) -> list[Finding]:
    """What is damaged in a copy, by its checksums; of another revision only SQLite's own word is heard.

    Raises:
        DatabaseUnavailableError: it is not sound, or is no record of PyBirch.
        SchemaError: a newer PyBirch made it.
    """
    copy = Database(path)
    try:
        with copy.read() as session:
            found = runner.revision_of(session.connection())
        if found is None:
            raise DatabaseUnavailableError(f"{path} has no record of PyBirch in it")
        if found not in runner.known_revisions():
            raise SchemaError(f"a newer PyBirch made it (schema {found}): update PyBirch")
        damage = list(check(copy)) if found == runner.HEAD else []
    finally:
        copy.dispose()
        copies.settle(path)
    broken = [str(finding) for finding in damage if finding.kind is Kind.STRUCTURE]
    if broken:
        raise DatabaseUnavailableError(f"{path} is not sound: {broken[0]}")
    return [finding for finding in damage if finding.kind is not Kind.FILE]


def require_current(connection: Connection, database: Database) -> None:
    """Raise SchemaError unless the schema is the one this code works with."""
    found = runner.revision_of(connection)
    if found != runner.HEAD:
        raise SchemaError(
            f"{database.name} has schema {found}, this PyBirch works with {runner.HEAD}: "
            "start the server once, it migrates"
        )


def _size(database: Database) -> int:
    if database.is_sqlite:
        return 0
    with database.read() as session:
        return int(session.execute(select(text("pg_database_size(current_database())"))).scalar_one())
