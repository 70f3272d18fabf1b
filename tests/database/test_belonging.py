"""What a scan is for and of: found, linked, and refused where it is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database.services import DatabaseService
from database.services.belonging import usable
from pybirch.errors import ArchivedError, FieldError, NotFoundError, UnknownReferenceError
from pybirch.samples import Sample
from pybirch.scan.scan import Scan, ScanSettings


def core(project: str = "", sample: str | None = None, **options: Any) -> Scan:
    return Scan(ScanSettings(project, "iv", "", ""), Sample(sample) if sample else None, **options)


@pytest.fixture
def labs(db: DatabaseService) -> DatabaseService:
    """Projects P and old (archived), samples S and old (archived)."""
    for name in ("P", "old"):
        db.projects.create(name=name)
        db.samples.create(sample_id="S" if name == "P" else name)
    db.projects.archive("old")
    db.samples.archive("old")
    return db


def test_a_name_that_is_no_projects_is_only_text(labs: DatabaseService) -> None:
    for name in ("Wafers", "", "p"):
        row = labs.create_scan_from_pybirch(core(name))
        assert (row.project_name, row.project_id) == (name, None)


def test_a_name_that_is_a_projects_links_the_scan(labs: DatabaseService) -> None:
    project = labs.projects.get("P").id
    assert labs.create_scan_from_pybirch(core("P")).project_id == project
    assert labs.scans.create(scan_id="A", project_name="P").project_id == project
    assert labs.scans.create(scan_id="B", project_name="text", project_id=project).project_name == "text"
    assert labs.scans.create(scan_id="C", project_id="P").project_name == "P"


REFUSED: list[tuple[dict[str, Any], type[FieldError], str]] = [
    ({"project_name": "old"}, ArchivedError, "project_name"),
    ({"project_id": "old"}, ArchivedError, "project_id"),
    ({"project_id": 2}, ArchivedError, "project_id"),
    ({"project_id": 99}, UnknownReferenceError, "project_id"),
    ({"project_id": "none"}, UnknownReferenceError, "project_id"),
    ({"project_name": "P", "project_id": "old"}, FieldError, "project_name"),
    ({"sample_id": "old"}, ArchivedError, "sample_id"),
    ({"sample_id": "none"}, UnknownReferenceError, "sample_id"),
    ({"sample_id": 99}, UnknownReferenceError, "sample_id"),
]


@pytest.mark.parametrize(("given", "kind", "field"), REFUSED)
def test_what_is_missing_or_archived_is_refused_by_its_field(
    labs: DatabaseService, given: dict[str, Any], kind: type[FieldError], field: str
) -> None:
    if given.get("project_id") == 2:
        given = {"project_id": labs.projects.get("old").id}
    with pytest.raises(kind) as caught:
        labs.scans.create(scan_id="X", **given)
    assert caught.value.field == field
    assert labs.scans.find("X") is None


def test_an_archived_sample_is_not_made_anew_on_the_fly(labs: DatabaseService) -> None:
    acts: list[Callable[[], Any]] = [
        lambda: labs.create_scan_from_pybirch(core(sample="old")),
        lambda: labs.samples.take_up(Sample("old")),
        lambda: usable(labs.samples, "old", "sample_id"),
    ]
    for act in acts:
        with pytest.raises(ArchivedError, match="archived") as caught:
            act()
        assert caught.value.field == "sample_id"
    assert labs.scans.count() == 0
    with pytest.raises(NotFoundError):
        usable(labs.samples, "none", "sample_id")


def test_a_scan_that_is_kept_already_keeps_its_sample(labs: DatabaseService) -> None:
    scan = core(sample="S")
    labs.create_scan_from_pybirch(scan)
    labs.samples.archive("S")
    row = labs.create_scan_from_pybirch(scan)
    assert row.sample is not None
    assert row.sample.sample_id == "S"


@pytest.mark.parametrize("before", ["queued", "interrupted"])
@pytest.mark.parametrize(
    ("noun", "key", "field"), [("project", "P", "project_name"), ("sample", "S", "sample_id")]
)
def test_what_was_archived_meanwhile_keeps_a_scan_from_beginning(
    labs: DatabaseService, before: str, noun: str, key: str, field: str
) -> None:
    scan = labs.create_scan_from_pybirch(core("P", "S"))
    if before == "interrupted":
        labs.scans.set_status(scan.id, "running")
        labs.scans.mark_interrupted([scan.id])
    getattr(labs, f"archive_{noun}")(key)
    for begin in (labs.scans.set_status, lambda key, state: labs.scans.update(key, status=state)):
        with pytest.raises(ArchivedError) as caught:
            begin(scan.id, "running")
        assert caught.value.field == field
        assert labs.scans.get(scan.id).status == before
    # what began before that is only told late
    earlier = datetime.now(UTC) - timedelta(hours=1)
    assert labs.scans.set_status(scan.id, "running", timestamp=earlier).status == "running"


def test_what_runs_goes_on_and_ends_when_its_project_is_archived(labs: DatabaseService) -> None:
    scan = labs.create_scan_from_pybirch(core("P"))
    labs.scans.set_status(scan.id, "running")
    labs.projects.archive("P")
    for state in ("paused", "running", "completed"):
        assert labs.scans.set_status(scan.id, state).status == state


def test_a_project_made_later_is_found_when_the_scan_begins(labs: DatabaseService) -> None:
    scan = labs.create_scan_from_pybirch(core("later"))
    project = labs.projects.create(name="later")
    assert labs.scans.set_status(scan.id, "running").project_id == project.id


def test_a_scan_without_a_project_inherits_one(labs: DatabaseService) -> None:
    numbers = {"P": labs.projects.get("P").id} | {n: labs.projects.create(name=n).id for n in ("Q", "R")}
    labs.queues.create(queue_id="queue", project_id="Q")
    first = core("text")
    assert labs.scans.create_from_pybirch(first, "queue").project_id == numbers["Q"]
    assert labs.scans.create_from_pybirch(core("P"), "queue").project_id == numbers["P"]
    fallback = {"project_id": numbers["R"]}
    assert labs.scans.create_from_pybirch(core(), "queue", fallback=fallback).project_id == numbers["R"]
    again = core(restarted_from=first.scan_id)
    assert labs.scans.create_from_pybirch(again, fallback=fallback).project_id == numbers["Q"]
    labs.projects.archive("Q")
    with pytest.raises(ArchivedError, match="'Q'"):
        labs.scans.create_from_pybirch(core(), "queue")
