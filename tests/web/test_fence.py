"""A queue and its scans are the token's that opened it; another station changes and shows nothing of them."""

from __future__ import annotations

from typing import Any

import pytest

from pybirch.database_integration import DatabaseQueue
from pybirch.events import QueueLog, QueueStatus, ScanStatus
from pybirch.states import QueueState, ScanState
from pybirch.wire import to_wire

SETTINGS = {"project_name": "P", "scan_name": "first", "scan_type": "iv", "job_type": "", "scan_tree": [],
            "extensions": [], "additional_tags": [], "user_fields": {}}  # fmt: skip


def fact(kind: str, **payload: Any) -> dict[str, Any]:
    return {"kind": kind, "payload": payload}


def event(made: Any) -> dict[str, Any]:
    return {"kind": made.kind, "payload": to_wire(made)}


def opened(scan_id: str = "S", queue_id: str | None = "Q") -> dict[str, Any]:
    return fact("scan_opened", scan_id=scan_id, settings=SETTINGS, queue_id=queue_id)


class Speaker:
    """A program with a token of its own, which sends frames."""

    def __init__(self, lab: Any, station: str, *scopes: str) -> None:
        self.row, secret = lab.db.tokens.create(f"token of {station}", None, scopes=scopes or ("station",))
        self.headers = {"Authorization": f"Bearer {secret}"}
        self._client, self._station, self._seq = lab.app.test_client(), station, 0

    def send(self, *items: dict[str, Any], epoch: str = "e1", store: bool = True, station: str = "") -> Any:
        self._seq += 1
        frame = {"station": station or self._station, "epoch": epoch, "seq": self._seq, "store": store}
        return self._client.post("/api/ingest", json=frame | {"items": list(items)}, headers=self.headers)


@pytest.fixture
def owner(lab: Any) -> Speaker:
    """Has the queue Q with the scans S, which runs, and T."""
    made = Speaker(lab, "bench")
    running = event(ScanStatus(scan_id="S", status=ScanState.RUNNING))
    assert made.send(fact("queue_opened", queue_id="Q"), opened(), opened("T"), running).status_code == 200
    return made


@pytest.fixture
def other(lab: Any) -> Speaker:
    """Another station, which has the queue R with the scan U."""
    made = Speaker(lab, "desk")
    assert made.send(fact("queue_opened", queue_id="R"), opened("U", "R")).status_code == 200
    return made


def state(lab: Any) -> Any:
    row = lab.db.get_queue_with_scans("Q")
    scans = [(s.scan_id, s.status, s.writer, s.terms, s.archived_at, s.queue_order) for s in row.scans]
    return row.station, row.status, row.mode, row.policy, row.revision, scans, [e.message for e in row.logs]


REACHES: dict[str, tuple[str, dict[str, Any]]] = {
    "take over": ("queue_id", fact("queue_opened", queue_id="Q", name="mine", order=["T", "S"])),
    "empty": ("scan_id", fact("queue_opened", queue_id="R", order=["S", "T"])),
    "empty by number": ("scan_id", fact("queue_opened", queue_id="R", order=[1, 2])),
    "empty by describing": ("scan_id", fact("queue_opened", queue_id="R", scans=[{"scan_id": "T"}])),
    "reorder": ("queue_id", fact("queue_ordered", queue_id="Q", scan_ids=["T", "S"])),
    "rules": ("queue_id", fact("queue_rules", queue_id="Q", mode="parallel", policy={}, revision=9)),
    "status": ("queue_id", event(QueueStatus(queue_id="Q", status=QueueState.PAUSED))),
    "log": ("queue_id", event(QueueLog(queue_id="Q", level="ERROR", message="all is lost"))),
    "add": ("queue_id", opened("N", "Q")),
    "drop": ("scan_id", fact("scan_dropped", scan_id="T", queue_id="R")),
    "terms": ("scan_id", fact("scan_terms", scan_id="T", terms={"priority": 5})),
    "claim": ("scan_id", fact("scan_claimed", scan_id="T")),
    "open": ("scan_id", opened("T", "R")),
    "open alone": ("scan_id", opened("T", None)),
}  # fmt: skip


def test_another_stations_token_is_refused_by_field_and_noted(
    lab: Any, owner: Speaker, other: Speaker
) -> None:
    before = state(lab)
    for what, (field, item) in REACHES.items():
        for _ in range(2):
            refused = other.send(item)
            assert (refused.status_code, refused.json["error"]["field"]) == (403, field), what
            assert "is that of token token of bench" in refused.json["error"]["message"], what
        assert state(lab) == before, what
    assert lab.db.scans.find("N") is None
    assert lab.parts.errands.flush(10)
    noted = lab.db.audit.list(action="reach_for_anothers")
    assert {(e.actor, e.thing, e.detail["field"]) for e in noted} == {
        ("token of desk", "station:desk", field) for field in ("queue_id", "scan_id")
    }
    words = [e.detail["refused"] for e in noted]
    assert len(words) == len(set(words)), "what is said again is noted once"
    for kind in ("queue_status", "queue_log"):
        number = {"queue_id": lab.db.queues.get("Q").id, "status": "paused", "level": "INFO", "message": "m"}
        assert other.send({"kind": kind, "payload": number}).status_code == 400, "a number is no name"
        assert state(lab) == before


def test_nor_does_it_show_anything_of_them(lab: Any, owner: Speaker, other: Speaker) -> None:
    viewer = lab.socket(lab.browser("viewer"))
    viewer.get_received()
    told = (
        QueueStatus(queue_id="Q", status=QueueState.PAUSED),
        QueueLog(queue_id="Q", level="ERROR", message="all is lost"),
        ScanStatus(scan_id="S", status=ScanState.COMPLETED),
    )
    assert [other.send(event(one), store=False).status_code for one in told] == [403] * 3
    assert not {"queue_status", "scan_status"} & {message["name"] for message in viewer.get_received()}
    assert [owner.send(event(one), store=False).status_code for one in told] == [200] * 3
    assert {"queue_status", "scan_status"} <= {message["name"] for message in viewer.get_received()}


