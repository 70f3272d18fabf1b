"""Brings a database's schema up to date; two processes that start at once do it once.

    upgrade(database)              # make or migrate
    wait_until_current(database)   # somebody else migrates; wait for it

SQLite migrates inside one BEGIN IMMEDIATE transaction, PostgreSQL under an advisory lock.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from database.errors import DatabaseUnavailableError, SchemaError, SchemaNotReadyError
from database.migrations.keeping import keep_copy
from database.session import Database

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0017"
"""The revision this code works with: the last file of versions/."""

HERE = Path(__file__).parent
_LOCK = 0x5079_4269_7263_68  # "PyBirch"
_POLL_SECONDS = 0.05


def config() -> Config:
    """Alembic's configuration, made here so that no ini file is needed."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(HERE))
    made.set_main_option("path_separator", "os")
    return made


def revision_of(connection: Connection) -> str | None:
    """The schema revision of a database, None for one without PyBirch's tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(database: Database) -> None:
    """Make or migrate the schema; returns at once when it is current.

    Before anything is changed, an SQLite file with data in it is copied (`keeping`).

    Raises:
        SchemaError: the database was made by a newer PyBirch, or is not PyBirch's.
        NoRoomError: no room for the copy; nothing was changed.
        DatabaseUnavailableError: it cannot be reached.
    """
    if _current(database):
        return
    with database.write_connection() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = revision_of(connection)
        if found == HEAD:
            return
        if found is None:
            _refuse_foreign_tables(connection, database)
        else:
            keep_copy(database, connection, HEAD)
        _run(connection, "upgrade", "head")


def downgrade(database: Database, revision: str = "base") -> None:
    """Take the schema back to `revision`; what newer tables held is lost."""
    with database.write_connection() as connection:
        _run(connection, "downgrade", revision)


def wait_until_current(database: Database, timeout: float = 60.0) -> None:
    """Wait until another process has made the schema current.

    Raises:
        SchemaNotReadyError: still not there after `timeout` seconds.
        SchemaError: newer than this code.
    """
    deadline = time.monotonic() + timeout
    while not _current(database):
        if time.monotonic() > deadline:
            raise SchemaNotReadyError(
                f"{database.name}: after {timeout:g} s its schema is still not the one this PyBirch needs "
                f"({HEAD}); start the server once, it migrates"
            )
        time.sleep(_POLL_SECONDS)


def is_mapped(name: str | None, kind: str, parents: object) -> bool:
    """Whether alembic compares it with the models; the search index (0012) and what lists of scans are
    read by (0013) are the migrations' own."""
    own = {"table": "search_", "index": "list_scans_"}.get(kind)
    return own is None or not (name or "").startswith(own)


def _current(database: Database) -> bool:
    try:
        with database.engine.connect() as connection:
            found = revision_of(connection)
    except DBAPIError as error:
        raise DatabaseUnavailableError(f"{database.name} does not answer: {error.orig}") from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailableError(f"{database.name}: {error}") from error
    if found is not None and found not in known_revisions():
        raise SchemaError(
            f"{database.name} was made by a newer PyBirch (schema {found}; this one knows up to {HEAD}): "
            "update PyBirch"
        )
    return found == HEAD


def known_revisions() -> set[str]:
    """The revisions this code can migrate from."""
    return {path.name.split("_", 1)[0] for path in (HERE / "versions").glob("[0-9]*_*.py")}


def _refuse_foreign_tables(connection: Connection, database: Database) -> None:
    from database.models import base

    base._load_every_aggregate()
    clash = sorted(set(inspect(connection).get_table_names()) & set(base.Base.metadata.tables))
    if clash:
        raise SchemaError(
            f"{database.name} has tables that are not PyBirch's ({', '.join(clash)}): use another database"
        )


def _run(connection: Connection, command: str, revision: str) -> None:
    from alembic import command as commands

    settings = config()
    settings.attributes["connection"] = connection
    getattr(commands, command)(settings, revision)
