"""Who may run what in the browser, what is archived, and that all of it is noted."""

from __future__ import annotations

import io
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image

from pybirch.errors import IllegalTransitionError
from pybirch.samples import Sample

EDITS: dict[str, dict[str, Any]] = {
    "move": {"scan_id": "S", "before": None},
    "remove": {"scan_id": "S"},
    "terms": {"scan_id": "S", "terms": {"priority": 2}},
    "group": {"scan_ids": ["S"], "group": "night"},
    "duplicate": {"scan_id": "S"},
    "policy": {"policy": {"retries": 1}},
}
ACTS: dict[str, tuple[str, dict[str, Any]]] = {
    "queue start": ("/api/queue/Q/start", {}),
    "scan start": ("/api/queue/Q/start", {"scan_id": "S"}),
    "queue resume": ("/api/queue/Q/resume", {}),
    "resume": ("/api/scan/S/resume", {}),
    "restart": ("/api/scan/S/restart", {}),
    "rewind": ("/api/scan/S/rewind", {"step": 0}),
    "leave": ("/api/scan/S/leave", {}),
    "add": ("/api/queue/Q/add", {"kind": "scan", "template": 1}),
} | {edit: (f"/api/queue/Q/{edit}", body) for edit, body in EDITS.items()}
"""What only members of a project do."""
ENDS = (
    "/api/queue/Q/pause",
    "/api/queue/Q/abort",
    "/api/queue/Q/stop",
    "/api/scan/S/pause",
    "/api/scan/S/abort",
)


class Bench:
    """A station that does what it is told, and remembers it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.refuses: Exception | None = None

    def command(self, _name: str, action: str, **_what: Any) -> dict[str, Any]:
        self.told.append(action)
        if self.refuses is not None:
            raise self.refuses
        return {"ok": True, "command_id": "c"}


@pytest.fixture
def bench(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Queue Q of station bench with the queued scan S, which is for project P with the lead ada."""
    made = Bench()
    monkeypatch.setattr(lab.parts.stations, "command", made.command)
    lab.db.users.create("ada", full_name="Ada Lovelace", role="operator")
    lab.db.projects.create(name="P")
    lab.db.projects.add_member("P", "ada", "lead")
    lab.db.samples.take_up(Sample("W1"))
    lab.queue("Q", station="bench")
    lab.scan("S", rows=0, state="queued", queue_id="Q", project_name="P", sample_id="W1")
    lab.db.templates.scans.create(name="T", settings={"scan_name": "t", "project_name": "P"})
    return made


def act(client: FlaskClient, csrf: Any, path: str, body: dict[str, Any]) -> Any:
    return client.post(path, json=body, headers={"X-CSRFToken": csrf(client, "/")})


def outcomes(client: FlaskClient, csrf: Any) -> dict[str, int]:
    return {what: act(client, csrf, *request).status_code for what, request in ACTS.items()}


def test_who_is_no_member_runs_and_changes_nothing_of_a_project(lab: Any, bench: Bench, csrf: Any) -> None:
    client = lab.browser("operator")
    assert outcomes(client, csrf) == dict.fromkeys(ACTS, 403)
    assert bench.told == []
    assert act(client, csrf, *ACTS["queue start"]).json == {
        "ok": False,
        "error": {
            "message": "operator-person is not a member of project P, so may not run its scans. "
            "Ask Ada Lovelace or an administrator."
        },
    }


@pytest.mark.parametrize("who", ["member", "admin", "nobody is a member"])
def test_who_belongs_there_does(lab: Any, bench: Bench, csrf: Any, who: str) -> None:
    client = lab.browser("admin" if who == "admin" else "operator")
    if who == "member":
        lab.db.projects.add_member("P", "operator-person")
    elif who != "admin":
        lab.db.projects.remove_member("P", "ada")
    assert outcomes(client, csrf) == dict.fromkeys(ACTS, 200)
    assert len(bench.told) == len(ACTS)


def test_the_labs_own_programs_do(lab: Any, bench: Bench) -> None:
    client, headers = lab.app.test_client(), lab.token("operate")
    told = {what: client.post(path, json=body, headers=headers) for what, (path, body) in ACTS.items()}
    assert {what: answer.status_code for what, answer in told.items()} == dict.fromkeys(ACTS, 200)


def test_every_operator_may_end_what_goes_wrong(lab: Any, bench: Bench, csrf: Any) -> None:
    client = lab.browser("operator")
    assert [act(client, csrf, path, {}).status_code for path in ENDS] == [200] * len(ENDS)
    assert len(bench.told) == len(ENDS)


def test_who_only_looks_on_in_a_project_does_not_run_it(lab: Any, bench: Bench, csrf: Any) -> None:
    client = lab.browser("operator")
    lab.db.projects.add_member("P", "operator-person", "viewer")
    answer = act(client, csrf, "/api/queue/Q/start", {})
    assert answer.status_code == 403
    assert "operator-person only looks on in project P" in answer.json["error"]["message"]


