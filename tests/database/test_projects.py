"""Projects and their members."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from database.models import ProjectRole
from database.services import DatabaseService
from pybirch.errors import FieldError, NotFoundError
from tests.database.racing import at_once, meanwhile


def test_people_join_change_and_leave(db: DatabaseService) -> None:
    db.users.create("ada", full_name="Ada")
    bob = db.users.create("bob")
    project = db.projects.create(name="P", status="planned")
    assert db.projects.add_member("P", "ada", "lead").user.full_name == "Ada"
    assert db.projects.add_member(project.id, bob.id).role is ProjectRole.MEMBER
    assert [(m.user.username, m.role) for m in db.projects.members("P")] == [
        ("ada", "lead"),
        ("bob", "member"),
    ]
    assert [lead.username for lead in db.projects.get("P").leads] == ["ada"]
    assert db.projects.change_member("P", "bob", "viewer").role is ProjectRole.VIEWER
    db.projects.remove_member("P", "ada")
    assert [m.user.username for m in db.projects.list()[0].members] == ["bob"]
    assert [p.name for p in db.projects.of_user("bob")] == ["P"]
    assert db.projects.of_user("ada") == []


def test_what_cannot_be_a_membership_is_named(db: DatabaseService) -> None:
    db.users.create("ada")
    db.projects.create(name="P")
    with pytest.raises(NotFoundError, match="project 'Q'"):
        db.projects.add_member("Q", "ada")
    with pytest.raises(NotFoundError, match="user 'eve'"):
        db.projects.add_member("P", "eve")
    with pytest.raises(FieldError) as caught:
        db.projects.add_member("P", "ada", "king")
    assert caught.value.field == "role"
    for act in (
        lambda: db.projects.change_member("P", "ada", "lead"),
        lambda: db.projects.remove_member("P", 1),
    ):
        with pytest.raises(NotFoundError):
            act()
    db.projects.add_member("P", "ada")
    with pytest.raises(FieldError, match="already"):
        db.projects.add_member("P", "ada", "lead")
    with pytest.raises(FieldError) as caught:
        db.projects.update("P", status="happy")
    assert caught.value.field == "status"


def test_an_archived_project_is_out_of_the_lists_until_it_is_restored(db: DatabaseService) -> None:
    db.users.create("ada")
    db.projects.create(name="P")
    db.projects.add_member("P", "ada")
    db.projects.archive("P")
    assert (db.projects.list(), db.projects.of_user("ada")) == ([], [])
    assert [p.name for p in db.projects.of_user("ada", archived=True)] == ["P"]
    assert db.projects.restore("P").archived_at is None
    assert [m.user.username for m in db.projects.list()[0].members] == ["ada"]


@pytest.mark.parametrize("few", [100, 1])
def test_its_scans_are_those_linked_and_those_that_name_it(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("database.services.scan_lists.FEW", few)
    db.scans.create(scan_id="early", project_name="P")
    db.scans.create(scan_id="another's", project_name="Q")
    made, empty = db.projects.create(name="P"), db.projects.create(name="E")
    for name in ("linked", "hidden"):
        db.scans.create(scan_id=name, project_id="P", owner="ada")
    db.scans.archive("hidden")
    db.samples.create(sample_id="W", project_id=made.id)

    def found(**wanted: Any) -> list[str]:
        return [scan.scan_id for scan in db.scans.list(of_project=made, **wanted)]

    assert (found(), found(sort="id", limit=1)) == (["linked", "early"], ["early"])
    assert (found(archived=True), found(owner="ada")) == (["hidden", "linked", "early"], ["linked"])
    assert (found(search="early"), db.scans.count(of_project=made)) == (["early"], 2)
    told = db.projects.tallies([made, empty])
    assert (told[made.id].scans, told[made.id].samples) == (2, 1)
    assert told[made.id].first == db.scans.get("early").created_at
    assert told[made.id].latest == db.scans.get("linked").created_at
    assert told[empty.id].latest is None


def test_a_project_has_a_name(db: DatabaseService) -> None:
    db.projects.create(name="P")
    for act in (lambda: db.projects.create(name=" "), lambda: db.projects.update("P", name="")):
        with pytest.raises(FieldError, match="needs a name"):
            act()


def test_a_lab_says_where_it_is_and_whom_to_ask(db: DatabaseService) -> None:
    lab = db.labs.create(name="L", institution="University", location="cellar", contact="Ada, 4711")
    assert (db.labs.get("L").institution, lab.contact) == ("University", "Ada, 4711")


def test_the_projects_that_a_thing_is_done_for(db: DatabaseService) -> None:
    numbers = {name: db.projects.create(name=name).id for name in "ABC"}
    db.queues.create(queue_id="Q", project_id="A")
    own = db.scans.create(scan_id="own", queue_id="Q", project_id="B")
    bare = db.scans.create(scan_id="bare", queue_id="Q")
    db.scans.create(scan_id="done", queue_id="Q", project_id="C")
    for state in ("running", "completed"):
        db.scans.set_status("done", state)
    sample = db.samples.create(sample_id="S", project_id=numbers["C"])

    def names(thing: object) -> list[str]:
        return [project.name for project in db.projects.of(thing)]

    assert (names(own), names(bare), names(db.queues.get("Q")), names(sample)) == (
        ["B"],
        ["A"],
        ["A", "B"],
        ["C"],
    )
    assert names(db.projects.get("A")) == ["A"]
    assert names("queue:Q") == names(None) == []


def test_somebody_is_added_once_however_many_do_it(db: DatabaseService) -> None:
    db.projects.create(name="P")
    for number in range(8):
        db.users.create(f"ada{number}")
        failed = at_once(*[partial(db.projects.add_member, "P", f"ada{number}")] * 4)
        assert [type(error) for error in failed] == [FieldError] * 3
    assert len(db.projects.members("P")) == 8


def test_somebody_who_is_removed_just_now(db: DatabaseService) -> None:
    db.users.create("ada")
    db.projects.create(name="P")
    db.projects.add_member("P", "ada")
    with meanwhile(partial(db.projects.remove_member, "P", "ada")) as other:
        db.projects.change_member("P", "ada", "lead")
    assert other.error is None
    assert db.projects.members("P") == []


def test_stations_that_start_at_once_name_the_lab(db: DatabaseService) -> None:
    assert at_once(*[partial(db.labs.ensure, "My laboratory")] * 6) == []
    db.labs.ensure("another")
    assert [lab.name for lab in db.labs.list()] == ["My laboratory"]
