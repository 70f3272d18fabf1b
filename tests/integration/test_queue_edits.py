"""Terms, rules and edits of a queue outlive its program, and two who edit at once hear of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.database_integration.sync.websocket_integration import setup_websocket_integration
from pybirch.queue.comeback import MOST_COMEBACKS
from pybirch.queue.lab import Lab
from pybirch.queue.policy import OnFailure, OnInterrupted, QueuePolicy
from pybirch.queue.queue import ExecutionMode, Queue, ScanState
from pybirch.queue.terms import Terms
from pybirch.scan.scan import Scan
from pybirch.station import Station
from tests.conftest import until
from tests.lab import Meter, Stage, line, line_scan, settings

WAIT = 30.0


def named(name: str, meter: Meter | None = None) -> Scan:
    return Scan(settings(line(Stage(f"x of {name}"), meter or Meter(f"meter of {name}"), 3), name))


def names(queue: Queue) -> list[str]:
    return [handle.scan.settings.scan_name for handle in queue.handles]


def test_terms_order_and_rules_are_taken_up_from_the_record(db: DatabaseService) -> None:
    queue = DatabaseQueue(db, "Q", scans=[named("a"), named("b"), named("c")])
    a, b, c = (handle.scan_id for handle in queue.handles)
    queue.set_terms(a, {"priority": 7, "not_before": "2030-01-01T00:00:00Z", "after": [b]})
    queue.group([b, c], "pair", 3)
    queue.move_before(c, a)
    queue.set_policy({"on_failure": "stop", "retries": 2, "on_interrupted": "resume", "mode": "parallel"})
    assert queue._store.drain(60), "on a busy machine something may wait"
    again = DatabaseQueue.from_database(db, "Q")
    assert names(again) == names(queue) == ["c", "a", "b"]
    assert [handle.terms for handle in again.handles] == [handle.terms for handle in queue.handles]
    assert again.policy == QueuePolicy(OnFailure.STOP, 2, 0.0, OnInterrupted.RESUME)
    assert (again.mode, again.revision) == (ExecutionMode.PARALLEL, queue.revision)


def test_retries_and_rounds_are_in_the_record_as_they_are_in_the_queue(db: DatabaseService) -> None:
    def broken(n: int) -> Any:
        raise OSError("no light")

    queue = DatabaseQueue(db, "Q")
    queue.set_policy({"retries": 1})
    queue.enqueue(named("bad", Meter("m", answer=broken)))
    queue.enqueue(named("good"), {"rounds": 3})
    queue.start()
    assert queue.wait_for_completion(WAIT)
    rows = db.get_queue_with_scans("Q").scans
    assert [row.scan_name for row in rows] == names(queue) == ["bad", "bad", "good", "good", "good"]
    assert [Terms.from_json(row.terms) for row in rows] == [handle.terms for handle in queue.handles]
    assert [row.restarted_from for row in rows] == [h.scan.restarted_from for h in queue.handles]


# Coming back


@pytest.fixture
def lives(db: DatabaseService, tmp_path: Path) -> Iterator[Callable[[], Station]]:
    """`lives()`: the next life of the station "bench", of a lab with two scans of ten points."""
    begun: list[Station] = []

    def begin() -> Station:
        stage, meter = Stage(), Meter()
        lab = Lab("Lab", [stage, meter], {"main": lambda: [line_scan(stage, meter, 10) for _ in range(2)]})
        one = Station(lab, db, name="bench", data_dir=tmp_path)
        begun.append(one)
        one.open()
        return one

    yield begin
    for one in begun:
        one.close()


def die(one: Station) -> str:
    """The first scan of the station had just begun when its process was gone."""
    scan_id = one.queues[0].get_handle(0).scan_id
    one.db.scans.set_status(scan_id, "running")
    return scan_id


def test_without_a_rule_nothing_moves_until_somebody_has_said_so(lives: Callable[[], Station]) -> None:
    first = lives()
    scan_id = die(first)
    queue = lives().queues[0]
    assert queue.get_handle_by_id(scan_id).state is ScanState.INTERRUPTED
    assert [str(handle.state) for handle in queue.handles] == ["interrupted", "queued"]
    assert queue.state == "idle"


def test_a_queue_goes_on_by_itself_if_its_policy_says_so(lives: Callable[[], Station]) -> None:
    first = lives()
    first.queues[0].set_policy({"on_interrupted": "resume"})
    scan_id = die(first)
    queue = lives().queues[0]
    assert queue.wait_for_completion(WAIT)
    assert [str(handle.state) for handle in queue.handles] == ["completed", "completed"]
    assert queue.db_service.get_data_point_count(scan_id) == 10
    assert any("by the queue's policy" in line.message for line in queue.get_logs())


def test_a_queue_begins_the_scan_anew_if_its_policy_says_so(lives: Callable[[], Station]) -> None:
    first = lives()
    first.queues[0].set_policy({"on_interrupted": "restart"})
    scan_id = die(first)
    queue = lives().queues[0]
    assert queue.wait_for_completion(WAIT)
    assert [str(handle.state) for handle in queue.handles] == ["interrupted", "completed", "completed"]
    assert queue.get_handle(1).scan.restarted_from == scan_id
    assert lives().queues[0].get_handle_by_id(scan_id).terms.left, "the question is answered"


def test_a_queue_leaves_it_if_its_policy_says_so(lives: Callable[[], Station]) -> None:
    first = lives()
    first.queues[0].set_policy({"on_interrupted": "leave"})
    scan_id = die(first)
    queue = lives().queues[0]
    assert queue.state == "idle"
    assert queue.get_handle_by_id(scan_id).terms.left
    queue.resume(scan_id)
    assert queue.wait_for_completion(WAIT)
    assert not queue.get_handle_by_id(scan_id).terms.left, "somebody has thought better of it"
    assert not Terms.from_json(queue.db_service.scans.get(scan_id).terms).left


def test_what_ends_its_station_each_time_is_not_gone_on_with_for_ever(lives: Callable[[], Station]) -> None:
    first = lives()
    first.queues[0].set_policy({"on_interrupted": "resume"})
    scan_id = die(first)
    first.queues[0].keep_terms(scan_id, Terms(comebacks=MOST_COMEBACKS))
    queue = lives().queues[0]
    assert queue.state == "idle"
    assert queue.get_handle_by_id(scan_id).state is ScanState.INTERRUPTED


def test_a_loop_goes_on_after_a_scan_of_it_was_run_again(lives: Callable[[], Station]) -> None:
    first = lives()
    queue = first.queues[0]
    queue.set_policy({"on_interrupted": "restart"})
    queue.set_terms(queue.handles[0].scan_id, {"rounds": 2})
    scan_id = die(first)
    queue = lives().queues[0]
    assert queue.wait_for_completion(WAIT)
    told = [(str(h.state), h.terms.round, h.scan.restarted_from == scan_id) for h in queue.handles]
    assert told[:3] == [("interrupted", 1, False), ("completed", 1, True), ("completed", 2, True)]
    assert len(told) == 4


def test_a_queue_that_is_taken_up_by_its_name_keeps_its_rules(db: DatabaseService) -> None:
    queue = DatabaseQueue(db, "night")
    queue.set_policy({"retries": 3, "on_failure": "stop"})
    again = DatabaseQueue(db, "night")
    assert (again.policy, again.revision) == (queue.policy, queue.revision)
    again.set_policy({"retries": 4})
    row = db.queues.get("night")
    assert (row.policy["on_failure"], row.policy["retries"], row.revision) == ("stop", 4, 2)


# Through the server


class Web:
    """The API as somebody who may operate."""

    def __init__(self, server: Any) -> None:
        _, secret = server.db.tokens.create("ada", None, scopes=("operate",))
        self._url = server.url
        self._headers = {"Authorization": f"Bearer {secret}"}

    def post(self, path: str, body: Any = None) -> requests.Response:
        return requests.post(f"{self._url}/api/{path}", json=body or {}, headers=self._headers, timeout=WAIT)

    def get(self, path: str) -> Any:
        return requests.get(f"{self._url}/api/{path}", headers=self._headers, timeout=WAIT).json()


@pytest.fixture
def attached(server: Any, tmp_path: Path) -> Iterator[tuple[Web, DatabaseQueue]]:
    """A station's queue of three scans, and the API before it."""
    made = [named("a"), named("b"), named("c")]
    instruments = [one for scan in made for one in scan.instruments]
    lab = Lab("Lab", [*instruments, Stage("other")], {"main": lambda: made})
    one = Station(lab, server.db, name="bench", data_dir=tmp_path, server_url=server.url, token=server.token)
    one.open()
    assert one._link is not None
    assert one._link.wait_connected(WAIT)
    yield Web(server), one.queues[0]
    one.close()


