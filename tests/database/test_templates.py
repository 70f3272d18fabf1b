from __future__ import annotations

from typing import Any

import pytest

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.errors import FieldError, NotFoundError
from pybirch.queue.queue import Queue
from pybirch.samples import Sample
from pybirch.scan.scan import Scan
from tests.lab import PATIENCE, Meter, Stage, line, settings


def scan(name: str = "iv", **known: Any) -> Scan:
    return Scan(settings(line(Stage(), Meter(), 3), name), **known)


def test_a_template_is_made_of_a_stored_scan_a_scan_or_settings(db: DatabaseService) -> None:
    one = scan()
    row = db.scans.create_from_pybirch(one)
    sources = [row.id, one.scan_id, one, one.settings, one.settings.serialize()]
    made = [
        db.templates.scans.save(f"t{number}", source, owner="ada", description="weekly")
        for number, source in enumerate(sources)
    ]
    assert all(template.settings == one.settings.serialize() for template in made)
    assert (made[0].version, made[0].owner, made[0].description) == (1, "ada", "weekly")


def test_it_is_started_with_changes_on_a_stored_sample(db: DatabaseService) -> None:
    db.templates.scans.save("iv", scan())
    db.samples.take_up(Sample("S-1", "GaAs"))
    stage, meter = Stage(), Meter()
    made = db.templates.scans.make(
        "iv", [stage, meter], {"scan_tree[0].positions": [7.0, 8.0]}, sample="S-1", owner="eve"
    )
    queue = DatabaseQueue(db, "Q", scans=[made])
    queue.start()
    assert queue.wait_for_completion(PATIENCE)
    assert stage.visited == [7.0, 8.0]
    stored = db.scans.get(made.scan_id)
    assert (stored.sample.material, stored.owner, stored.points_done) == ("GaAs", "eve", 2)  # type: ignore[union-attr]


def test_what_it_was_before_is_kept_with_every_change(db: DatabaseService) -> None:
    db.templates.scans.save("iv", scan())
    again = db.templates.scans.change("iv", {"scan_name": "iv 2"}, by="eve")
    same = db.templates.scans.change("iv", {"scan_name": "iv 2"}, by="eve", description="described anew")
    third = db.update_scan_template("iv", settings=scan("iv 3").settings.serialize())
    assert (again.version, same.version, third.version) == (2, 2, 3)
    assert same.description == "described anew"
    names = [db.templates.scans.settings_of("iv", version)["scan_name"] for version in (1, 2, 3, None)]
    assert names == ["iv", "iv 2", "iv 3", "iv 3"]
    assert [(one.version, one.by) for one in db.templates.scans.versions("iv")] == [(1, "eve"), (2, "")]
    made = db.templates.scans.make("iv", [Stage(), Meter()], version=1)
    assert made.settings.scan_name == "iv"
    with pytest.raises(NotFoundError, match="no version 9"):
        db.templates.scans.settings_of("iv", 9)
    with pytest.raises(FieldError, match="version"):
        db.update_scan_template("iv", version=7)


def test_templates_are_searched_archived_and_brought_back(db: DatabaseService) -> None:
    for name in ("iv curve", "map"):
        db.templates.scans.save(name, scan(), description=f"the weekly {name}")
    assert [row.name for row in db.templates.scans.list(search="CURVE")] == ["iv curve"]
    db.archive_scan_template("map")
    assert [row.name for row in db.templates.scans.list()] == ["iv curve"]
    assert db.templates.scans.bring_back("map").archived_at is None
    assert db.templates.scans.count() == 2


@pytest.mark.parametrize(
    ("name", "source", "changes", "field"),
    [
        ("", None, {}, "name"),
        ("x" * 201, None, {}, "name"),
        ("iv", None, {}, "name"),
        ("new", 5.5, {}, "source"),
        ("new", {"scan_name": "s"}, {}, "project_name"),
        ("new", None, {"scan_tree[0].positions": []}, "scan_tree[0].positions"),
        ("new", None, {"scan_tree[0].wings": 2}, "scan_tree[0].wings"),
    ],
)
def test_what_is_wrong_is_named(
    db: DatabaseService, name: str, source: Any, changes: dict[str, Any], field: str
) -> None:
    db.templates.scans.save("iv", scan())
    with pytest.raises(FieldError) as refused:
        db.templates.scans.save(name, source or scan(), changes=changes)
    assert refused.value.field == field
    assert db.templates.scans.count() == 1


def test_a_source_a_template_or_a_sample_that_is_not_there_is_named(db: DatabaseService) -> None:
    with pytest.raises(NotFoundError, match="no scan 'gone'"):
        db.templates.scans.save("t", "gone")
    with pytest.raises(NotFoundError, match="'gone'"):
        db.templates.queues.change("gone", {})
    db.templates.scans.save("iv", scan())
    with pytest.raises(FieldError, match="sample: there is no sample 'gone'"):
        db.templates.scans.make("iv", [Stage(), Meter()], sample="gone")


def test_a_queue_is_kept_and_queued_anew(db: DatabaseService) -> None:
    queue = DatabaseQueue(db, "Q")
    first = queue.enqueue(scan("a", sample=Sample("S-1", "GaAs")), {"priority": 3})
    queue.enqueue(scan("b"), {"after": [first]})
    stored = db.templates.queues.save("night", "Q", owner="ada")
    core = db.templates.queues.save("core", Queue("plain", [scan("a")]))
    assert [len(one.settings["scans"]) for one in (stored, core)] == [2, 1]
    other = DatabaseQueue(db, "R")
    added = db.templates.queues.add_to(
        other, "night", [Stage(), Meter()], {"scans[0].scan_name": "first"}, by="eve"
    )
    rows = db.get_queue_with_scans("R").scans
    assert [row.scan_name for row in rows] == ["first", "b"]
    assert [row.terms for row in rows] == [{"priority": 3}, {"after": [added[0]]}]
    assert rows[0].sample.material == "GaAs"  # type: ignore[union-attr]
    changed = db.templates.queues.change("night", {"scans[1].scan_name": "c"}, by="eve")
    assert (changed.version, changed.settings["scans"][1]["settings"]["scan_name"]) == (2, "c")
    with pytest.raises(FieldError, match=r"scans\[1\].scan_name: a scan needs a name"):
        db.templates.queues.change("night", {"scans[1].scan_name": " "})


def test_an_empty_queue_is_no_template(db: DatabaseService) -> None:
    with pytest.raises(FieldError, match="scans: is empty"):
        db.templates.queues.save("nothing", Queue("plain"))


def test_two_who_change_a_template_at_once_do_not_overwrite_each_other(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.templates.scans.save("iv", scan())
    checked = db.templates.scans._checked

    def somebody_else_first(given: dict[str, Any]) -> dict[str, Any]:
        monkeypatch.setattr(db.templates.scans, "_checked", checked)
        db.templates.scans.change("iv", {"scan_name": "theirs"})
        return checked(given)

    monkeypatch.setattr(db.templates.scans, "_checked", somebody_else_first)
    with pytest.raises(FieldError, match="somebody has changed"):
        db.templates.scans.change("iv", {"scan_name": "mine"})
    assert db.templates.scans.get("iv").settings["scan_name"] == "theirs"
