"""Whole copies of SQLite files, made while others write, and never half there under their name.

    copy_file(Path("lab.db"), Path("copy.db"))

A copy is written beside its place as `….part`, checked, forced to the disk and then renamed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from database.errors import DatabaseUnavailableError
from pybirch.errors import FieldError, NoRoomError

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do."""

DRAFT = ".part"
PAGES_AT_ONCE = 1024
SPARE_BYTES = 16 << 20
"""What must stay free beside a copy."""

_BEGINNING = b"SQLite format 3\x00"


def is_sqlite_file(path: Path) -> bool:
    """Whether the file is an SQLite database, by its first bytes."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(_BEGINNING)) == _BEGINNING
    except OSError:
        return False


def same_file(a: Path, b: Path) -> bool:
    return a.exists() and b.exists() and os.path.samefile(a, b)


def free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def size_of(path: Path) -> int:
    """Bytes of a database as a copy will have them, write-ahead log included."""
    with closing(_opened(path)) as source:
        pages: int = source.execute("PRAGMA page_count").fetchone()[0]
        size: int = source.execute("PRAGMA page_size").fetchone()[0]
    return pages * size


def require_room(folder: Path, needed: int, what: str) -> None:
    """Raise NoRoomError unless `folder` has room for `needed` bytes and some more."""
    missing = needed + SPARE_BYTES - free_bytes(folder)
    if missing > 0:
        raise NoRoomError(
            f"{what} needs {in_words(needed)} in {folder}, and {in_words(missing)} are missing there: "
            "make room and try again; nothing was changed"
        )


def in_words(size: int) -> str:
    """Bytes for people: ``1.2 MB``."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def copy_file(source: Path, target: Path, progress: Progress | None = None) -> None:
    """Copy a database as it is at this moment, whoever writes meanwhile; replaces `target` in one step.

    Raises:
        NoRoomError: the disk is too full; nothing was changed.
        DatabaseUnavailableError: the copy is not sound, or `source` cannot be read.
        FieldError: `target` is something else than a database of SQLite, or `source` itself.
    """
    refuse_target(source, target)
    require_room(target.parent, size_of(source), f"a copy of {source.name}")
    draft = draft_of(target)
    try:
        write_copy(source, draft, progress)
        put_in_place(draft, target)
    except sqlite3.Error as error:
        raise DatabaseUnavailableError(f"{source} could not be copied to {target}: {error}") from error
    finally:
        discard(draft)


def refuse_target(source: Path, target: Path) -> None:
    """Raise FieldError unless a copy of `source` may be put at `target`."""
    if same_file(source, target):
        raise FieldError("file", f"{target} is the database itself")
    if not target.parent.is_dir():
        raise FieldError("file", f"there is no folder {target.parent}")
    if target.exists() and not is_sqlite_file(target):
        raise FieldError("file", f"{target} exists and is no database; it is not overwritten")


def draft_of(target: Path) -> Path:
    """An empty place beside `target`; what a killed copy left there is removed."""
    draft = target.with_name(target.name + DRAFT)
    discard(draft)
    return draft


def write_copy(source: Path, draft: Path, progress: Progress | None = None) -> None:
    """The pages of one moment: a read transaction holds it, so that writers do not make it begin again."""
    with closing(_opened(source)) as origin, closing(sqlite3.connect(draft)) as copy:
        origin.execute("BEGIN")
        origin.execute("SELECT count(*) FROM sqlite_master").fetchone()
        origin.backup(copy, pages=PAGES_AT_ONCE, progress=_told(progress))
        origin.execute("ROLLBACK")
    settle(draft)
    require_sound(draft)


def settle(path: Path) -> None:
    """Everything into the one file: no write-ahead log stays beside it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def require_sound(path: Path) -> None:
    """Raise DatabaseUnavailableError unless SQLite finds the file's structure sound."""
    with closing(sqlite3.connect(path)) as connection:
        told = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if told != ["ok"]:
        raise DatabaseUnavailableError(f"{path} is not sound: {'; '.join(told)}")


def put_in_place(draft: Path, target: Path) -> None:
    """Force the draft to the disk, then give it its name; at every moment one whole file has it."""
    with draft.open("rb+") as stream:
        os.fsync(stream.fileno())
    os.replace(draft, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name durable, where the system lets one say so."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def discard(path: Path) -> None:
    """Remove a database file with what SQLite keeps beside it."""
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise DatabaseUnavailableError(f"there is no file {path}")
    connection = sqlite3.connect(path, isolation_level=None, timeout=15)
    connection.execute("PRAGMA busy_timeout=15000")
    return connection


def _told(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    if progress is None:
        return None
    return lambda status, left, whole: progress(whole - left, whole)