def test_edits_go_to_the_station_and_come_back_as_the_queue(attached: tuple[Web, DatabaseQueue]) -> None:
    web, queue = attached
    a, b, c = (handle.scan_id for handle in queue.handles)
    revision = web.get("queue/main")["revision"]
    answer = web.post("queue/main/move", {"scan_id": c, "before": a, "revision": revision}).json()
    assert [scan["name"] for scan in answer["queue"]["scans"]] == ["c", "a", "b"]
    assert answer["queue"]["revision"] == revision + 1
    terms = {"priority": 4, "not_before": "2030-01-01T10:00:00+02:00", "after": [b]}
    answer = web.post("queue/main/terms", {"scan_id": a, "terms": terms}).json()
    shown = next(scan for scan in answer["queue"]["scans"] if scan["scan_id"] == a)
    assert shown["terms"] == {"priority": 4, "not_before": "2030-01-01T08:00:00Z", "after": [b]}
    web.post("queue/main/group", {"scan_ids": [b, c], "group": "pair", "rounds": 2})
    assert queue.get_handle_by_id(b).terms == Terms(group="pair", rounds=2)
    answer = web.post("queue/main/policy", {"policy": {"on_failure": "stop", "retries": 3}}).json()
    assert answer["queue"]["policy"]["retries"] == 3
    answer = web.post("queue/main/duplicate", {"scan_id": a, "settings": {"scan_name": "a2"}}).json()
    assert [scan["name"] for scan in answer["queue"]["scans"]] == ["c", "a", "b", "a2"]
    answer = web.post("queue/main/remove", {"scan_id": a}).json()
    assert [scan["name"] for scan in answer["queue"]["scans"]] == ["c", "b", "a2"]
    assert names(queue) == ["c", "b", "a2"]
    assert any("c moved before a by ada" in line["message"] for line in web.get("queue/main/logs")["items"])


