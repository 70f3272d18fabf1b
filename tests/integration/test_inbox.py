"""Commands at the station's door: in order, once, in time, and for this life only."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pybirch.database_integration.sync.clock import ServerClock
from pybirch.database_integration.sync.commands import Commands
from pybirch.database_integration.sync.inbox import Inbox
from pybirch.errors import IllegalTransitionError
from pybirch.queue.queue import Queue, ScanState
from tests.conftest import until
from tests.lab import Doorway, Meter, Stage, line_scan


class Desk:
    """Performs commands; the first of them waits at the door."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.done: list[int] = []
        self.door = Doorway()

    def perform(self, command: Mapping[str, Any]) -> dict[str, Any]:
        self.begun.append(command["seq"])
        if command.get("action") == "wait":
            self.door.pass_through()
        if command.get("action") == "refuse":
            raise IllegalTransitionError("not now")
        self.done.append(command["seq"])
        return {"done": len(self.done)}


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def inbox(desk: Desk) -> Iterator[Inbox]:
    made = Inbox(desk.perform, "e1")
    yield made
    desk.door.open()
    made.close()


def command(seq: int, action: str = "do", **more: Any) -> dict[str, Any]:
    return {"command_id": f"c{seq}", "seq": seq, "action": action, "epoch": "e1", **more}


