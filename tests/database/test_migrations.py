from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from database.errors import SchemaError
from database.migrations import runner
from database.models import Base
from database.services import DatabaseService
from database.session import Database


def test_the_code_knows_its_own_head() -> None:
    assert ScriptDirectory.from_config(runner.config()).get_current_head() == runner.HEAD


def test_up_and_down_and_up(empty_place: str) -> None:
    database = Database(empty_place)
    runner.upgrade(database)
    with database.engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
    assert set(Base.metadata.tables) <= tables
    runner.downgrade(database)
    with database.engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    runner.upgrade(database)
    database.dispose()


def test_the_migrations_build_what_the_models_say(empty_place: str) -> None:
    database = Database(empty_place)
    runner.upgrade(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": not database.is_sqlite})
        assert compare_metadata(context, Base.metadata) == []
    database.dispose()


def test_two_processes_that_start_at_once_migrate_once(empty_place: str) -> None:
    start = (
        "import sys; from database.services import DatabaseService;"
        "sys.stdin.readline(); db = DatabaseService(sys.argv[1]); db.labs.count(); db.close()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", start, empty_place],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors


def test_a_newer_database_is_refused_in_words(empty_place: str) -> None:
    DatabaseService(empty_place).close()
    database = Database(empty_place)
    with database.write_connection() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.dispose()
    for migrate in (True, "wait"):
        with pytest.raises(SchemaError, match="newer PyBirch"):
            DatabaseService(empty_place, migrate=migrate)  # type: ignore[arg-type]


def test_somebody_elses_database_is_refused(empty_place: str) -> None:
    database = Database(empty_place)
    with database.write_connection() as connection:
        connection.execute(text("CREATE TABLE scans (id INTEGER)"))
    database.dispose()
    with pytest.raises(SchemaError, match="scans"):
        DatabaseService(empty_place)


def test_a_station_waits_until_the_server_has_migrated(empty_place: str) -> None:
    found: list[int] = []

    def station() -> None:
        with DatabaseService(empty_place, migrate="wait") as db:
            found.append(db.labs.count())

    thread = threading.Thread(target=station)
    thread.start()
    DatabaseService(empty_place).close()
    thread.join(30)
    assert found == [0]


def test_waiting_ends_with_advice(empty_place: str) -> None:
    database = Database(empty_place)
    with pytest.raises(SchemaError, match="start the server"):
        runner.wait_until_current(database, timeout=0.1)
    database.dispose()