def test_of_two_who_edit_at_once_the_second_is_told(attached: tuple[Web, DatabaseQueue]) -> None:
    web, queue = attached
    a, b, c = (handle.scan_id for handle in queue.handles)
    revision = web.get("queue/main")["revision"]
    assert web.post("queue/main/move", {"scan_id": c, "before": a, "revision": revision}).ok
    answer = web.post("queue/main/move", {"scan_id": b, "before": a, "revision": revision})
    assert answer.status_code == 409
    assert "edited since you looked: c moved before a by ada" in answer.json()["error"]["message"]
    assert names(queue) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("terms", {"scan_id": "A", "terms": {"priority": "high"}}, 400, "priority"),
        ("terms", {"scan_id": "A", "terms": {"after": ["A"]}}, 400, "after"),
        ("terms", {"terms": {}}, 400, "scan_id"),
        ("policy", {"policy": {"retries": -1}}, 400, "retries"),
        ("policy", {"policy": {"mode": "sideways"}}, 400, "mode"),
        ("move", {"scan_id": "A"}, 400, "before"),
        ("move", {"scan_id": "nobody", "before": None}, 404, None),
        ("group", {"scan_ids": [], "group": "g"}, 400, "scan_ids"),
        ("duplicate", {"scan_id": "A", "settings": {"scan_name": ""}}, 400, "scan_name"),
        (
            "duplicate",
            {"scan_id": "A", "settings": {"scan_tree": [{"type": "dance"}]}},
            400,
            "scan_tree[0].type",
        ),
    ],
)
def test_a_wrong_edit_is_refused_by_its_field(
    attached: tuple[Web, DatabaseQueue], path: str, body: Any, status: int, field: str | None
) -> None:
    web, queue = attached
    first = queue.handles[0].scan_id
    told = {key: first if value == "A" else value for key, value in body.items()}
    if told.get("terms", {}).get("after"):
        told["terms"] = {"after": [first]}
    answer = web.post(f"queue/main/{path}", told)
    assert (answer.status_code, answer.json()["error"].get("field")) == (status, field), answer.text
    assert names(queue) == ["a", "b", "c"]


def test_who_may_only_look_may_not_edit(server: Any, attached: tuple[Web, DatabaseQueue]) -> None:
    _, secret = server.db.tokens.create("guest", None, scopes=("read",))
    edits = {
        "move": {"scan_id": "x", "before": None},
        "remove": {"scan_id": "x"},
        "terms": {"scan_id": "x", "terms": {}},
        "group": {"scan_ids": ["x"], "group": "g"},
        "duplicate": {"scan_id": "x"},
        "policy": {"policy": {}},
    }
    for path, body in edits.items():
        answer = requests.post(
            f"{server.url}/api/queue/main/{path}",
            json=body,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=WAIT,
        )
        assert answer.status_code == 403, path


def test_a_scripts_queue_is_edited_and_recorded_through_the_server(server: Any) -> None:
    queue = Queue("S", [named("a"), named("b")])
    bridge = setup_websocket_integration(queue, server_url=server.url, token=server.token)
    web = Web(server)
    until(lambda: any(row["queue_id"] == "S" for row in web.get("queues")["items"]))
    a, b = (handle.scan_id for handle in queue.handles)
    until(lambda: web.post("queue/S/move", {"scan_id": b, "before": a}).ok)
    web.post("queue/S/terms", {"scan_id": a, "terms": {"rounds": 2}})
    web.post("queue/S/policy", {"policy": {"retries": 1}})
    until(lambda: web.get("queue/S")["policy"]["retries"] == 1)
    shown = web.get("queue/S")
    assert [scan["name"] for scan in shown["scans"]] == ["b", "a"]
    assert shown["scans"][1]["terms"]["rounds"] == 2
    assert shown["revision"] == queue.revision
    bridge.unregister()


def test_an_interrupted_scan_may_be_left(server: Any, tmp_path: Path) -> None:
    made = [named("a")]
    lab = Lab("Lab", made[0].instruments, {"main": lambda: made})
    for life in range(2):
        one = Station(
            lab, server.db, name="bench", data_dir=tmp_path, server_url=server.url, token=server.token
        )
        one.open()
        assert one._link is not None
        assert one._link.wait_connected(WAIT)
        if life == 0:
            scan_id = die(one)
            one._link.close()
    web = Web(server)
    answer = web.post(f"scan/{scan_id}/leave")
    assert answer.ok, answer.text
    assert web.get(f"scan/{scan_id}")["terms"]["left"] is True
    assert web.post(f"scan/{scan_id}/leave").status_code == 200, "said twice is said once"
    one.close()
