from __future__ import annotations

from typing import Any

import pytest

from database.services import DatabaseService
from pybirch.errors import FieldError, NotFoundError

NOUNS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "lab": ("labs", {"name": "L"}, {"location": "cellar"}),
    "project": ("projects", {"name": "P"}, {"description": "long"}),
    "user": ("users", {"username": "ada"}, {"full_name": "Ada"}),
    "sample": ("samples", {"sample_id": "S-1"}, {"material": "GaAs"}),
    "equipment": ("equipment", {"name": "stage", "type": "movement"}, {"nickname": "x"}),
    "queue": ("queues", {"queue_id": "Q1"}, {"name": "night"}),
    "scan": ("scans", {"scan_id": "S1"}, {"scan_name": "iv"}),
    "scan_template": ("scan_templates", {"name": "T"}, {"settings": {"a": [1]}}),
    "queue_template": ("queue_templates", {"name": "T"}, {"settings": {"a": [1]}}),
    "analysis": ("analyses", {"name": "fit"}, {"results": {"n": 1.2}}),
    "station": ("stations", {"name": "bench"}, {"host": "pc"}),
}


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_is_created_got_listed_updated_archived(db: DatabaseService, noun: str) -> None:
    plural, needed, changed = NOUNS[noun]
    made = getattr(db, f"create_{noun}")(**needed)
    assert getattr(db, f"get_{noun}")(made.id).id == made.id
    updated = getattr(db, f"update_{noun}")(made.id, **changed)
    for name, value in changed.items():
        assert getattr(updated, name) == value
    list_ = getattr(db, f"list_{plural}")
    assert [row.id for row in list_()] == [made.id]
    archived = getattr(db, f"archive_{noun}")(made.id)
    assert archived.archived_at.tzinfo is not None
    assert list_() == []
    assert [row.id for row in list_(archived=True)] == [made.id]


def test_unknown_missing_and_wrong_fields_are_named(db: DatabaseService) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": "L", "colour": "red"}, "colour"),
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "nul\x00"}, "name"),
    ]
    for fields, name in wrong:
        with pytest.raises(FieldError) as caught:
            db.labs.create(**fields)
        assert caught.value.field == name
    for fields, name in [
        ({"progress": float("nan")}, "progress"),
        ({"points_total": 1.5}, "points_total"),
        ({"status": "happy"}, "status"),
        ({"extra_data": "text"}, "extra_data"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"queue_id": 999}, "queue_id"),
    ]:
        with pytest.raises(FieldError) as caught:
            db.scans.create(scan_id="S1", **fields)
        assert caught.value.field == name
    assert db.scans.count() == 0


def test_a_name_that_is_taken_is_named(db: DatabaseService) -> None:
    db.labs.create(name="L")
    with pytest.raises(FieldError, match="already") as caught:
        db.labs.create(name="L")
    assert caught.value.field == "name"


def test_what_is_missing_is_not_found(db: DatabaseService) -> None:
    with pytest.raises(NotFoundError, match="lab 'no'"):
        db.labs.get("no")
    with pytest.raises(NotFoundError):
        db.scans.update(7, scan_name="x")
    assert db.labs.find("no") is None
    with pytest.raises(FieldError, match="number"):
        db.analyses.get("fit")


def test_pages_search_sort_and_count(db: DatabaseService) -> None:
    for i in range(5):
        db.projects.create(name=f"P{i}", description="warm" if i % 2 else "100% cold_er")
    assert [p.name for p in db.projects.list(limit=2, offset=1)] == ["P1", "P2"]
    assert [p.name for p in db.projects.list(sort="-name", limit=2)] == ["P4", "P3"]
    assert [p.name for p in db.projects.list(search="WARM")] == ["P1", "P3"]
    assert db.projects.count(search="0% cold_") == 3
    assert db.projects.count(search="%w%") == 0
    assert db.projects.count(name=["P1", "P2", "P9"]) == 2
    with pytest.raises(FieldError, match="sort"):
        db.projects.list(sort="colour")
    with pytest.raises(FieldError, match="colour"):
        db.projects.list(colour="red")


def test_rows_are_loaded_and_detached(db: DatabaseService) -> None:
    sample = db.samples.create(sample_id="W1")
    queue = db.queues.create(queue_id="Q")
    made = db.scans.create(scan_id="S", sample_id="W1", queue_id="Q")
    for scan in (made, db.scans.get("S"), db.scans.list()[0], db.scans.update("S", owner="me")):
        assert scan.sample is not None
        assert scan.sample.id == sample.id
        assert scan.queue is not None
        assert scan.queue.id == queue.id


def test_json_never_holds_a_bare_nan(db: DatabaseService) -> None:
    row = db.analyses.create(name="fit", results={"chi": float("nan"), "ok": [1.5, float("inf")]})
    assert db.analyses.get(row.id).results == {"chi": None, "ok": [1.5, None]}


def test_audit_remembers_who(db: DatabaseService) -> None:
    user = db.users.create("ada", None, "admin")
    db.audit.add(user, "abort", "queue:Q1", ok=True)
    [entry] = db.audit.list()
    assert (entry.actor, entry.user_id, entry.detail) == ("ada", user.id, {"ok": True})
    with pytest.raises(FieldError, match="not archived"):
        db.audit.archive(entry.id)
