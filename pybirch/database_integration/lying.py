"""Spools that lie in a lab's folder: looked at, sent, written out and thrown away by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock, Timeout

from pybirch.database_integration.carrier import MOST_BYTES, Carried, is_away
from pybirch.database_integration.spool import Spool, taken_up
from pybirch.errors import FieldError, NotFoundError

REFUSED = ".refused"


@dataclass(frozen=True)
class Lying:
    """One file as it is just now.

    Attributes:
        items, readings: what is in it.
        scans: text ids of the scans it is about.
        about: for which store it is: ``called``, ``place``; of a server ``url`` and ``station``.
        why: what the store said of what it refused, each once.
        is_held: its program lives, and sends it.
        problem: why it cannot be read.
    """

    path: Path
    written_at: datetime
    items: int = 0
    readings: int = 0
    scans: tuple[str, ...] = ()
    about: dict[str, str] | None = None
    why: tuple[str, ...] = ()
    is_held: bool = False
    problem: str = ""

    @property
    def is_refused(self) -> bool:
        return self.path.suffix == REFUSED

    @property
    def store(self) -> str:
        """For which store it is, in words."""
        about = self.about or {}
        if "url" in about:
            return f"the server {about['url']}, station {about.get('station', '')}"
        return about.get("place", "") or "a store that is not named in it"


def lying(folder: Path) -> list[Lying]:
    """All spools of the folder, oldest first."""
    found = [_look_into(path) for path in folder.glob("*") if path.suffix in (".db", REFUSED)]
    return sorted(found, key=lambda one: one.written_at)


def find(folder: Path, name: str) -> Lying:
    """The spool of that file name, or of the beginning of one.

    Raises:
        NotFoundError: there is none.
        FieldError: several begin so.
    """
    found = [one for one in lying(folder) if one.path.name.startswith(name)]
    exact = [one for one in found if one.path.name == name]
    if not found:
        raise NotFoundError(f"there is no spool {name!r} in {folder}; `pybirch spool list` shows them")
    if len(found) > 1 and not exact:
        raise FieldError("name", f"several begin with {name!r}: {', '.join(o.path.name for o in found)}")
    return (exact or found)[0]


def lines(path: Path) -> Iterator[bytes]:
    """Every item as a line of JSON: number, writer, kind, payload, refused."""
    with closing(_read_only(path)) as file:
        for number, writer, kind, body, refused in file.execute(
            "SELECT number, writer, kind, body, refused FROM items ORDER BY number"
        ):
            item: dict[str, Any] = {"number": number, "writer": writer, "kind": kind, "refused": refused}
            yield orjson.dumps(item | {"payload": orjson.Fragment(body)}, option=orjson.OPT_APPEND_NEWLINE)


def send(path: Path, store: Carried) -> tuple[int, int]:
    """Send what is in the file to the store, what was refused too; (items taken, items refused again).

    Raises:
        FieldError: its program lives, and sends it.
        DatabaseUnavailableError, ServerUnavailableError: the store takes nothing; the rest stays.
    """
    spool = _own(path)
    try:
        if path.suffix == REFUSED:
            spool.readmit()
        else:
            for writer in spool.writers():
                spool.add(writer, [("life_ended", b"{}", {})])
        sent = refused = 0
        while entries := spool.first(MOST_BYTES):
            try:
                store.deliver(entries)
            except Exception as error:
                if is_away(error):
                    raise
                spool.refuse(entries, str(error))
                refused += len(entries)
            else:
                spool.done(entries)
                sent += sum(entry.kind != "life_ended" for entry in entries)
    except BaseException:
        spool.close()
        raise
    spool.remove()
    return sent, refused


def discard(path: Path) -> None:
    """Throw the file away, with all that is in it.

    Raises:
        FieldError: its program lives, and sends it.
    """
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise _held(path) from None
    try:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _own(path: Path) -> Spool:
    spool = taken_up(path)
    if spool is None:
        raise _held(path)
    return spool


def _held(path: Path) -> FieldError:
    return FieldError("name", f"{path.name} is that of a program that lives, which sends it itself")


def _look_into(path: Path) -> Lying:
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    try:
        with closing(_read_only(path)) as file:
            items, readings = file.execute("SELECT COUNT(*), COALESCE(SUM(count), 0) FROM items").fetchone()
            scans = file.execute("SELECT DISTINCT scan_id FROM items WHERE scan_id IS NOT NULL ORDER BY 1")
            why = file.execute("SELECT DISTINCT refused FROM items WHERE refused IS NOT NULL")
            return Lying(
                path=path,
                written_at=written,
                items=items,
                readings=readings,
                scans=tuple(scan_id for (scan_id,) in scans),
                about=_about(file),
                why=tuple(text for (text,) in why),
                is_held=_is_held(path),
            )
    except sqlite3.Error as error:
        return Lying(path, written, problem=str(error), is_held=_is_held(path))


def _about(file: sqlite3.Connection) -> dict[str, str]:
    named = file.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone()
    return dict(file.execute("SELECT name, value FROM about").fetchall()) if named else {}


def _is_held(path: Path) -> bool:
    """Whether its program lives."""
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    if not Path(lock.lock_file).exists():
        return False
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
