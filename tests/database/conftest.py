"""Every test that takes `db` or `place` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import OperationalError

from database.models import Base
from database.services import DatabaseService
from database.session import Database
from pybirch.events import Readings

SERVER = URL.create(
    "postgresql+psycopg", username="postgres", host="127.0.0.1", port=5432, database="postgres"
)


def _outside(database: Database, statement: str) -> None:
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[Callable[[], str]]:
    """Makes an empty PostgreSQL database and gives its URL; all are dropped at the end."""
    server = Database(SERVER)
    try:
        _outside(server, "SELECT 1")
    except OperationalError as error:
        server.dispose()
        reason = f"no PostgreSQL on 127.0.0.1:5432 that lets user postgres in ({error.orig})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(f"{reason}; start one, e.g. with `docker run -p 5432:5432 postgres`, to run these too")
    made: list[str] = []

    def make() -> str:
        name = f"pybirch_test_{uuid.uuid4().hex[:12]}"
        _outside(server, f'CREATE DATABASE "{name}"')
        made.append(name)
        return SERVER.set(database=name).render_as_string(hide_password=False)

    yield make
    for name in made:
        _outside(server, f'DROP DATABASE "{name}" WITH (FORCE)')
    server.dispose()


@pytest.fixture(scope="session")
def postgres_url(new_postgres: Callable[[], str]) -> str:
    url = new_postgres()
    DatabaseService(url).close()
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database without rows."""
    if request.param == "sqlite":
        path = tmp_path / "lab.db"
        shutil.copy(request.getfixturevalue("empty_record"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_url")
    database = Database(url)
    with database.write_connection() as connection:
        _empty(connection)
    database.dispose()
    return url


def _empty(connection: Connection) -> None:
    """Delete all rows; the audit trail's only with its guard off."""
    guard, is_noted = "TRIGGER audit_entries_no_change", text("SELECT 1 FROM audit_entries LIMIT 1")
    noted = connection.execute(is_noted).first() is not None
    if noted:
        connection.execute(text(f"ALTER TABLE audit_entries DISABLE {guard}"))
    for table in reversed(Base.metadata.sorted_tables):
        connection.execute(table.delete())
    if noted:
        connection.execute(text(f"ALTER TABLE audit_entries ENABLE ALWAYS {guard}"))


@pytest.fixture
def db(place: str) -> Iterator[DatabaseService]:
    with DatabaseService(place, migrate=False) as service:
        yield service


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    make: Callable[[], str] = request.getfixturevalue("new_postgres")
    return make()


MakeReadings = Callable[..., Readings]


@pytest.fixture(scope="session")
def make_readings() -> MakeReadings:
    """`make_readings(first, count, scan_id="S1", measurement="iv")`: each number tells its index."""

    def make(first: int, count: int, scan_id: str = "S1", measurement: str = "iv") -> Readings:
        index = np.arange(first, first + count)
        return Readings(
            scan_id=scan_id,
            measurement=measurement,
            first_index=first,
            steps=index,
            times=1.7e9 + index * 1e-3,
            positions={"x (mm)": index * 0.5},
            values={"voltage (V)": np.sin(index * 0.37) * index, "current (A)": np.cos(index * 0.11)},
        )

    return make
