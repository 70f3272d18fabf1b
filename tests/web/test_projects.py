"""Projects over HTTP: made, changed, who is in them and who may change that, what belongs to them."""

from __future__ import annotations

from typing import Any

import pytest


class Client:
    """The API with the token of a person, or one that belongs to nobody; `refused` gives an error."""

    def __init__(self, lab: Any, person: Any = None, scope: str = "operate") -> None:
        self.client = lab.app.test_client()
        _, secret = lab.db.tokens.create("t", person.id if person else None, scopes=(scope,))
        self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str) -> Any:
        answer = self.client.get(f"/api{path}", headers=self.headers)
        assert answer.status_code == 200, answer.json
        return answer.json

    def post(self, path: str, **body: Any) -> Any:
        answer = self.client.post(f"/api{path}", json=body, headers=self.headers)
        assert answer.status_code == 200, answer.json
        return answer.json

    def refused(self, path: str, **body: Any) -> tuple[int, str | None]:
        answer = self.client.post(f"/api{path}", json=body, headers=self.headers)
        return answer.status_code, answer.json["error"].get("field")


@pytest.fixture
def ada(lab: Any) -> Client:
    return Client(lab, lab.db.users.create("ada", None, "operator", full_name="Ada Lovelace"))


@pytest.fixture
def bob(lab: Any) -> Client:
    return Client(lab, lab.db.users.create("bob", None, "operator"))


def test_a_project_is_made_found_changed_and_archived(lab: Any, ada: Client) -> None:
    made = ada.post("/projects", name="Graphene", description="Contacts on flakes", status="planned")
    at = f"/project/{made['id']}"
    assert (made["status"], made["members"], made["may_lead"]) == ("planned", [], True)
    assert ada.post(at, status="active")["description"] == "Contacts on flakes"
    ada.post("/projects", name="other")
    assert [one["name"] for one in ada.get("/projects?search=FLAKES&status=active")["items"]] == ["Graphene"]
    assert [one["name"] for one in ada.get("/projects?sort=-name")["items"]] == ["other", "Graphene"]
    assert ada.post(f"{at}/archive")["archived_at"]
    assert ada.get("/projects")["total"] == 1
    assert ada.get("/projects?archived=true")["total"] == 2
    assert ada.post(f"{at}/restore")["archived_at"] is None
    ada.post(at, name="Graphene 2")
    assert lab.parts.errands.flush(5)
    assert [(one.action, one.thing, one.detail) for one in lab.db.audit.list(search="Graphene")] == [
        ("create_project", "project:Graphene", {}),
        ("change_project", "project:Graphene", {"fields": ["status"]}),
        ("archive_project", "project:Graphene", {}),
        ("restore_project", "project:Graphene", {}),
        ("change_project", "project:Graphene 2", {"fields": ["name"], "was": "Graphene"}),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": "taken"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "new", "status": "lost"}, "status"),
        ({"name": "new", "owner": "me"}, "owner"),
    ],
)
def test_wrong_projects_are_refused_by_field(lab: Any, ada: Client, body: Any, field: str) -> None:
    ada.post("/projects", name="taken")
    assert ada.refused("/projects", **body) == (400, field)
    assert lab.db.projects.count() == 1


def test_who_makes_a_project_may_lead_it(lab: Any, ada: Client, bob: Client) -> None:
    made = ada.post("/projects", name="mine", lead=True)
    assert [(one["username"], one["role"]) for one in made["members"]] == [("ada", "lead")]
    assert (made["leads"], made["people"]) == (["Ada Lovelace"], 1)
    assert bob.get(f"/project/{made['id']}")["may_lead"] is False
    assert Client(lab).refused("/projects", name="theirs", lead=True) == (400, "lead")
    assert lab.db.projects.find("theirs") is None


def test_members_come_change_and_go(lab: Any, ada: Client, bob: Client) -> None:
    at = f"/project/{ada.post('/projects', name='P', lead=True)['id']}"
    added = ada.post(f"{at}/members", username="bob")["members"][1]
    assert (added["username"], added["role"]) == ("bob", "member")
    member = f"{at}/member/{added['user_id']}"
    assert bob.refused(at, status="completed") == (403, None)
    assert bob.refused(f"{at}/members", username="ada") == (403, None)
    assert ada.post(member, role="lead")["leads"] == ["Ada Lovelace", "bob"]
    assert bob.post(f"{at}/member/{lab.db.users.get('ada').id}/remove")["leads"] == ["bob"]
    assert ada.refused(f"{at}/archive") == (403, None)
    assert bob.post(f"{member}/remove")["people"] == 0
    assert ada.get(at)["may_lead"]
    assert lab.parts.errands.flush(5)
    acts = lab.db.audit.list(thing="project:P")[1:]
    assert [(one.actor, one.action, one.detail) for one in acts] == [
        ("ada", "add_member", {"user": "bob", "role": "member"}),
        ("ada", "change_member", {"user": "bob", "role": "lead"}),
        ("bob", "remove_member", {"user": "ada"}),
        ("bob", "remove_member", {"user": "bob"}),
    ]