class Senders:
    """Each command from a thread of its own, as the client hands them over."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._threads: list[threading.Thread] = []
        self.answers: dict[int, dict[str, Any]] = {}

    def send(self, given: dict[str, Any]) -> None:
        def take() -> None:
            self.answers[given["seq"]] = self._inbox.take(given)

        thread = threading.Thread(target=take)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


def test_commands_are_done_in_the_order_of_their_numbers(inbox: Inbox, desk: Desk) -> None:
    senders = Senders(inbox)
    senders.send(command(10, "wait"))
    desk.door.wait_until_entered()
    for seq in (14, 12, 11, 13):
        senders.send(command(seq))
    until(lambda: len(inbox._heap) == 4)
    desk.door.open()
    senders.join()
    assert desk.done == [10, 11, 12, 13, 14]
    assert all(answer["ok"] for answer in senders.answers.values())


def test_a_missing_number_is_waited_for_but_not_for_long(inbox: Inbox, desk: Desk) -> None:
    inbox.take(command(1))
    assert inbox.take(command(3))["ok"]
    assert desk.done == [1, 3]


def test_the_same_command_is_done_once_and_answered_twice(inbox: Inbox, desk: Desk) -> None:
    first, second = inbox.take(command(1)), inbox.take(command(1))
    assert first == second == {"ok": True, "done": 1}
    assert desk.done == [1]


def test_a_command_past_its_deadline_is_dropped(inbox: Inbox, desk: Desk) -> None:
    senders = Senders(inbox)
    senders.send(command(1, "wait"))
    desk.door.wait_until_entered()
    late = inbox.take(command(2, timeout=0.05))
    assert not late["ok"]
    desk.door.open()
    senders.join()
    assert inbox.take(command(3))["ok"]
    assert desk.done == [1, 3]


def test_stop_everything_waits_for_nobody_and_what_was_asked_before_is_not_done(
    inbox: Inbox, desk: Desk
) -> None:
    senders = Senders(inbox)
    senders.send(command(1, "wait"))
    desk.door.wait_until_entered()
    senders.send(command(2, "start"))
    until(lambda: len(inbox._heap) == 1)
    senders.send(command(3, "stop_everything"))
    until(lambda: 3 in desk.done)
    until(lambda: 2 in senders.answers)
    assert "overtaken by stop_everything" in senders.answers[2]["error"]
    assert desk.begun == [1, 3], "done while another is under way"
    desk.door.open()
    senders.join()
    assert desk.begun == [1, 3, 3], "and once more after it, for it may have begun something"
    assert senders.answers[3]["ok"]


@pytest.mark.parametrize("end", ["abort", "stop_everything"])
def test_an_end_is_done_however_late_and_whatever_number_is_missing(
    inbox: Inbox, desk: Desk, end: str
) -> None:
    assert inbox.take(command(1))["ok"]
    assert inbox.take(command(9, end, deadline=0.0, queue_id="Q"))["ok"]
    assert desk.done == [1, 9]


def test_what_was_asked_before_an_end_is_refused_when_it_arrives_after_it(inbox: Inbox, desk: Desk) -> None:
    assert inbox.take(command(5, "abort", queue_id="Q"))["ok"]
    late = inbox.take(command(4, "start", queue_id="Q"))
    assert not late["ok"]
    assert "abort" in late["error"]
    assert inbox.take(command(3, "start", queue_id="other"))["ok"], "another queue is not meant"
    assert desk.done == [5, 3]


def test_an_abort_of_one_scan_leaves_the_others_wishes(inbox: Inbox, desk: Desk) -> None:
    assert inbox.take(command(5, "abort", queue_id="Q", scan_id="a"))["ok"]
    assert not inbox.take(command(2, "resume", queue_id="Q", scan_id="a"))["ok"]
    assert inbox.take(command(3, "resume", queue_id="Q", scan_id="b"))["ok"]


def test_a_number_below_one_that_was_done_is_too_late(inbox: Inbox, desk: Desk) -> None:
    assert inbox.take(command(7))["ok"]
    late = inbox.take(command(6))
    assert not late["ok"]
    assert "later command" in late["error"]
    inbox.reset()
    assert inbox.take(command(2))["ok"], "a new connection, a new count"
    assert desk.done == [7, 2]


def test_a_deadline_is_meant_by_the_servers_clock(desk: Desk) -> None:
    clock = ServerClock()
    inbox = Inbox(desk.perform, "e1", clock)
    now = time.time()
    assert inbox.take(command(1, deadline=now - 10))["ok"], "nobody knows the server's clock yet"
    clock.learn(now, now + 3600.0)
    stale = inbox.take(command(2, "start", deadline=now + 3590.0))
    assert not stale["ok"]
    assert "too late" in stale["error"]
    assert inbox.take(command(3, deadline=now + 3610.0))["ok"]
    assert desk.done == [1, 3]
    inbox.close()


def test_a_command_for_another_life_is_refused(inbox: Inbox, desk: Desk) -> None:
    answer = inbox.take(command(1, epoch="e0"))
    assert not answer["ok"]
    assert "restarted" in answer["error"]
    assert desk.done == []


def test_a_refusal_says_why(inbox: Inbox) -> None:
    assert inbox.take(command(1, "refuse")) == {
        "ok": False,
        "error": "not now",
        "refused": "IllegalTransitionError",
    }
    assert inbox.take(command(2) | {"command_id": ""})["ok"] is False


def test_commands_answer_with_the_state_that_came_of_them() -> None:
    door = Doorway()
    queue = Queue("Q", [line_scan(Stage(), Meter(doors={1: door}), 5)])
    scan_id = queue.get_handle(0).scan_id
    commands = Commands()
    commands.add(queue)
    assert commands.perform({"action": "start", "queue_id": "Q"})["queue"]["status"] == "running"
    door.wait_until_entered()
    door.open()
    assert queue.wait_for_completion(20)
    again = commands.perform({"action": "restart", "scan_id": scan_id})["scan"]
    assert again["restarted_from"] == scan_id
    assert queue.wait_for_completion(20)
    assert [handle.state for handle in queue.handles] == [ScanState.COMPLETED, ScanState.COMPLETED]
    assert commands.perform({"action": "stop_everything"})["queues"][0]["status"] == "idle"


def test_stop_everything_reaches_every_queue_whatever_one_of_them_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = Doorway()
    healthy = Queue("healthy", [line_scan(Stage(), Meter(doors={1: door}), 5)])

    class BrokenQueue(Queue):
        def abort(self, scan_id: str | None = None, **_: str) -> None:
            raise RuntimeError("broken")

    commands = Commands()
    for queue in (BrokenQueue("broken"), healthy):
        commands.add(queue)
    healthy.start()
    door.wait_until_entered()
    commands.perform({"action": "stop_everything"})
    door.open()
    assert healthy.wait_for_completion(5)
    assert healthy.get_handle(0).state is ScanState.ABORTED
    assert "queue broken could not be aborted" in caplog.text