def test_a_token_acts_for_the_person_it_belongs_to(lab: Any, bench: Bench) -> None:
    bob = lab.db.users.create("bob")
    _, secret = lab.db.tokens.create("notebook", bob.id, scopes=("operate",))
    headers = {"Authorization": f"Bearer {secret}"}
    client = lab.app.test_client()
    answer = client.post("/api/scan/S/restart", headers=headers)
    assert answer.status_code == 403
    assert "bob, whose token notebook this is, is not a member" in answer.json["error"]["message"]
    lab.db.projects.add_member("P", "bob")
    assert client.post("/api/scan/S/restart", headers=headers).status_code == 200
    assert lab.parts.errands.flush(10)
    [entry] = lab.db.audit.list()
    assert (entry.actor, entry.user_id, entry.token) == ("bob", bob.id, "notebook")


def test_nothing_is_duplicated_into_somebody_elses_project(lab: Any, bench: Bench, csrf: Any) -> None:
    lab.scan("own", rows=0, state="queued", queue_id="Q", project_name="mine")
    client = lab.browser("operator")
    into = {"scan_id": "own", "settings": {"project_name": "P"}}
    assert act(client, csrf, "/api/queue/Q/duplicate", into).status_code == 403
    into["settings"] = {"project_name": "any text"}
    assert act(client, csrf, "/api/queue/Q/duplicate", into).status_code == 200


@pytest.mark.parametrize(
    ("noun", "key", "field"), [("project", "P", "project_name"), ("sample", "W1", "sample_id")]
)
def test_nothing_begins_for_what_is_archived(
    lab: Any, bench: Bench, csrf: Any, noun: str, key: str, field: str
) -> None:
    getattr(lab.db, f"archive_{noun}")(key)
    client = lab.browser("admin")
    error = {"field": field, "message": f"{noun} {key!r} is archived; name another, or have it restored"}
    for what in ("queue start", "scan start", "resume", "restart", "duplicate"):
        answer = act(client, csrf, *ACTS[what])
        assert (answer.status_code, answer.json) == (409, {"ok": False, "error": error}), what
    assert bench.told == []


def test_a_duplicate_is_not_made_for_an_archived_project(lab: Any, bench: Bench, csrf: Any) -> None:
    lab.db.projects.create(name="old")
    lab.db.projects.archive("old")
    client = lab.browser("admin")
    into = {"scan_id": "S", "settings": {"project_name": "old"}}
    answer = act(client, csrf, "/api/queue/Q/duplicate", into)
    assert (answer.status_code, answer.json["error"]["field"], bench.told) == (409, "project_name", [])
    lab.db.projects.archive("P")
    out_of = {"scan_id": "S", "settings": {"project_name": "any text"}}
    assert act(client, csrf, "/api/queue/Q/duplicate", out_of).status_code == 200


def test_a_station_without_a_database_is_told_the_field(lab: Any, bench: Bench) -> None:
    lab.db.samples.archive("W1")
    opened = {"scan_id": "N", "name": "iv", "project": "P", "sample": {"ID": "W1"}}
    frame = {"station": "bench", "epoch": "e1", "seq": 1, "store": True}
    items = [{"kind": "scan_opened", "payload": opened}]
    answer = lab.app.test_client().post(
        "/api/ingest", json=frame | {"items": items}, headers=lab.token("station")
    )
    assert (answer.status_code, answer.json["error"]["field"]) == (409, "sample_id")
    assert lab.db.scans.find("N") is None


# The audit trail

SIGN_IN_AND_OUT = {"/login": "sign_in", "/logout": "sign_out"}
OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "/api/stop": ({"why": "smoke"}, "stop_everything"),
    "/api/link": ({}, "create_link"),
    "/api/station/bench/gone": ({}, "give_up"),
    "/api/station/bench/give": ({"token": "1"}, "give_station"),
    "/api/queue/Q/give": ({"token": "1"}, "give_queue"),
    "/api/templates/scans": ({"name": "U", "source": "S"}, "save_template"),
    "/api/templates/scans/1/change": ({"description": "of old"}, "change_template"),
    "/api/templates/scans/1/archive": ({"archived": True}, "archive_template"),
    "/api/scan/S/exports": ({"format": "csv"}, "export"),
    "/api/project/P/exports": ({}, "export"),
    "/api/project/1/eln": ({}, "export"),
    "/api/projects": ({"name": "N"}, "create_project"),
    "/api/project/1": ({"status": "completed"}, "change_project"),
    "/api/project/1/members": ({"username": "bob"}, "add_member"),
    "/api/project/1/member/2": ({"role": "viewer"}, "change_member"),
    "/api/project/1/member/2/remove": ({}, "remove_member"),
    "/api/project/1/archive": ({}, "archive_project"),
    "/api/project/1/restore": ({}, "restore_project"),
    "/api/scan/done/archive": ({}, "archive_scan"),
    "/api/scan/done/restore": ({}, "restore_scan"),
    "/api/samples": ({"ID": "W2"}, "create_sample"),
    "/api/sample/1": ({"material": "GaAs"}, "change_sample"),
    "/api/sample/1/pictures": ({"image": "a picture"}, "add_picture"),
    "/api/sample/1/picture/1/cover": ({}, "make_cover"),
    "/api/sample/1/picture/1/remove": ({}, "remove_picture"),
    "/api/sample/1/archive": ({}, "archive_sample"),
    "/api/sample/1/restore": ({}, "restore_sample"),
    "/api/equipment": ({"name": "pump", "kind": "movement"}, "create_equipment"),
    "/api/equipment/1": ({"location": "shelf"}, "change_equipment"),
    "/api/equipment/1/calibrations": ({}, "calibrate"),
    "/api/equipment/1/calibration/1/archive": ({}, "archive_calibration"),
    "/api/equipment/1/maintenance": ({"what": "oil"}, "maintain"),
    "/api/equipment/1/maintenance/1/archive": ({}, "archive_maintenance"),
    "/api/equipment/1/archive": ({}, "archive_equipment"),
    "/api/equipment/1/restore": ({}, "restore_equipment"),
    "/api/station/exited": ({"station": "bench", "epoch": "e1"}, "report_exit"),
}
NOT_NOTED = {
    "/api/ingest": "what was measured; the record itself",
    "/api/exports/1/cancel": "nothing that lasts",
}