def test_wrong_members_are_refused_by_field(lab: Any, ada: Client, bob: Client) -> None:
    at = f"/project/{ada.post('/projects', name='P', lead=True)['id']}"
    lab.db.users.create("gone")
    lab.db.users.archive("gone")
    for username in ("nobody", "gone", "ada"):
        assert ada.refused(f"{at}/members", username=username) == (400, "username")
    assert ada.refused(f"{at}/members", username="bob", role="king") == (400, "role")
    assert ada.refused(f"{at}/member/{lab.db.users.get('bob').id}", role="lead") == (404, None)
    assert ada.refused("/project/99/members", username="bob") == (404, None)
    assert [one["username"] for one in ada.get("/people")] == ["ada", "bob"]


@pytest.mark.parametrize("act", ["s", "/1", "/1/archive", "/1/restore", "/1/members", "/1/member/1"])
def test_who_may_only_look_changes_nothing(lab: Any, act: str) -> None:
    lab.db.projects.create(name="P")
    body = {"s": {"name": "Q"}, "/1/members": {"username": "x"}, "/1/member/1": {"role": "lead"}}
    reader = Client(lab, scope="read")
    assert reader.refused(f"/project{act}", **body.get(act, {})) == (403, None)
    assert reader.get("/project/1")["may_lead"] is False
    assert reader.client.get("/api/people", headers=reader.headers).status_code == 403


def test_a_projects_scans_are_those_linked_and_those_that_name_it(lab: Any, ada: Client) -> None:
    lab.scan("early", rows=0, project_name="P")
    lab.scan("other", rows=0, project_name="Q")
    number = ada.post("/projects", name="P")["id"]
    lab.scan("linked", rows=0, project_name="P")
    lab.scan("hidden", rows=0, state="completed", project_name="P")
    lab.db.scans.archive("hidden")
    lab.db.samples.create(sample_id="W", project_id=number)
    told = ada.get(f"/project/{number}")
    assert (told["scans"], told["samples"]) == (2, 1)
    assert told["first_scan_at"] < told["latest_scan_at"]

    def found(query: str) -> list[str]:
        return [one["scan_id"] for one in ada.get(f"/scans?project_id={number}{query}")["items"]]

    assert found("") == ["linked", "early"]
    assert found("&limit=1&offset=1") == ["early"]
    assert found("&archived=true") == ["hidden", "linked", "early"]
    ada.post(f"/project/{number}", name="P2")
    assert found("") == ["linked"]
    [linked] = ada.get(f"/scan/{'linked'}")["projects"]
    assert (linked["id"], linked["name"]) == (number, "P2")
    assert ada.get(f"/samples?project_id={number}")["items"][0]["ID"] == "W"


def test_a_sample_is_put_into_a_project_by_who_works_there(lab: Any, ada: Client, bob: Client) -> None:
    theirs = ada.post("/projects", name="theirs", lead=True)["id"]
    lab.db.projects.create(name="old")
    lab.db.projects.archive("old")
    number = bob.post("/samples", ID="W")["id"]
    assert bob.refused(f"/sample/{number}", project="none") == (400, "project")
    assert bob.refused(f"/sample/{number}", project="old") == (409, "project")
    assert bob.refused(f"/sample/{number}", project="theirs") == (403, None)
    assert ada.post(f"/sample/{number}", project="theirs")["project"]["id"] == theirs
    assert bob.refused(f"/sample/{number}", material="Si") == (403, None)
    ada.post(f"/project/{theirs}/archive")
    assert ada.post(f"/sample/{number}", project="theirs", material="Si")["material"] == "Si"
    assert ada.post(f"/sample/{number}", project=None)["project"] is None


def test_a_scan_that_has_ended_is_archived_and_brought_back(lab: Any, ada: Client) -> None:
    lab.queue("Q")
    for state in ("queued", "running", "completed", "interrupted"):
        lab.scan(state, rows=0, state=state, queue_id="Q")
    for state in ("queued", "running", "interrupted"):
        assert ada.refused(f"/scan/{state}/archive") == (409, None)
    assert ada.post("/scan/completed/archive")["archived_at"]
    listed = ada.get("/scans")["items"]
    assert "completed" not in [one["scan_id"] for one in listed]
    assert ada.get("/scan/completed")["archived_at"]
    assert ada.get("/scans?archived=true")["total"] == 4
    assert ada.post("/scan/completed/restore")["archived_at"] is None
    lab.db.scans.update("interrupted", terms={"left": True})
    assert ada.post("/scan/interrupted/archive")["archived_at"]
    lab.db.scans.archive("queued")  # as a queue does with what is taken out of it
    assert ada.refused("/scan/queued/restore") == (409, None)