def test_a_dropped_scan_is_still_its_stations(lab: Any, owner: Speaker, other: Speaker) -> None:
    assert owner.send(fact("scan_dropped", scan_id="T", queue_id="Q")).status_code == 200
    for item in (opened("T", "R"), fact("queue_opened", queue_id="R", order=["T"])):
        refused = other.send(item)
        assert (refused.status_code, refused.json["error"]["field"]) == (403, "scan_id")
    assert owner.send(opened("T", "Q2")).status_code == 200


def test_the_next_life_and_another_name_of_the_same_token_go_on(lab: Any, owner: Speaker) -> None:
    again = (fact("queue_opened", queue_id="Q", order=["T", "S"]), opened("T"))
    assert owner.send(*again, epoch="e2").status_code == 200
    assert lab.db.get_queue_with_scans("Q").station == "bench"
    assert owner.send(*again, epoch="f1", station="bench 2").status_code == 200
    row = lab.db.get_queue_with_scans("Q")
    assert (row.station, [scan.scan_id for scan in row.scans]) == ("bench 2", ["T", "S"])


def test_what_may_do_everything_may_that_too_and_takes_nothing_away(lab: Any, owner: Speaker) -> None:
    machine = Speaker(lab, "pc", "station", "admin")
    assert machine.send(fact("queue_opened", queue_id="Q")).status_code == 200
    assert owner.send(fact("queue_opened", queue_id="Q")).status_code == 200
    assert machine.send(fact("queue_opened", queue_id="own")).status_code == 200
    assert owner.send(fact("queue_opened", queue_id="own")).status_code == 403


def test_a_queue_is_given_on_purpose(lab: Any, owner: Speaker, other: Speaker) -> None:
    admin = lab.token("admin")
    give, client = "/api/queue/Q/give", lab.app.test_client()
    body = {"token": "token of desk"}
    assert client.post(give, json=body, headers=other.headers).status_code == 403
    assert client.post(give, json={"token": "nobody's"}, headers=admin).status_code == 404
    assert client.post("/api/queue/X/give", json=body, headers=admin).status_code == 404
    reader = lab.db.tokens.create("reader", None, scopes=("read",))[0]
    wrong = client.post(give, json={"token": str(reader.id)}, headers=admin)
    assert (wrong.status_code, wrong.json["error"]["field"]) == (400, "token")
    assert client.post(give, json=body, headers=admin).status_code == 200
    assert other.send(fact("queue_opened", queue_id="Q", order=["T", "S"])).status_code == 200
    assert owner.send(fact("queue_opened", queue_id="Q")).status_code == 403
    status = event(ScanStatus(scan_id="S", status=ScanState.COMPLETED))
    assert owner.send(status).status_code == 200, "what it measures is its own to the end"
    assert lab.parts.errands.flush(10)
    [noted] = [e for e in lab.db.audit.list(action="give_queue") if "refused" not in e.detail]
    assert (noted.thing, noted.detail) == ("queue:Q", {"to": "token of desk"})


def test_a_station_installed_anew_has_its_name_given(lab: Any, owner: Speaker) -> None:
    anew = Speaker(lab, "bench")
    assert anew.send(fact("queue_opened", queue_id="Q"), epoch="e2").status_code == 403
    client, admin = lab.app.test_client(), lab.token("admin")
    for thing in ("station/bench", "queue/Q"):
        body = {"token": str(anew.row.id)}
        assert client.post(f"/api/{thing}/give", json=body, headers=admin).status_code == 200
    assert anew.send(fact("queue_opened", queue_id="Q"), epoch="e2").status_code == 200
    assert owner.send().status_code == 403


def test_a_revoked_tokens_queues_are_free(lab: Any, owner: Speaker, other: Speaker) -> None:
    lab.db.tokens.revoke(owner.row.id)
    assert other.send(fact("queue_opened", queue_id="Q"), opened("T")).status_code == 200
    assert lab.db.queue_keepers.of(other.row.id) == ["Q", "R"]


def test_a_queue_beside_the_database_is_no_tokens(lab: Any, other: Speaker) -> None:
    DatabaseQueue(lab.db, "here")
    refused = other.send(fact("queue_opened", queue_id="here"))
    assert (refused.status_code, refused.json["error"]["field"]) == (403, "queue_id")
    assert "programs beside the database" in refused.json["error"]["message"]
    assert DatabaseQueue(lab.db, "R").QID == "R", "who has the database at hand takes up any"
    assert other.send(fact("queue_opened", queue_id="R")).status_code == 200


def test_a_queue_of_before_is_the_first_tokens_that_opens_it(
    lab: Any, owner: Speaker, other: Speaker
) -> None:
    lab.queue("old", station="somebody")
    assert other.send(fact("queue_opened", queue_id="old")).status_code == 200
    assert owner.send(fact("queue_opened", queue_id="old")).status_code == 403


def test_a_station_with_the_database_at_hand_shows_what_it_runs(lab: Any) -> None:
    lab.db.queues.attach("here", "bench")
    DatabaseQueue(lab.db, "here")
    told = event(QueueStatus(queue_id="here", status=QueueState.IDLE))
    assert Speaker(lab, "bench").send(told, store=False).status_code == 200
    assert Speaker(lab, "pc", "station", "admin").send(told, store=False).status_code == 200
    assert Speaker(lab, "desk").send(told, store=False).status_code == 403
