"""Which token speaks for which station, and keeps which queue."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from database.migrations import runner
from database.services import DatabaseService
from database.session import Database
from pybirch.database_integration.fence import Fence
from pybirch.database_integration.items import parse
from pybirch.database_integration.storing import Storing
from pybirch.errors import FieldError, NotFoundError, NotYoursError


def token(db: DatabaseService, name: str, *scopes: str) -> Any:
    return db.tokens.create(name, None, scopes=scopes or ("station",))[0]


def test_the_first_keeps_the_name_until_it_is_revoked(db: DatabaseService) -> None:
    first, second = (db.tokens.create(name, None, scopes=("station",))[0] for name in ("first", "second"))
    assert db.keepers.keeper("bench") is None
    assert db.keepers.take_up("bench", first.id).bears(first)
    assert db.keepers.take_up("bench", second.id).bears(first)
    assert db.keepers.take_up("desk", second.id).bears(second)
    db.tokens.revoke(first.id)
    assert db.keepers.keeper("bench") is None
    assert db.keepers.take_up("bench", second.id).bears(second)


def test_a_name_is_given_to_another_token(db: DatabaseService) -> None:
    first, second, reader = token(db, "first"), token(db, "second"), token(db, "reader", "read")
    assert not db.keepers.was_ever("bench")
    db.keepers.take_up("bench", first.id)
    db.keepers.give("bench", second.id)
    assert db.keepers.take_up("bench", first.id).bears(second)
    assert (db.keepers.of(first.id), db.keepers.of(second.id)) == ([], ["bench"])
    assert db.keepers.was_ever("bench")
    for number, kind in ((reader.id, FieldError), (99, NotFoundError)):
        with pytest.raises(kind):
            db.keepers.give("bench", number)


def test_the_first_keeps_a_queue_until_it_is_revoked(db: DatabaseService) -> None:
    first, second = token(db, "first"), token(db, "second")
    keepers = db.queue_keepers
    assert keepers.keeper("Q") is None
    for one in (first, second):
        assert keepers.take_up("Q", one.id).bears(first)
    assert keepers.take_up("Q", None).token is not None, "who has the database at hand takes nothing away"
    db.tokens.revoke(first.id)
    assert keepers.keeper("Q") is None
    assert keepers.take_up("Q", second.id).bears(second)


def test_a_queue_beside_the_database_is_no_tokens_until_it_is_given(db: DatabaseService) -> None:
    one = token(db, "one")
    assert db.queue_keepers.take_up("Q", None).token is None
    assert db.queue_keepers.take_up("Q", one.id).token is None
    with pytest.raises(NotFoundError, match="'Q'"):
        db.queue_keepers.give("Q", one.id)
    db.queues.attach("Q")
    db.queue_keepers.give("Q", one.id)
    assert db.queue_keepers.of(one.id) == ["Q"]


@pytest.mark.parametrize("kind", ["keepers", "queue_keepers"])
@pytest.mark.parametrize("was_kept", [False, True], ids=["nobodys", "of_a_revoked_token"])
def test_of_those_that_come_at_once_one_keeps_it(db: DatabaseService, kind: str, *, was_kept: bool) -> None:
    keepers, former = getattr(db, kind), token(db, "former")
    tokens = [token(db, name) for name in "abcd"]
    names = [f"Q{number}" for number in range(12)]
    for name in names if was_kept else ():
        keepers.take_up(name, former.id)
    db.tokens.revoke(former.id)
    begin = threading.Barrier(len(tokens))
    found: dict[str, list[str]] = {name: [] for name in names}

    def take(number: int) -> None:
        for name in names:
            begin.wait()
            found[name].append(keepers.take_up(name, number).name)

    threads = [threading.Thread(target=take, args=(one.id,)) for one in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: len(set(those)) for name, those in found.items()} == dict.fromkeys(names, 1)
    assert {name: keepers.keeper(name).name for name in names} == {n: those[0] for n, those in found.items()}


def test_what_is_stored_passes_the_fence_first(db: DatabaseService) -> None:
    first, second = token(db, "first"), token(db, "second")

    def store(one: Any, station: str, kind: str, **payload: Any) -> None:
        db.keepers.take_up(station, one.id)
        fence = Fence(db, station, one, is_open=False)
        Storing(db, station, f"{station}:e1", fence=fence).store(
            parse([{"kind": kind, "payload": payload}]), "here"
        )

    store(first, "bench", "queue_opened", queue_id="Q")
    store(first, "bench", "scan_opened", scan_id="S", queue_id="Q")
    store(second, "desk", "queue_opened", queue_id="R")
    for field, kind, payload in (
        ("queue_id", "queue_opened", {"queue_id": "Q"}),
        ("scan_id", "queue_opened", {"queue_id": "R", "order": ["S"]}),
        ("scan_id", "scan_dropped", {"scan_id": "S"}),
        ("queue_id", "scan_opened", {"scan_id": "N", "queue_id": "Q"}),
    ):
        with pytest.raises(NotYoursError) as refused:
            store(second, "desk", kind, **payload)
        assert refused.value.field == field
    [scan] = db.get_queue_with_scans("Q").scans
    assert (scan.scan_id, scan.writer, db.queues.get("Q").station) == ("S", "bench:e1", "bench")
    store(first, "bench", "scan_dropped", scan_id="S")
    with pytest.raises(NotYoursError, match="was measured by bench"):
        store(second, "desk", "scan_opened", scan_id="S", queue_id="R")


def test_queues_of_before_are_those_of_their_stations_tokens(empty_place: str) -> None:
    with DatabaseService(empty_place) as db:
        one = token(db, "one")
        db.keepers.take_up("bench", one.id)
        db.queues.attach("Q", "bench")
        db.queues.attach("loose")
    database = Database(empty_place)
    runner.downgrade(database, "0014")
    with database.write_connection() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM queues")).scalar() == 2
    database.dispose()
    with DatabaseService(empty_place) as db:
        assert db.queue_keepers.of(one.id) == ["Q"]
        assert db.queue_keepers.keeper("loose") is None
