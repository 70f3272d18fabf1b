"""Archived scans are whole in one place or the other, whatever is killed, and come back as they were."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Table, insert

from database.care import archive as module
from database.care.archive import archive, older_than, unarchive
from database.care.leftovers import remove_all_leftovers
from database.errors import DamagedDataError, InArchiveError
from database.services import DatabaseService
from database.session import Database
from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError
from tests.database.care.filling import fill, found, readings, require_readings, rows_of
from tests.database.care.killing import every_kill
from tests.database.care.test_check import flip, number_of
from tests.database.racing import meanwhile


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return tmp_path / "old.db"


def require_in_archive(path: Path, *scan_ids: str) -> None:
    assert found(path) == []
    with DatabaseService(path, migrate=False) as there:
        assert {scan.scan_id for scan in there.scans.list()} == set(scan_ids)
        for scan_id in scan_ids:
            require_readings(there, scan_id)


def test_there_and_back(db: DatabaseService, old: Path) -> None:
    sample = db.samples.create(sample_id="wafer 7")
    queue = db.queues.create(queue_id="Q1")
    for scan_id in ("S0", "S1"):
        fill(db, scan_id)
        db.scans.update(scan_id, sample_id=sample.id, queue_id=queue.id)
    before = rows_of(db.database)
    assert archive(db.database, ["S1"], old) == ["S1"]
    assert archive(db.database, ["S1"], old) == [], "once is enough"
    require_in_archive(old, "S1")
    assert found(db.database) == []
    row = db.scans.get("S1")
    assert row.archive is not None
    assert (row.points_done, row.status, row.sample_id) == (18 * 64 + 6 + 13, "completed", sample.id)
    assert rows_of(db.database)["measurement_blocks"] == before["measurement_blocks"] // 2
    require_readings(db, "S0")
    with DatabaseService(old, migrate=False) as there:
        moved = there.scans.get("S1")
        assert moved.sample is not None
        assert (moved.sample.sample_id, moved.archive) == ("wafer 7", None)
    assert unarchive(db.database, ["S1"]) == ["S1"]
    assert rows_of(db.database) == before
    require_readings(db, "S1")
    assert found(db.database) == []
    require_in_archive(old)


def test_readings_of_an_archived_scan_say_where_they_are(db: DatabaseService, old: Path) -> None:
    fill(db)
    archive(db.database, ["S1"], old)
    number = db.readings.measurements("S1")[0].id
    for attempt in (
        lambda: db.readings.read("S1", "iv"),
        lambda: db.readings.overview("S1", "iv"),
        lambda: list(db.readings.iter_blocks("S1", "iv")),
        lambda: db.arrays.of(number),
        lambda: db.readings.append("S1", [readings("S1", "iv", 18 * 64 + 6, 1)]),
        lambda: db.arrays.create(number, np.arange(3)),
        lambda: db.get_measurement_data(number),
    ):
        with pytest.raises(InArchiveError, match=r"archived to .*old\.db; `pybirch db unarchive S1` brings"):
            attempt()


def test_only_what_has_ended_is_archived(db: DatabaseService, old: Path) -> None:
    for number, status in enumerate(("running", "interrupted")):
        fill(db, f"S{number}", status=status)
        with pytest.raises(IllegalTransitionError, match=f"is {status}"):
            archive(db.database, [f"S{number}"], old)
    with pytest.raises(NotFoundError):
        archive(db.database, ["S9"], old)
    assert found(db.database) == []


def test_by_date(db: DatabaseService) -> None:
    fill(db)
    now = datetime.now(UTC)
    assert older_than(db.database, now + timedelta(days=1)) == ["S1"]
    assert older_than(db.database, now - timedelta(days=1)) == []


def test_what_is_damaged_stays(db: DatabaseService, old: Path) -> None:
    fill(db)
    flip(db, "measurement_blocks", number_of(db, "measurement_blocks", "first_index = 128"))
    before = rows_of(db.database)
    with pytest.raises(DamagedDataError, match="readings 128 to 191: damaged; it stays"):
        archive(db.database, ["S1"], old)
    assert rows_of(db.database) == before
    assert db.scans.get("S1").archive is None


def test_what_is_damaged_in_the_archive_is_not_brought_back(db: DatabaseService, old: Path) -> None:
    fill(db)
    archive(db.database, ["S1"], old)
    with DatabaseService(old, migrate=False) as there:
        flip(there, "measurement_blocks", number_of(there, "measurement_blocks", "first_index = 128"))
    with pytest.raises(DamagedDataError, match="readings 128 to 191: damaged"):
        unarchive(db.database, ["S1"])
    assert db.scans.get("S1").archive is not None


def test_a_copy_that_differs_removes_nothing(
    db: DatabaseService, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db)
    written = module._write

    def short(database: Database, there: Database, row: object) -> None:
        written(database, there, row)
        with there.write_connection() as connection:
            connection.exec_driver_sql("DELETE FROM measurement_summaries")

    monkeypatch.setattr(module, "_write", short)
    with pytest.raises(DamagedDataError, match=r"measurement_summaries in .* differ"):
        archive(db.database, ["S1"], old)
    require_readings(db)


def after_comparing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have something done once, when a copy was found to be whole and before it counts."""
    compared, left = module._compare, [act]

    def compare(*given: Any) -> None:
        compared(*given)
        for each in left[:]:
            left.remove(each)
            each()

    monkeypatch.setattr(module, "_compare", compare)


