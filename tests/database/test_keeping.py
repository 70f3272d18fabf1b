"""Before a migration the file is copied; a database of an old revision keeps all it has."""

from __future__ import annotations

import logging
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from database import copies
from database.migrations import keeping, runner
from database.services import DatabaseService
from database.session import Database
from pybirch.errors import NoRoomError
from pybirch.events import Readings
from tests.database.conftest import MakeReadings

OLD = "0007"


def put_back(place: str | Path, revision: str = OLD) -> None:
    database = Database(place)
    runner.downgrade(database, revision)
    database.dispose()


def fill(place: str | Path, make_readings: MakeReadings) -> None:
    with DatabaseService(place, migrate=False) as db:
        db.scans.create(scan_id="S1")
        for first in range(0, 300, 3):
            db.readings.append("S1", [make_readings(first, 3)])
    put_back(place)


@pytest.fixture
def old(place: str, make_readings: MakeReadings) -> Iterator[str]:
    """A database of an old revision with readings in it."""
    fill(place, make_readings)
    yield place
    DatabaseService(place).close()


@pytest.fixture
def file(empty_record: Path, tmp_path: Path) -> Path:
    """A migrated SQLite file without rows."""
    return Path(shutil.copy(empty_record, tmp_path / "lab.db"))


@pytest.fixture
def old_file(file: Path, make_readings: MakeReadings) -> Path:
    """An SQLite file of an old revision with readings in it."""
    fill(file, make_readings)
    return file


def revision_of(path: Path) -> str | None:
    database = Database(path)
    with database.engine.connect() as connection:
        found = runner.revision_of(connection)
    database.dispose()
    return found


def require_whole(place: str | Path, expected: Readings) -> None:
    with DatabaseService(place) as db:
        found = db.readings.read("S1", "iv")
        np.testing.assert_array_equal(found.values["voltage (V)"], expected.values["voltage (V)"])
        assert db.scans.get("S1").points_done == 300


def test_an_old_database_is_migrated_with_all_it_has(old: str, make_readings: MakeReadings) -> None:
    require_whole(old, make_readings(0, 300))


def test_the_file_before_is_kept_beside_it(old_file: Path, make_readings: MakeReadings) -> None:
    file = old_file
    DatabaseService(file).close()
    copy = file.with_name(f"lab.before-{runner.HEAD}.db")
    assert keeping.copies(file) == [copy]
    assert revision_of(copy) == OLD
    require_whole(copy, make_readings(0, 300))


def test_a_new_or_current_or_empty_database_is_not_copied(file: Path) -> None:
    DatabaseService(file).close()
    put_back(file)
    DatabaseService(file).close()
    assert keeping.copies(file) == []


def test_a_full_disk_is_said_and_changes_nothing(old_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = old_file
    monkeypatch.setattr(copies, "free_bytes", lambda folder: 1000)
    with pytest.raises(NoRoomError, match=r"a copy of lab\.db needs .* are missing there: make room"):
        DatabaseService(file)
    assert revision_of(file) == OLD
    assert [path.name for path in file.parent.iterdir()] == ["lab.db"]


def test_only_the_newest_copies_stay(old_file: Path) -> None:
    file = old_file
    for age, name in enumerate(["0003", "0004", "0005", "0006"]):
        copy = file.with_name(f"lab.before-{name}.db")
        copy.write_bytes(b"")
        os.utime(copy, (1000 + age, 1000 + age))
    DatabaseService(file).close()
    names = [path.name for path in keeping.copies(file)]
    assert names == [f"lab.before-{revision}.db" for revision in (runner.HEAD, "0006", "0005")]


def test_postgresql_says_whose_the_copy_is(old: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger=keeping.__name__):
        DatabaseService(old).close()
    if Database(old).is_sqlite:
        assert caplog.text == ""
    else:
        assert "pg_dump --format=custom" in caplog.text


def test_killed_while_copying_the_old_database_is_as_it_was(
    old_file: Path, make_readings: MakeReadings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = old_file
    child = os.fork()
    if not child:
        monkeypatch.setattr(copies, "settle", lambda path: os.kill(os.getpid(), signal.SIGKILL))
        try:
            DatabaseService(file)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert revision_of(file) == OLD
    require_whole(file, make_readings(0, 300))
    assert sorted(path.suffix for path in file.parent.iterdir()) == [".db", ".db"]


def test_the_columns_come_and_go(place: str) -> None:
    database = Database(place)
    with database.write_connection() as connection:
        connection.execute(text("SELECT archive FROM scans"))
    runner.downgrade(database, OLD)
    runner.upgrade(database)
    database.dispose()
