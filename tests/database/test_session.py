from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from database.errors import DatabaseUnavailableError
from database.models import Lab
from database.services import DatabaseService
from database.session import Database, to_url
from pybirch.errors import FieldError


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("lab.db", "sqlite:///lab.db"),
        (Path("/data/lab.db"), "sqlite:////data/lab.db"),
        ("sqlite:///x.db", "sqlite:///x.db"),
        (":memory:", "sqlite://"),
        ("postgresql://me@host/lab", "postgresql+psycopg://me@host/lab"),
        ("postgres://me@host/lab", "postgresql+psycopg://me@host/lab"),
    ],
)
def test_paths_and_urls_are_understood(place: str, url: str) -> None:
    assert to_url(place).render_as_string() == url


@pytest.mark.parametrize("place", ["mysql://me@host/lab", "http://somewhere", "://"])
def test_other_databases_are_refused_by_field(place: str) -> None:
    with pytest.raises(FieldError, match="DATABASE_URL"):
        to_url(place)


def test_a_new_file_is_durable_and_tidy(tmp_path: Path) -> None:
    with DatabaseService(tmp_path / "deep" / "lab.db") as db, db.database.read() as session:

        def pragma(name: str) -> object:
            return session.execute(text(f"PRAGMA {name}")).scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2
        assert pragma("foreign_keys") == 1
        assert pragma("auto_vacuum") == 2
        assert pragma("page_size") == 8192


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("not a database, but a rather long text about something else\n" * 20)
    with pytest.raises(DatabaseUnavailableError, match=r"notes\.db"):
        DatabaseService(path)


def test_a_server_that_is_not_there_is_named_without_password() -> None:
    with pytest.raises(DatabaseUnavailableError, match=r"127\.0\.0\.1:1") as caught:
        DatabaseService("postgresql://me:secret@127.0.0.1:1/lab")
    assert "secret" not in str(caught.value)


def test_in_memory_works_from_many_threads() -> None:
    with DatabaseService(":memory:") as db:
        threads = [threading.Thread(target=db.labs.create, kwargs={"name": f"lab {i}"}) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert db.labs.count() == 8


def test_writers_wait_for_each_other(place: str) -> None:
    """Two services on one database, reading before they write, lose no update."""
    services = [DatabaseService(place, migrate=False) for _ in range(2)]
    lab = services[0].labs.create(name="shared", location="0")

    def count_up(service: DatabaseService) -> None:
        def work(session: Session) -> None:
            row = session.get_one(Lab, lab.id, with_for_update=True)
            row.location = str(int(row.location) + 1)

        for _ in range(25):
            service.database.transact(work)

    threads = [threading.Thread(target=count_up, args=(s,)) for s in services for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert services[0].labs.get(lab.id).location == "100"
    for service in services:
        service.close()


@pytest.mark.postgres
def test_a_whole_transaction_is_run_again_when_the_server_asks(postgres_url: str) -> None:
    database = Database(postgres_url)
    tries: list[int] = []

    def work(session: Session) -> str:
        tries.append(1)
        if len(tries) < 3:
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$"))
        return "done"

    assert database.transact(work) == "done"
    assert len(tries) == 3
    database.dispose()


@pytest.mark.postgres
def test_a_connection_that_was_cut_is_replaced(postgres_url: str) -> None:
    database = Database(postgres_url)
    tries: list[int] = []

    def work(session: Session) -> int:
        tries.append(1)
        if len(tries) == 1:
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return session.execute(text("SELECT 7")).scalar_one()

    assert database.transact(work) == 7
    assert len(tries) == 2
    database.dispose()


def test_other_errors_are_not_tried_again(db: DatabaseService) -> None:
    tries: list[int] = []

    def work(session: Session) -> None:
        tries.append(1)
        raise OperationalError("SELECT", {}, Exception("no such table"))

    with pytest.raises(DatabaseUnavailableError, match="no such table"):
        db.database.transact(work)
    assert len(tries) == 1