def test_an_array_that_comes_while_its_scan_is_archived_is_kept(
    db: DatabaseService, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db)
    number = db.readings.measurements("S1")[0].id
    after_comparing(monkeypatch, lambda: db.arrays.create(number, np.arange(7), name="late"))
    with pytest.raises(DamagedDataError, match="changed while it was archived; it stays"):
        archive(db.database, ["S1"], old)
    assert archive(db.database, ["S1"], old) == ["S1"]
    with DatabaseService(old, migrate=False) as there:
        assert [row.name for row in there.arrays.of(number)] == ["image", "small", "late"]


def test_an_array_that_is_just_being_stored_is_kept(db: DatabaseService, old: Path) -> None:
    fill(db)
    number = db.readings.measurements("S1")[0].id
    with meanwhile(lambda: archive(db.database, ["S1"], old)):
        db.arrays.create(number, np.arange(7), name="late")
    if db.scans.get("S1").archive is None:
        assert rows_of(db.database)["measurement_data_arrays"] == 3
    else:
        with closing(sqlite3.connect(old)) as there:
            assert there.execute("SELECT COUNT(*) FROM measurement_data_arrays").fetchone() == (3,)


def test_what_another_program_still_removes_is_not_brought_back_in_part(
    db: DatabaseService, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pybirch db archive` was still removing what was left here."""
    fill(db)
    archive(db.database, ["S1"], old)
    after_comparing(monkeypatch, lambda: remove_all_leftovers(db.database))
    with pytest.raises(DamagedDataError, match="stays in its archive"):
        unarchive(db.database, ["S1"])
    require_in_archive(old, "S1")
    assert unarchive(db.database, ["S1"]) == ["S1"]
    require_readings(db)


def test_of_two_that_bring_a_scan_back_one_does(
    db: DatabaseService, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db)
    before = rows_of(db.database)
    archive(db.database, ["S1"], old)
    batches, others = module._batches, [lambda: unarchive(db.database, ["S1"])]

    def after_the_other(*given: Any) -> Any:
        found = list(batches(*given))
        if others:
            others.pop()()
        return found

    monkeypatch.setattr(module, "_batches", after_the_other)
    with pytest.raises(IllegalTransitionError, match="by another program meanwhile"):
        unarchive(db.database, ["S1"])
    assert rows_of(db.database) == before
    require_readings(db)


def test_two_that_bring_a_scan_back_at_once_hear_of_each_other(
    db: DatabaseService, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db)
    archive(db.database, ["S1"], old)
    batches, others = module._batches, [True]

    def as_the_other_puts(there: Database, table: Table, scan: int) -> Any:
        for batch in batches(there, table, scan):
            if others and there.file == old and others.pop():
                db.database.transact_core(lambda c, b=batch: c.execute(insert(table), b))
            yield batch

    monkeypatch.setattr(module, "_batches", as_the_other_puts)
    with pytest.raises(IllegalTransitionError, match="by another program meanwhile"):
        unarchive(db.database, ["S1"])
    require_in_archive(old, "S1")
    assert unarchive(db.database, ["S1"]) == ["S1"]
    require_readings(db)


def test_of_two_that_archive_a_scan_the_later_spoils_nothing(
    db: DatabaseService, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The former has removed already what the later would copy over what the former has kept."""
    fill(db)
    write, others = module._write, [lambda: archive(db.database, ["S1"], old)]

    def after_the_other(*given: Any) -> None:
        if others:
            others.pop()()
        write(*given)

    monkeypatch.setattr(module, "_write", after_the_other)
    with pytest.raises(IllegalTransitionError, match="archived by another program meanwhile"):
        archive(db.database, ["S1"], old)
    require_in_archive(old, "S1")
    assert unarchive(db.database, ["S1"]) == ["S1"]
    require_readings(db)


def test_a_scan_that_is_archived_again_as_soon_as_it_is_back_is_kept_there(
    db: DatabaseService, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db)
    archive(db.database, ["S1"], old)
    transact, others = Database.transact_core, [lambda: archive(db.database, ["S1"], old)]

    def then_the_other(self: Database, *given: Any, **more: Any) -> Any:
        done = transact(self, *given, **more)
        if others and db.scans.get("S1").archive is None:
            others.pop()()
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Database, "transact_core", then_the_other)
        unarchive(db.database, ["S1"])
    assert db.scans.get("S1").archive is not None
    require_in_archive(old, "S1")


def test_another_databases_archive_is_refused(empty_record: Path, old: Path, tmp_path: Path) -> None:
    db = DatabaseService(shutil.copy(empty_record, tmp_path / "lab.db"))
    with DatabaseService(tmp_path / "another.db") as another:
        fill(another, "other")
        fill(another, "more")
        archive(another.database, ["other", "more"], old)
    fill(db)
    with pytest.raises(FieldError, match="another database's scans"):
        archive(db.database, ["S1"], old)
    require_readings(db)
    db.close()


@pytest.mark.parametrize(("way", "stride"), [("there", 250), ("back", 110)])
def test_killed_at_any_step(place: str, old: Path, way: str, stride: int) -> None:
    with DatabaseService(place, migrate=False) as db:
        fill(db)
        whole = rows_of(db.database)
        if way == "back":
            archive(db.database, ["S1"], old)

    def work() -> None:
        if way == "there":
            archive(Database(place), ["S1"], old)
        else:
            unarchive(Database(place), ["S1"])

    kills = 0
    for step in every_kill(work, stride):
        kills += bool(step)
        with DatabaseService(place, migrate=False) as db:
            if db.scans.get("S1").archive is None:
                require_readings(db)
                assert [str(one) for one in found(db.database)] == []
            else:
                require_in_archive(old, "S1")
            if step:
                continue
            if way == "back":
                assert rows_of(db.database) == whole
                require_readings(db)
            else:
                require_in_archive(old, "S1")
            assert found(db.database) == []
    assert kills > 1
