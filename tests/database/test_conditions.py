from __future__ import annotations

import pytest
from sqlalchemy import text

from database.migrations import runner
from database.services import DatabaseService
from database.session import Database
from pybirch.errors import FieldError, NotFoundError, StaleWriterError

NOTED = {"at": "2026-11-21T10:00:00Z", "why": "start", "software": {"numpy": "2.0"}, "instruments": []}


def test_what_a_scan_ran_under_is_kept_once_and_in_order(db: DatabaseService) -> None:
    row = db.scans.create(scan_id="S", scan_name="s", writer="bench:e1")
    later = NOTED | {"at": "2026-11-21T11:00:00Z", "why": "resume", "software": {"numpy": "2.1"}}
    for record in (later, NOTED, NOTED):
        db.conditions.keep("S", record, writer="bench:e1")
    kept = db.conditions.of(row.id)
    assert [(one.why, one.conditions["software"]["numpy"]) for one in kept] == [
        ("start", "2.0"),
        ("resume", "2.1"),
    ]
    assert "at" not in kept[0].conditions
    assert db.conditions.newest("S") == kept[1].conditions


def test_odd_words_of_hardware_and_numbers_that_are_none_are_kept_as_they_can_be(db: DatabaseService) -> None:
    db.scans.create(scan_id="S", scan_name="s")
    told = [{"name": "meter", "identity": "ACME\x00\udc80", "settings": {"offset": float("nan")}}]
    db.conditions.keep("S", NOTED | {"instruments": told})
    (kept,) = db.conditions.newest("S")["instruments"]  # type: ignore[index]
    assert kept["identity"].startswith("ACME")
    assert kept["settings"] == {"offset": None}


def test_old_scans_have_none(db: DatabaseService) -> None:
    db.scans.create(scan_id="old", scan_name="s")
    assert db.conditions.of("old") == []
    assert db.conditions.newest("old") is None


def test_only_the_writer_keeps_them_and_only_of_what_is_there(db: DatabaseService) -> None:
    db.scans.create(scan_id="S", scan_name="s", writer="bench:e2")
    with pytest.raises(StaleWriterError):
        db.conditions.keep("S", NOTED, writer="bench:e1")
    with pytest.raises(NotFoundError, match="'none'"):
        db.conditions.keep("none", NOTED)
    with pytest.raises(FieldError, match="why: 'perhaps'"):
        db.conditions.keep("S", NOTED | {"why": "perhaps"})
    assert db.conditions.of("S") == []


def test_a_database_with_scans_and_templates_goes_up_and_down(empty_place: str) -> None:
    """What older scans and templates hold survives both ways."""
    with DatabaseService(empty_place) as db:
        db.scans.create(scan_id="S", scan_name="s")
        db.conditions.keep("S", NOTED)
        db.create_scan_template(name="T", settings={"scan_name": "t"})
        db.create_queue_template(name="night", settings={"scans": []})
    database = Database(empty_place)
    runner.downgrade(database, "0007")
    with database.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM scans")) == 1
        assert connection.scalar(text("SELECT name FROM scan_templates")) == "T"
    runner.upgrade(database)
    database.dispose()
    with DatabaseService(empty_place, migrate=False) as db:
        assert db.conditions.of("S") == []
        assert db.get_scan_template("T").version == db.get_queue_template("night").version == 1
