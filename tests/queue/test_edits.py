"""Editing a queue: nothing is lost when two do it at once, and it is written down who did what."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pybirch.errors import (
    EditConflictError,
    FieldError,
    IllegalTransitionError,
    NotFoundError,
    PyBirchError,
    ScanSettingsError,
)
from pybirch.queue.journal import QueueExtension
from pybirch.queue.queue import ExecutionMode, Queue, ScanState
from pybirch.queue.terms import Terms
from pybirch.scan.scan import Scan
from tests.lab import PATIENCE, Diary, Meter, Sink, Stage, line, settings


def scan(name: str, **known: Any) -> Scan:
    return Scan(settings(line(Stage(f"x of {name}"), Meter(f"meter of {name}"), 3), name), **known)


def names(queue: Queue) -> list[str]:
    return [handle.scan.settings.scan_name for handle in queue.handles]


def ids(queue: Queue) -> list[str]:
    return [handle.scan_id for handle in queue.handles]


class Book(QueueExtension):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.terms: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.revision = 0

    def terms_changed(self, scan_id: str, terms: dict[str, Any]) -> None:
        self.terms[scan_id] = terms

    def order_changed(self, scan_ids: list[str]) -> None:
        self.order = scan_ids

    def queue_changed(self, queue: Any) -> None:
        self.revision = queue.revision


def test_who_has_not_seen_the_last_edit_is_told_and_nothing_is_done() -> None:
    queue = Queue("q", [scan("a"), scan("b"), scan("c")])
    a, b, c = ids(queue)
    seen = queue.revision
    queue.move_before(c, a, by="ada", revision=seen)
    edits: list[Any] = [
        lambda: queue.move_before(b, a, by="bob", revision=seen),
        lambda: queue.dequeue(b, by="bob", revision=seen),
        lambda: queue.set_terms(b, {"priority": 1}, by="bob", revision=seen),
        lambda: queue.group([a, b], "g", 2, by="bob", revision=seen),
        lambda: queue.set_policy({"retries": 1}, by="bob", revision=seen),
    ]
    for edit in edits:
        with pytest.raises(EditConflictError, match="edited since you looked: c moved before a by ada"):
            edit()
    assert names(queue) == ["c", "a", "b"]
    assert {handle.terms for handle in queue.handles} == {Terms()}
    assert queue.policy.retries == 0
    queue.move_before(b, a, by="bob", revision=queue.revision)
    assert names(queue) == ["c", "b", "a"]


def test_of_many_who_edit_at_once_one_wins_each_time() -> None:
    queue = Queue("q", [scan(str(n)) for n in range(8)])
    seen, wins, losses = queue.revision, [], []
    gate = threading.Barrier(8)

    def move(scan_id: str) -> None:
        gate.wait()
        try:
            queue.move_before(scan_id, None, revision=seen)
            wins.append(scan_id)
        except EditConflictError:
            losses.append(scan_id)

    threads = [threading.Thread(target=move, args=(scan_id,)) for scan_id in ids(queue)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert (len(wins), len(losses)) == (1, 7)
    assert ids(queue)[-1] == wins[0]


def test_an_edit_that_is_refused_counts_for_nothing() -> None:
    queue = Queue("q", [scan("a"), scan("b")])
    a, _ = ids(queue)
    before = queue.revision
    refused: list[tuple[type[PyBirchError], Any]] = [
        (NotFoundError, lambda: queue.move_before("nobody", None)),
        (NotFoundError, lambda: queue.move_before(a, "nobody")),
        (FieldError, lambda: queue.set_terms(a, {"priority": "high"})),
        (FieldError, lambda: queue.set_policy({"retries": -1})),
        (FieldError, lambda: queue.set_policy({"mode": "sideways"})),
        (FieldError, lambda: queue.group([a], " ")),
        (FieldError, lambda: queue.group([a], "g", -1)),
        (NotFoundError, lambda: queue.group([a, "nobody"], "g", 2)),
        (IllegalTransitionError, lambda: queue.leave(a)),
    ]
    for kind, edit in refused:
        with pytest.raises(kind):
            edit()
    assert queue.revision == before
    assert names(queue) == ["a", "b"]
    assert {handle.terms for handle in queue.handles} == {Terms()}


def test_edits_are_kept_and_said_with_who_did_them() -> None:
    book = Book()
    queue = Queue("q", [scan("a"), scan("b")], extensions=[book])
    a, b = ids(queue)
    queue.move_before(b, a, by="ada")
    queue.set_terms(a, {"priority": 2, "not_before": None}, by="ada")
    queue.set_policy({"on_failure": "stop", "mode": "parallel"}, by="bob")
    queue.dequeue(b, by="bob")
    assert book.order == [b, a]
    assert book.terms == {a: {"priority": 2}}
    assert book.revision == queue.revision == 4
    assert queue.mode is ExecutionMode.PARALLEL
    assert [line.message for line in queue.get_logs()][-4:] == [
        "b moved before a by ada",
        "a: priority 2 by ada",
        "rules: on failure stop, mode parallel by bob",
        "b taken out by bob",
    ]


def test_a_scan_that_is_moved_before_itself_stays() -> None:
    queue = Queue("q", [scan("a"), scan("b")])
    queue.move_before(ids(queue)[0], ids(queue)[0])
    assert names(queue) == ["a", "b"]


def test_a_duplicate_is_the_same_scan_anew() -> None:
    own, sink = Diary(), Sink()
    queue = Queue("q", [scan("a", owner="ada", extensions=[own, sink])])
    new = queue.get_handle_by_id(queue.duplicate(ids(queue)[0])).scan
    old = queue.handles[0].scan
    assert new.settings == old.settings
    assert (new.owner, new.restarted_from) == ("ada", None)
    assert new.extensions == [own]
    queue.start()
    assert queue.wait_for_completion(PATIENCE)
    assert [handle.state for handle in queue.handles] == [ScanState.COMPLETED] * 2


def test_a_duplicate_with_edits_has_its_own_tree_on_the_same_instruments() -> None:
    queue = Queue("q", [scan("a")])
    old = queue.handles[0].scan
    tree = old.settings.serialize()["scan_tree"]
    tree[0]["positions"] = [1.0, 2.0]
    new = queue.duplicate(ids(queue)[0], {"scan_name": "finer", "scan_tree": tree})
    made = queue.get_handle_by_id(new).scan
    assert made.points_total == 2
    assert made.settings.scan_name == "finer"
    assert made.instruments == old.instruments
    assert old.points_total == 3


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scan_name": " "}, "scan_name"),
        ({"scan_tree": []}, "scan_tree"),
        ({"colour": "red"}, "colour"),
        ({"project_name": 5}, "project_name"),
    ],
)
def test_a_duplicate_that_could_not_run_is_refused_by_its_field(changes: Any, field: str) -> None:
    queue = Queue("q", [scan("a")])
    with pytest.raises(FieldError) as refused:
        queue.duplicate(ids(queue)[0], changes)
    assert refused.value.field == field
    assert queue.size() == 1


def test_a_duplicate_may_use_other_instruments_by_their_names() -> None:
    queue = Queue("q", [scan("a")])
    tree = queue.handles[0].scan.settings.serialize()["scan_tree"]
    tree[0]["instrument"]["name"] = "other"
    with pytest.raises((NotFoundError, ScanSettingsError)):
        queue.duplicate(ids(queue)[0], {"scan_tree": tree})
    other = Stage("other")
    new = queue.duplicate(ids(queue)[0], {"scan_tree": tree}, instruments={"other": other})
    assert other in queue.get_handle_by_id(new).scan.instruments


def test_callbacks_may_edit_the_queue() -> None:
    queue = Queue("q", [scan("a"), scan("b")])
    a, b = ids(queue)
    done = threading.Event()

    def on_state(scan_id: str, state: ScanState) -> None:
        if scan_id == a and state is ScanState.COMPLETED:
            queue.set_terms(b, {"priority": 3}) if not queue.get_handle_by_id(b).is_finished() else None
            done.set()

    queue.add_state_callback(on_state)
    queue.start(indices=[0])
    assert queue.wait_for_completion(PATIENCE)
    assert done.wait(PATIENCE)
    assert queue.get_handle_by_id(b).terms.priority == 3
