"""What the database itself can say: its structure, and rows that refer to none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from database.care.findings import Finding, Kind
from database.models.scan import Scan
from database.session import Database


def structure(database: Database, *, thorough: bool = False) -> Iterator[Finding]:
    """SQLite's own check; PostgreSQL has none that a client may ask for."""
    if not database.is_sqlite:
        return
    pragma = "integrity_check" if thorough else "quick_check"
    try:
        with database.read() as session:
            told = [str(row[0]) for row in session.execute(text(f"PRAGMA {pragma}(50)"))]
    except DatabaseError as error:
        told = [str(error.orig)]
    for line in told:
        if line != "ok":
            yield Finding(kind=Kind.STRUCTURE, problem=f"SQLite's {pragma}: {line}")


def references(database: Database) -> Iterator[Finding]:
    """Rows that refer to a row that is not there; PostgreSQL lets none come to be."""
    if not database.is_sqlite:
        return
    counted: dict[tuple[str, str], int] = {}
    try:
        with database.read() as session:
            for table, _, parent, _ in session.execute(text("PRAGMA foreign_key_check")):
                counted[table, parent] = counted.get((table, parent), 0) + 1
    except DatabaseError as error:
        yield Finding(kind=Kind.STRUCTURE, problem=f"SQLite's foreign_key_check: {error.orig}")
    for (table, parent), rows in counted.items():
        problem = f"{rows} rows of {table} refer to rows of {parent} that are not there"
        yield Finding(kind=Kind.REFERENCE, problem=problem)


def files(database: Database) -> Iterator[Finding]:
    """Files that the record names and that are not there."""
    for scan_id, what, path in named_files(database):
        if not path.exists():
            yield Finding(kind=Kind.FILE, scan_id=scan_id, problem=f"{what} {path} is not there")


def named_files(database: Database) -> Iterator[tuple[str, str, Path]]:
    """(scan_id, what it is, where) of each file that the record names; whoever adds a kind, adds it here."""
    with database.read() as session:
        rows = session.execute(select(Scan.scan_id, Scan.archive).where(Scan.archive.is_not(None))).all()
    for scan_id, archive in rows:
        yield scan_id, "its archive", place_of(database, str(archive))


def place_of(database: Database, name: str) -> Path:
    """A file as the record names it: absolute, or counted from the database's folder."""
    folder = database.file.parent if database.file is not None else Path.cwd()
    return folder / name