def test_every_address_that_acts_is_in_these_tests(lab: Any) -> None:
    map_ = lab.app.url_map.bind("localhost")
    tested = {*SIGN_IN_AND_OUT, *OTHERS, *NOT_NOTED, *ENDS, *(path for path, _ in ACTS.values())}
    reached = {str(map_.match(path, method="POST", return_rule=True)[0]) for path in tested}
    acting = {str(rule) for rule in lab.app.url_map.iter_rules() if (rule.methods or set()) - READING}
    assert acting == reached


READING = {"GET", "HEAD", "OPTIONS"}


def picture() -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    file.seek(0)
    return file


def test_whatever_is_done_is_noted_with_who_and_where(lab: Any, bench: Bench) -> None:
    lab.db.stations.attach("bench", epoch="e1")
    lab.db.users.create("bob")
    lab.scan("done", rows=0, state="completed")
    requests = [
        *ACTS.values(),
        *((path, {}) for path in ENDS),
        *((p, body) for p, (body, _) in OTHERS.items()),
    ]
    client, headers = lab.app.test_client(), lab.token("admin")
    for path, body in requests:
        what = {"data": {"image": (picture(), "a.png")}} if "image" in body else {"json": body}
        client.post(path, **what, headers=headers, environ_base={"REMOTE_ADDR": "10.1.2.3"})
    assert lab.parts.errands.flush(10)
    expected = [OTHERS[path][1] if path in OTHERS else path.rpartition("/")[2] for path, _ in requests]
    lines = lab.db.audit.list()
    assert [entry.action for entry in lines] == expected
    assert {(entry.actor, entry.address, entry.token) for entry in lines} == {("test", "10.1.2.3", "test")}


def test_signing_in_and_out_is_noted(lab: Any, csrf: Any) -> None:
    client = lab.browser("viewer")
    client.post("/logout", headers={"X-CSRFToken": csrf(client, "/")})
    assert lab.parts.errands.flush(10)
    noted = [(entry.actor, entry.action, entry.address, entry.token) for entry in lab.db.audit.list()]
    assert noted == [("viewer-person", action, "127.0.0.1", "") for action in SIGN_IN_AND_OUT.values()]


def test_what_was_refused_is_noted_too(lab: Any, bench: Bench) -> None:
    bench.refuses = IllegalTransitionError("queue Q is paused")
    client, headers = lab.app.test_client(), lab.token("operate")
    for path, body in (
        ("/api/queue/Q/start", {}),
        ("/api/scan/S/abort", {}),
        ("/api/queue/Q/move", EDITS["move"]),
    ):
        assert client.post(path, json=body, headers=headers).status_code == 409
    assert lab.parts.errands.flush(10)
    assert [(e.action, e.detail["refused"]) for e in lab.db.audit.list()] == [
        (action, "queue Q is paused") for action in ("start", "abort", "move")
    ]


def test_the_trail_is_paged_and_filtered_for_administrators(lab: Any) -> None:
    for number in range(5):
        lab.db.audit.add("ada" if number % 2 else "bob", "start", f"queue:Q{number}", address="10.0.0.1")
    client, headers = lab.app.test_client(), lab.token("admin")

    def get(query: str) -> Any:
        return client.get(f"/api/audit?{query}", headers=headers).json

    page = get("limit=2&offset=1")
    assert ([item["thing"] for item in page["items"]], page["total"]) == (["queue:Q3", "queue:Q2"], 5)
    assert (page["items"][0]["actor"], page["items"][0]["address"]) == ("ada", "10.0.0.1")
    assert page["items"][0]["timestamp"].endswith("Z")
    assert get("actor=ada&action=start")["total"] == 2
    assert get("thing=queue:Q4")["total"] == get("search=q4")["total"] == 1
    assert get("since=2100-01-01")["total"] == 0
    wrong = client.get("/api/audit?since=yesterday", headers=headers)
    assert (wrong.status_code, wrong.json["error"]["field"]) == (400, "since")
    assert client.get("/api/audit", headers=lab.token("operate")).status_code == 403
