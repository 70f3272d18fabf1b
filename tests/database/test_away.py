"""A database that lacks a table, as while it is restored, is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from database.errors import DatabaseUnavailableError
from database.services import DatabaseService
from pybirch.database_integration.spooling import SpoolingStore
from pybirch.database_integration.store import DatabaseStore
from pybirch.events import QueueLog


def rename(db: DatabaseService, old: str, new: str) -> None:
    with db.database.write_connection() as connection:
        connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_a_table_that_is_not_there_is_waited_for(db: DatabaseService, tmp_path: Path) -> None:
    db.queues.attach("Q")
    spooling = SpoolingStore(DatabaseStore(db, "w"), tmp_path / "spool")
    rename(db, "queue_logs", "put_aside")
    try:
        with pytest.raises(DatabaseUnavailableError):
            db.logs.add("Q", "INFO", "not now")
        spooling.save_log(QueueLog(queue_id="Q", level="INFO", message="meanwhile"))
        assert spooling.is_spooling
    finally:
        rename(db, "put_aside", "queue_logs")
    assert spooling.drain(30.0)
    spooling.close()
    assert [row.message for row in db.logs.list("Q")] == ["meanwhile"]
    assert list((tmp_path / "spool").iterdir()) == []
