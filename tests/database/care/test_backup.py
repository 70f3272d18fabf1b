"""Backups are whole, made while others write, and put back in one step; a kill at any step loses nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from database import copies
from database.care import restore as module
from database.care.backup import backup
from database.care.restore import restore
from database.errors import DatabaseInUseError
from database.migrations import runner
from database.services import DatabaseService
from database.session import Database
from pybirch.errors import FieldError, NoRoomError
from tests.database.care.filling import do, fill, found, require_readings, rows_of
from tests.database.care.killing import every_kill
from tests.database.care.test_check import ROOT, WRITER, flip, number_of


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def require_same(path: Path, rows: dict[str, int], *scan_ids: str) -> None:
    assert found(path) == []
    with DatabaseService(path, migrate=False) as copy:
        assert rows_of(copy.database) == rows
        for scan_id in scan_ids:
            require_readings(copy, scan_id)


def put_back(place: str, target: Path, *, even_if_newer: bool = False) -> Path | None:
    database = Database(place)
    try:
        return restore(database, target, even_if_newer=even_if_newer)
    finally:
        database.dispose()


def test_a_backup_has_everything(db: DatabaseService, tmp_path: Path) -> None:
    fill(db)
    seen: list[tuple[int, int]] = []
    target = tmp_path / "copy.db"
    assert backup(db.database, target, lambda done, whole: seen.append((done, whole))) == []
    assert seen[-1][0] == seen[-1][1] > 0
    assert not list(tmp_path.glob("copy.db?*")), "it is one file"
    require_same(target, rows_of(db.database), "S1")


def test_a_backup_while_a_station_measures(db: DatabaseService, place: str, tmp_path: Path) -> None:
    fill(db)
    command = [sys.executable, "-c", WRITER, place]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        try:
            for turn in range(3):
                before = db.scans.get("L").points_done
                target = tmp_path / f"{turn}.db"
                assert backup(db.database, target) == []
                with DatabaseService(target, migrate=False) as copy:
                    assert copy.scans.get("L").points_done >= before
                    require_readings(copy)
                while db.scans.get("L").points_done <= before:
                    assert writer.poll() is None, "the writer goes on"
        finally:
            writer.kill()


def test_damage_is_told_and_backed_up_as_it_is(db: DatabaseService, tmp_path: Path) -> None:
    fill(db)
    flip(db, "measurement_blocks", number_of(db, "measurement_blocks", "first_index = 128"))
    (told,) = backup(db.database, tmp_path / "copy.db")
    assert "readings 128 to 191: damaged" in str(told)
    assert (tmp_path / "copy.db").exists()


def test_what_is_no_place_for_a_backup(db: DatabaseService, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FieldError, match="exists and is no database"):
        backup(db.database, tmp_path / "thesis.tex")
    with pytest.raises(FieldError, match="there is no folder"):
        backup(db.database, tmp_path / "nowhere" / "copy.db")
    if db.database.file is not None:
        with pytest.raises(FieldError, match="is the database itself"):
            backup(db.database, db.database.file)


def test_a_full_disk_leaves_the_earlier_backup(
    db: DatabaseService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.db"
    backup(db.database, target)
    before = target.read_bytes()
    fill(db)
    monkeypatch.setattr(copies, "free_bytes", lambda folder: 1000)
    with pytest.raises(NoRoomError, match="nothing was changed"):
        backup(db.database, target)
    assert target.read_bytes() == before


def test_what_was_restored_is_what_was_backed_up(db: DatabaseService, place: str, tmp_path: Path) -> None:
    fill(db)
    target = tmp_path / "copy.db"
    backup(db.database, target)
    rows = rows_of(db.database)
    fill(db, "S2")
    later = rows_of(db.database)
    db.close()
    with pytest.raises(FieldError, match=r"has what .* has not .*2 measurement objects.*--even-if-newer"):
        put_back(place, target)
    kept = put_back(place, target, even_if_newer=True)
    assert kept is not None
    require_same(kept, later, "S1", "S2")
    require_same(target, rows, "S1")
    with DatabaseService(place, migrate=False) as again:
        assert rows_of(again.database) == rows
        require_readings(again)
        fill(again, "S3")  # new rows get numbers that are free
        require_readings(again, "S3")
        assert found(again.database) == []


def test_a_backup_goes_into_a_database_without_tables(empty_place: str, tmp_path: Path) -> None:
    """As when a lab moves from SQLite to a server of its own."""
    with DatabaseService(tmp_path / "old.db") as old:
        fill(old)
        rows = rows_of(old.database)
    assert put_back(empty_place, tmp_path / "old.db") is None
    with DatabaseService(empty_place, migrate=False) as db:
        assert rows_of(db.database) == rows
        require_readings(db)


def test_nothing_is_restored_while_somebody_has_it_open(
    db: DatabaseService, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(db)
    monkeypatch.setattr(module, "_GRACE", 0.1)
    backup(db.database, tmp_path / "copy.db")
    with pytest.raises(DatabaseInUseError, match="end the server"):
        put_back(place, tmp_path / "copy.db", even_if_newer=True)
    require_readings(db)


def test_what_is_damaged_or_no_backup_is_not_restored(place: str, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with DatabaseService(other) as db:
        fill(db)
        flip(db, "measurement_data_arrays", number_of(db, "measurement_data_arrays"))
    with pytest.raises(FieldError, match="is damaged: scan S1"):
        put_back(place, other)
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(FieldError, match="not an SQLite database"):
        put_back(place, tmp_path / "notes.txt")
    with DatabaseService(other) as db:
        do(db, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(FieldError, match="newer PyBirch made it"):
        put_back(place, other)


def test_an_old_backup_is_restored_and_then_migrated(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with DatabaseService(old) as db:
        fill(db)
        runner.downgrade(db.database, "0007")
    assert put_back(str(tmp_path / "lab.db"), old) is None
    with DatabaseService(tmp_path / "lab.db") as db:
        require_readings(db)


def test_killed_at_any_step_of_a_backup(tmp_path: Path) -> None:
    lab, target = tmp_path / "lab.db", tmp_path / "copy.db"
    with DatabaseService(lab) as db:
        fill(db)
        early = rows_of(db.database)
        backup(db.database, target)
        fill(db, "S2")
        late = rows_of(db.database)

    def work() -> None:
        backup(Database(lab), target)

    kills = 0
    for step in every_kill(work, stride=60):
        kills += bool(step)
        with DatabaseService(target, migrate=False) as copy:
            scans = rows_of(copy.database)["scans"]
        require_same(target, early if scans == 1 else late, "S1")
    require_same(lab, late, "S1", "S2")
    require_same(target, late, "S1", "S2")
    assert kills > 1


def test_killed_at_any_step_of_a_restore(tmp_path: Path) -> None:
    lab, target, spare = tmp_path / "lab.db", tmp_path / "copy.db", tmp_path / "spare.db"
    with DatabaseService(lab) as db:
        fill(db)
        backup(db.database, target)
        early = rows_of(db.database)
        fill(db, "S2")
        late = rows_of(db.database)
    shutil.copy(lab, spare)
    kills = 0
    for step in every_kill(lambda: restore(Database(lab), target, even_if_newer=True), stride=60):
        kills += bool(step)
        with DatabaseService(lab, migrate=False) as db:
            rows = rows_of(db.database)
            assert rows in (early, late)
            require_readings(db)
        if rows == early:
            kept = list(tmp_path.glob("lab.replaced-*.db"))
            assert kept, "what was replaced is there"
            require_same(kept[0], late, "S1", "S2")
            shutil.copy(spare, lab)
        for path in tmp_path.glob("lab.replaced-*"):
            path.unlink()
    assert kills > 1


@pytest.mark.postgres
def test_killed_at_any_step_of_a_restore_on_postgresql(
    new_postgres: Callable[[], str], tmp_path: Path
) -> None:
    place, target = new_postgres(), tmp_path / "copy.db"
    with DatabaseService(place) as db:
        fill(db)
        backup(db.database, target)
        early = rows_of(db.database)
        fill(db, "S2")
        late = rows_of(db.database)
    kills = 0
    for step in every_kill(lambda: restore(Database(place), target, even_if_newer=True), stride=90):
        kills += bool(step)
        with DatabaseService(place, migrate=False) as db:
            assert rows_of(db.database) in ((early, late) if step else (early,))
            require_readings(db)
    assert kills > 1
