"""What was left in small blocks is merged, by short transactions, and never half."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, text

from database.care import compaction, vacuum
from database.care.compaction import compact, compact_all, compact_scan, scattered, unfinished
from database.services import DatabaseService
from database.services.readings import ReadingsService
from database.session import Database
from database.web.tidying import Tidying
from tests.database.care.filling import do, fill, found, readings
from tests.database.care.killing import every_kill
from tests.database.care.test_check import flip, number_of


def leave(
    db: DatabaseService, scan_id: str = "S1", count: int = 150, status: str | None = "interrupted"
) -> None:
    """A slow scan, one reading a block, cut off by a crash."""
    db.scans.create(scan_id="S1", writer="w", status="running")
    for first in range(150):
        db.readings.append("S1", [readings("S1", "iv", first, 1)], writer="w")
    if status is not None:
        db.scans.set_status("S1", status)


def blocks_of(db: DatabaseService) -> list[int]:
    with db.database.read() as session:
        return list(session.scalars(text("SELECT count FROM measurement_blocks ORDER BY first_index")))


def require_all(db: DatabaseService, count: int = 150) -> None:
    held = db.readings.read("S1", "iv")
    np.testing.assert_array_equal(
        held.values["voltage (V)"], readings("S1", "iv", 0, count).values["voltage (V)"]
    )
    np.testing.assert_array_equal(held.steps, np.arange(count))


def test_what_a_crash_left_becomes_one_block(db: DatabaseService) -> None:
    leave(db)
    assert len(blocks_of(db)) == 24
    assert compact_scan(db.database, "S1") == 23
    assert blocks_of(db) == [150]
    assert found(db.database) == []
    require_all(db)
    assert unfinished(db.database) == scattered(db.database) == []


def test_the_scan_goes_on_afterwards(db: DatabaseService) -> None:
    leave(db)
    compact_scan(db.database, "S1")
    for first in range(150, 300):
        db.readings.append("S1", [readings("S1", "iv", first, 1)])
    assert found(db.database) == []
    require_all(db, 300)


def test_the_server_does_it_when_a_scan_has_ended(db: DatabaseService) -> None:
    leave(db, status=None)
    tidying = Tidying(db.database, 65_536)
    assert tidying.look() == 0, "it still runs"
    assert len(blocks_of(db)) == 24
    db.scans.mark_interrupted(["S1"])
    assert tidying.look() == 1
    assert blocks_of(db) == [150]
    assert tidying.look() == 0
    require_all(db)


def test_a_scan_that_is_taken_up_meanwhile_is_left_alone(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(db)
    joined = compaction._joined

    def taken_up(*given):  # type: ignore[no-untyped-def]
        merged = joined(*given)
        db.scans.set_status("S1", "running")
        db.readings.append("S1", [readings("S1", "iv", 150, 1)])
        return merged

    monkeypatch.setattr(compaction, "_joined", taken_up)
    (number,) = unfinished(db.database)
    assert compact(db.database, number) == 0
    assert found(db.database) == []
    require_all(db, 151)


def test_damage_stays_where_it_is_and_is_not_tried_for_ever(db: DatabaseService) -> None:
    leave(db)
    flip(db, "measurement_blocks", number_of(db, "measurement_blocks", "first_index = 140"))
    before = [str(one) for one in found(db.database)]
    compact_scan(db.database, "S1")
    assert unfinished(db.database) == []
    assert [str(one) for one in found(db.database)] == before


def test_a_transaction_has_little_to_do(tmp_path: Path) -> None:
    """Blocks are read and encoded before the lock is taken: under it are a few statements, however much."""
    with DatabaseService(tmp_path / "lab.db") as db:
        db.scans.create(scan_id="S1")
        service = ReadingsService(db.database, 256)
        for first in range(0, 4000, 100):
            service.append("S1", [readings("S1", "iv", first, 100)])
        do(db, "UPDATE measurement_blocks SET level = 0")
        do(db, "DELETE FROM measurement_summaries")
        db.scans.set_status("S1", "aborted")
        statements: list[list[str]] = []
        event.listen(db.database.engine, "begin", lambda connection: statements.append([]))
        event.listen(
            db.database.engine,
            "before_cursor_execute",
            lambda c, cursor, statement, *_: statements[-1:] and statements[-1].append(statement),
        )
        rests: list[float] = []
        compact_all(db.database, scattered(db.database), 1000, rests.append)
        writing = [said for said in statements if any("DELETE" in one for one in said)]
        assert len(writing) == len(rests) > 3
        assert max(map(len, writing)) < 20
        assert not any("payload" in one for said in writing for one in said if one.startswith("SELECT"))


def test_room_goes_back_to_the_disk(tmp_path: Path) -> None:
    with DatabaseService(tmp_path / "lab.db") as db:
        fill(db, count=600 * 64)
        fill(db, "S2")
        before = vacuum.size(db.database)
        do(db, "DELETE FROM analyses")
        do(db, "DELETE FROM scans WHERE scan_id = 'S1'")
        rests: list[float] = []
        assert vacuum.give_back(db.database, rests.append)
        db.close()
        assert vacuum.size(db.database) < before / 2
        assert len(rests) > 1
        assert found(db.database) == []


def test_killed_at_any_step(place: str) -> None:
    with DatabaseService(place, migrate=False) as db:
        leave(db)
    kills = 0

    def work() -> None:
        database = Database(place)
        compact_all(database, scattered(database), 60, lambda seconds: None)

    for step in every_kill(work, stride=12):
        kills += bool(step)
        with DatabaseService(place, migrate=False) as db:
            assert found(db.database) == []
            require_all(db)
    assert kills > 1
