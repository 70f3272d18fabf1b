"""Queues: order, places, instruments, and what may be done to them at any time."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Any

import pytest

from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError, ScanSettingsError
from pybirch.events import QueueLog, QueueStatus, ScanStatus
from pybirch.queue.journal import QueueExtension
from pybirch.queue.leases import Leases
from pybirch.queue.queue import ExecutionMode, LogEntry, Queue, QueueState, ScanHandle, ScanState
from pybirch.samples import Sample
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.scan import Scan
from tests.conftest import until
from tests.lab import PATIENCE, Diary, Doorway, Ear, Meter, Sink, Stage, failing, line, line_scan, settings

PARALLEL = ExecutionMode.PARALLEL


def quick(name: str = "quick", points: int = 3, **known: Any) -> Scan:
    return Scan(settings(line(Stage(f"x of {name}"), Meter(), points), name), **known)


def gated(name: str, door: Doorway, at: int = 1, points: int = 3, **known: Any) -> Scan:
    return Scan(settings(line(Stage(f"x of {name}"), Meter(doors={at: door}), points), name), **known)


def finish(queue: Queue) -> None:
    assert queue.wait_for_completion(PATIENCE)
    assert queue.state is QueueState.IDLE


def states(queue: Queue) -> list[str]:
    return [str(handle.state) for handle in queue.handles]


# Order and places


def test_scans_run_one_after_the_other_in_order() -> None:
    spans: list[str] = []

    class Spanning(Diary):
        def startup(self) -> None:
            spans.append(f"{self.name} begins")

        def shutdown(self) -> None:
            spans.append(f"{self.name} ends")

    scans = [quick(str(n), extensions=[Spanning(name=str(n))]) for n in range(4)]
    queue = Queue("q", scans)
    assert queue.size() == 4
    assert not queue.is_empty()
    queue.start()
    finish(queue)
    assert spans == [f"{n} {what}" for n in range(4) for what in ("begins", "ends")]
    assert states(queue) == ["completed"] * 4


def test_start_returns_at_once_and_wait_has_a_limit() -> None:
    door = Doorway()
    queue = Queue("q", [gated("a", door)])
    queue.start()
    door.wait_until_entered()
    assert queue.state is QueueState.RUNNING
    assert not queue.wait_for_completion(0.02)
    assert not queue.wait_for_completion(timeout=0)
    door.open()
    finish(queue)


def test_parallel_up_to_the_limit() -> None:
    doors = [Doorway() for _ in range(4)]
    queue = Queue("q", [gated(str(n), door) for n, door in enumerate(doors)], max_parallel_scans=2)
    queue.start(mode=PARALLEL)
    doors[0].wait_until_entered()
    doors[1].wait_until_entered()
    assert len(queue.get_handles_by_state(ScanState.RUNNING)) == 2
    assert not doors[2].entered.wait(0.05)
    doors[1].open()
    doors[2].wait_until_entered()
    assert not doors[3].entered.is_set()
    for door in doors:
        door.open()
    finish(queue)
    assert states(queue) == ["completed"] * 4


def test_only_the_scans_asked_for() -> None:
    queue = Queue("q", [quick(str(n)) for n in range(4)])
    queue.start(indices=[3, 1])
    finish(queue)
    assert states(queue) == ["queued", "completed", "queued", "completed"]
    queue.start()
    finish(queue)
    assert states(queue) == ["completed"] * 4


def test_more_may_be_asked_for_while_it_runs() -> None:
    door = Doorway()
    queue = Queue("q", [gated("0", door), quick("1"), quick("2")])
    queue.start(indices=[0])
    door.wait_until_entered()
    queue.start(indices=[2])
    door.open()
    finish(queue)
    assert states(queue) == ["completed", "queued", "completed"]


def test_asking_for_one_does_not_take_back_having_asked_for_all() -> None:
    door = Doorway()
    queue = Queue("q", [gated("0", door), quick("1"), quick("2")])
    queue.start()
    door.wait_until_entered()
    queue.start(indices=[2])
    door.open()
    finish(queue)
    assert states(queue) == ["completed"] * 3


def test_a_place_that_is_not_there() -> None:
    queue = Queue("q", [quick()])
    for wrong in (1, -1):
        with pytest.raises(NotFoundError, match="no place"):
            queue.start(indices=[wrong])
        with pytest.raises(NotFoundError):
            queue.get_handle(wrong)
    with pytest.raises(NotFoundError, match="nobody"):
        queue.get_handle_by_id("nobody")
    assert queue.state is QueueState.IDLE
    assert states(queue) == ["queued"]


def test_enqueue_while_running() -> None:
    door = Doorway()
    queue = Queue("q", [gated("a", door)])
    queue.start()
    door.wait_until_entered()
    scan_id = queue.enqueue(quick("later"))
    door.open()
    finish(queue)
    assert queue.get_handle_by_id(scan_id).state is ScanState.COMPLETED


def test_an_idle_queue_starts_nothing_by_itself() -> None:
    queue = Queue("q")
    queue.start()
    assert queue.state is QueueState.IDLE
    queue.enqueue(quick())
    assert queue.wait_for_completion(0.02)
    assert states(queue) == ["queued"]


# What it refuses


def test_wrong_scans_are_refused_at_the_door() -> None:
    queue = Queue("q")
    scan = quick()
    queue.enqueue(scan)
    with pytest.raises(FieldError, match="already"):
        queue.enqueue(scan)
    with pytest.raises(FieldError, match="Scan"):
        queue.enqueue("scan")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ScanSettingsError, match="limits"):
        queue.enqueue(line_scan(Stage(limits=(0, 1)), Meter(), 5))
    done = quick()
    done.run()
    with pytest.raises(FieldError, match="completed"):
        queue.enqueue(done)
    with pytest.raises(FieldError, match="QID"):
        Queue(" ")
    with pytest.raises(FieldError, match="max_parallel_scans"):
        Queue("q", max_parallel_scans=0)
    assert queue.size() == 1


@pytest.mark.parametrize("wish", ["pause", "resume"])
def test_an_idle_queue_can_be_neither_paused_nor_resumed(wish: str) -> None:
    with pytest.raises(IllegalTransitionError, match="idle"):
        getattr(Queue("q", [quick()]), wish)()


# Failures


def test_a_scan_that_fails_does_not_stop_the_queue() -> None:
    bad = line_scan(Stage(), Meter(answer=failing(1, OSError("the lamp went out"))), 3)
    queue = Queue("q", [quick(), bad, quick()])
    queue.start()
    finish(queue)
    assert states(queue) == ["completed", "failed", "completed"]
    line_of_log = next(entry for entry in queue.get_logs() if entry.level == "ERROR")
    assert isinstance(line_of_log, LogEntry)
    assert "the lamp went out" in line_of_log.message
    assert line_of_log.scan_id == bad.scan_id
    assert queue.get_handle(1).error == "the lamp went out"


# Pause, resume, abort, stop


def test_pause_and_resume_of_the_whole() -> None:
    doors = [Doorway(), Doorway()]
    queue = Queue("q", [gated(str(n), door) for n, door in enumerate(doors)] + [quick("z")], 2)
    queue.start(indices=None, mode="parallel")
    for door in doors:
        door.wait_until_entered()
    queue.pause()
    queue.pause()
    for door in doors:
        door.open()
    until(lambda: len(queue.get_handles_by_state(ScanState.PAUSED)) == 2)
    assert queue.state is QueueState.PAUSED
    with pytest.raises(IllegalTransitionError, match="paused"):
        queue.start()
    queue.resume()
    finish(queue)
    assert states(queue) == ["completed"] * 3


def test_a_queue_paused_at_its_very_start_runs_nothing_until_resumed() -> None:
    for _ in range(20):
        stage = Stage()
        queue = Queue("q", [line_scan(stage, Meter(), 3)])
        queue.start()
        with suppress(IllegalTransitionError):  # on a busy machine it may be done before it is paused
            queue.pause()
        if not queue.wait_for_completion(0.005):
            assert states(queue)[0] in ("queued", "paused", "running")
            assert stage.visited != [0, 1, 2] or states(queue)[0] == "paused"
            queue.resume()
        finish(queue)
        assert stage.visited == [0, 1, 2]


def test_pause_resume_and_abort_of_one() -> None:
    doors = [Doorway(), Doorway()]
    queue = Queue("q", [gated(str(n), door) for n, door in enumerate(doors)])
    queue.start(mode=PARALLEL)
    for door in doors:
        door.wait_until_entered()
    first, second = (handle.scan_id for handle in queue.handles)
    queue.pause(first)
    queue.abort(second)
    for door in doors:
        door.open()
    until(lambda: states(queue) == ["paused", "aborted"])
    assert queue.state is QueueState.RUNNING
    queue.resume(first)
    finish(queue)
    assert states(queue) == ["completed", "aborted"]


def test_abort_of_a_queued_scan() -> None:
    door = Doorway()
    queue = Queue("q", [gated("a", door), quick("b"), quick("c")])
    queue.start()
    door.wait_until_entered()
    queue.abort(queue.get_handle(1).scan_id)
    assert states(queue)[1] == "aborted"
    door.open()
    finish(queue)
    assert states(queue) == ["completed", "aborted", "completed"]
    assert any("aborted before it began" in entry.message for entry in queue.get_logs())
    assert not [entry for entry in queue.get_logs() if entry.level == "ERROR"]


def test_abort_of_all_leaves_the_queued_ones() -> None:
    door = Doorway()
    queue = Queue("q", [gated("a", door), quick("b")])
    queue.start()
    door.wait_until_entered()
    queue.abort()
    assert queue.state is QueueState.STOPPING
    with pytest.raises(IllegalTransitionError):
        queue.start()
    door.open()
    finish(queue)
    assert states(queue) == ["aborted", "queued"]
    queue.abort()
    queue.stop_queue()
    queue.start()
    finish(queue)
    assert states(queue) == ["aborted", "completed"]


def test_stop_lets_what_runs_come_to_its_end() -> None:
    door = Doorway()
    queue = Queue("q", [gated("a", door), quick("b")])
    queue.start()
    door.wait_until_entered()
    queue.stop_queue()
    door.open()
    finish(queue)
    assert states(queue) == ["completed", "queued"]


def test_stop_moves_nothing_that_is_paused() -> None:
    door = Doorway()
    queue = Queue("q", [gated("a", door), quick("b")])
    queue.start()
    door.wait_until_entered()
    queue.pause()
    door.open()
    scan = queue.get_handle(0).scan
    assert scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
    queue.stop_queue()
    assert (queue.state, scan.state) == (QueueState.STOPPING, ScanState.PAUSED)
    queue.resume()
    finish(queue)
    assert states(queue) == ["completed", "queued"]


def test_a_queue_is_paused_when_all_that_runs_is() -> None:
    doors = [Doorway(), Doorway()]
    queue = Queue("q", [gated("a", doors[0]), gated("b", doors[1])])
    queue.start(mode=ExecutionMode.PARALLEL)
    for door in doors:
        door.wait_until_entered()
    first, second = queue.handles
    queue.pause(first.scan_id, by="anna", why="coffee")
    assert queue.state is QueueState.RUNNING
    queue.pause(second.scan_id)
    assert queue.state is QueueState.PAUSED
    for door in doors:
        door.open()
    for handle in queue.handles:
        assert handle.scan.wait_for(lambda s: s.state is ScanState.PAUSED, PATIENCE)
    queue.resume(first.scan_id)
    assert queue.state is QueueState.RUNNING
    assert first.scan.wait_for(lambda s: s.state is ScanState.COMPLETED, PATIENCE)
    assert second.state is ScanState.PAUSED
    queue.resume()
    finish(queue)
    assert states(queue) == ["completed", "completed"]
    assert "a paused by anna: coffee" in [line.message for line in queue.get_logs()]


def test_abort_while_paused() -> None:
    door = Doorway()
    queue = Queue("q", [gated("a", door)])
    queue.start()
    door.wait_until_entered()
    queue.pause()
    door.open()
    until(lambda: states(queue) == ["paused"])
    queue.abort()
    finish(queue)
    assert states(queue) == ["aborted"]


def test_an_abort_at_the_very_start_is_an_abort_and_no_failure() -> None:
    for _ in range(30):
        queue = Queue("q", [quick()])
        queue.start()
        queue.abort()
        finish(queue)
        assert states(queue)[0] in ("aborted", "queued", "completed")
        assert not [entry for entry in queue.get_logs() if entry.level == "ERROR"]


# Restart


def test_restart_is_a_new_scan() -> None:
    queue = Queue("q", [quick("again", sample=Sample("S1"), owner="ada")])
    queue.start()
    finish(queue)
    old = queue.get_handle(0).scan
    new_id = queue.restart(old.scan_id)
    new = queue.get_handle_by_id(new_id).scan
    assert new_id != old.scan_id
    assert new.restarted_from == old.scan_id
    assert (new.owner, new.sample, new.settings.scan_name) == ("ada", old.sample, "again")
    assert new.state is ScanState.QUEUED
    assert old.state is ScanState.COMPLETED
    queue.start()
    finish(queue)
    assert new.points_done == 3


def test_only_what_has_ended_is_restarted() -> None:
    queue = Queue("q", [quick()])
    with pytest.raises(IllegalTransitionError, match="queued"):
        queue.restart(queue.get_handle(0).scan_id)


# Order and contents


def test_move_replace_dequeue_clear() -> None:
    queue = Queue("q", [quick(name) for name in "abcd"])

    def names() -> str:
        return "".join(handle.scan.settings.scan_name for handle in queue.handles)

    queue.move_scan(0, 2)
    assert names() == "bcad"
    queue.move_scan(3, 0)
    assert names() == "dbca"
    queue.replace_scan(1, quick("e"))
    assert names() == "deca"
    taken = queue.dequeue()
    assert taken.settings.scan_name == "d"
    assert queue.dequeue(queue.get_handle(2).scan_id).settings.scan_name == "a"
    assert names() == "ec"
    with pytest.raises(NotFoundError):
        queue.move_scan(0, 5)
    with pytest.raises(NotFoundError):
        queue.dequeue("nobody")
    with pytest.raises(ScanSettingsError):
        queue.replace_scan(0, line_scan(Stage(limits=(0, 1)), Meter(), 5))
    with pytest.raises(FieldError):
        queue.replace_scan(0, queue.get_handle(1).scan)
    assert names() == "ec"
    queue.clear()
    assert queue.is_empty()


def test_what_is_under_way_stays() -> None:
    door = Doorway()
    queue = Queue("q", [gated("a", door), quick("b")])
    queue.start()
    door.wait_until_entered()
    with pytest.raises(IllegalTransitionError, match="under way"):
        queue.dequeue(0)
    with pytest.raises(IllegalTransitionError, match="under way"):
        queue.replace_scan(0, quick("c"))
    queue.clear()
    assert queue.size() == 1
    door.open()
    finish(queue)
    queue.clear()
    assert queue.is_empty()


def test_the_order_may_change_while_it_runs() -> None:
    door, begun = Doorway(), list[str]()

    class Noting(Diary):
        def startup(self) -> None:
            begun.append(self.scan.settings.scan_name)

    scans = [quick(name, extensions=[Noting()]) for name in "bcd"]
    queue = Queue("q", [gated("a", door), *scans])
    queue.start()
    door.wait_until_entered()
    queue.move_scan(3, 1)
    queue.replace_scan(2, quick("e", extensions=[Noting()]))
    door.open()
    finish(queue)
    assert begun == ["d", "e", "c"]


# Instruments


def sharing(name: str, address: str, door: Doorway | None = None) -> Scan:
    meter = Meter("meter", adapter=address, doors={1: door} if door else None)
    return Scan(settings(line(Stage(f"x of {name}"), meter, 3), name))


ADDRESS = "TCPIP::10.9.8.7::5025::SOCKET"


def test_scans_that_share_an_instrument_wait_others_do_not() -> None:
    door, free = Doorway(), Doorway()
    queue = Queue(
        "q", [sharing("a", ADDRESS, door), sharing("b", ADDRESS.lower()), gated("c", free)], leases=Leases()
    )
    queue.start(mode=PARALLEL)
    door.wait_until_entered()
    free.wait_until_entered()
    assert states(queue) == ["running", "queued", "running"]
    free.open()
    door.open()
    finish(queue)
    assert states(queue) == ["completed"] * 3


def test_two_queues_share_instruments_too() -> None:
    door = Doorway()
    one, two = Queue("one", [sharing("a", ADDRESS, door)]), Queue("two", [sharing("b", ADDRESS)])
    one.start()
    door.wait_until_entered()
    two.start()
    assert not two.wait_for_completion(0.05)
    assert states(two) == ["queued"]
    door.open()
    finish(one)
    finish(two)
    assert states(two) == ["completed"]


def test_the_same_object_is_one_instrument_and_never_driven_by_two() -> None:
    stage, meter = Stage(), Meter()
    queues = [Queue(f"q{n}", [line_scan(stage, meter, 20) for _ in range(4)]) for n in range(3)]
    for queue in queues:
        queue.start(mode=PARALLEL)
    for queue in queues:
        finish(queue)
        assert states(queue) == ["completed"] * 4
    assert meter.taken == 240
    assert not meter.__dict__.get("clashed")


@pytest.mark.parametrize("how", ["abort", "dequeue", "replace", "directly"])
def test_a_queue_whose_last_scan_is_taken_away_while_it_waits_comes_to_rest(how: str) -> None:
    door = Doorway()
    one, two = Queue("one", [sharing("a", ADDRESS, door)]), Queue("two", [sharing("b", ADDRESS)])
    one.start()
    door.wait_until_entered()
    two.start()
    scan = two.get_handle(0).scan
    match how:
        case "abort":
            two.abort(scan.scan_id)
        case "dequeue":
            two.dequeue(scan.scan_id)
        case "replace":
            two.replace_scan(0, quick())
            two.start()
        case _:
            scan.abort()
    finish(two)
    door.open()
    finish(one)


def test_instruments_are_given_back_after_failure_and_abort() -> None:
    leases = Leases()
    bad = Scan(settings([MeasurementItem(Meter(adapter=ADDRESS, answer=failing(0, OSError("x"))))]))
    queue = Queue("q", [bad, sharing("b", ADDRESS)], leases=leases)
    queue.start()
    finish(queue)
    assert states(queue) == ["failed", "completed"]
    assert leases.label_of(ADDRESS) is None


def test_one_scan_in_two_queues_runs_once() -> None:
    for _ in range(10):
        stage, meter = Stage(), Meter()
        scan = line_scan(stage, meter, 20)
        queues = [Queue("one", [scan]), Queue("two", [scan])]
        for queue in queues:
            queue.start()
        for queue in queues:
            finish(queue)
        assert meter.taken == 20
        assert scan.state is ScanState.COMPLETED


# Telling


def test_everything_is_on_the_queues_bus_in_order() -> None:
    queue = Queue("q", [quick("a"), quick("b")])
    ear = Ear(queue.bus)
    queue.start()
    finish(queue)
    for handle in queue.handles:
        assert ear.states(handle.scan_id) == [ScanState.RUNNING, ScanState.COMPLETED]
        assert ear.indexes(scan_id=handle.scan_id) == [0, 1, 2]
    told = ear.of(QueueStatus)
    assert told[-1].status is QueueState.IDLE
    assert (told[-1].completed_scans, told[-1].total_scans, told[-1].current_scan) == (2, 2, None)
    current = [event.current_scan for event in told if event.current_scan]
    assert list(dict.fromkeys(current)) == [handle.scan_id for handle in queue.handles]
    levels = {event.level for event in ear.of(QueueLog)}
    assert levels == {"INFO"}
    assert ear.of(QueueLog)[-1].message == "queue idle"
    queue.bus.close()


def test_get_status_is_json_and_says_where_things_stand() -> None:
    queue = Queue("q", [quick("a", sample=Sample("S1"))])
    queue.start()
    finish(queue)
    status = json.loads(json.dumps(queue.get_status()))
    assert (status["queue_id"], status["status"], status["mode"]) == ("q", "idle", "serial")
    row = status["scans"][0]
    assert (row["status"], row["progress"], row["points_done"], row["points_total"]) == (
        "completed",
        1.0,
        3,
        3,
    )
    handle = queue.get_handle(0)
    assert isinstance(handle, ScanHandle)
    assert handle.duration > 0
    assert handle.is_finished()
    assert not handle.is_active()


def test_callbacks_hear_in_order_and_may_call_the_queue() -> None:
    queue = Queue("q", [quick("a"), quick("b")])
    heard: list[Any] = []
    restarted: list[str] = []

    def on_state(scan_id: str, state: ScanState) -> None:
        heard.append((scan_id, state))
        queue.get_status()
        if state is ScanState.COMPLETED and not restarted:
            restarted.append(queue.restart(scan_id))

    logs: list[LogEntry] = []
    progress: dict[str, list[float]] = {}
    queue.add_state_callback(on_state)
    queue.add_state_callback(on_state)
    queue.add_log_callback(logs.append)
    queue.add_progress_callback(lambda scan_id, value: progress.setdefault(scan_id, []).append(value))
    queue.start()
    until(lambda: restarted)
    finish(queue)
    if queue.get_handle_by_id(restarted[0]).state is ScanState.QUEUED:  # heard after the queue came to rest
        queue.start()
        finish(queue)
    for handle in queue.handles:
        mine = [state for scan_id, state in heard if scan_id == handle.scan_id]
        assert [s for s in mine if s is not ScanState.QUEUED] == [ScanState.RUNNING, ScanState.COMPLETED]
        assert progress[handle.scan_id][-1] == 1.0
        assert progress[handle.scan_id] == sorted(progress[handle.scan_id])
    assert [entry.message for entry in queue.get_logs()][-len(logs) :] == [entry.message for entry in logs]
    assert {entry.scan_name for entry in logs} == {"a", "b", None}
    queue.remove_state_callback(on_state)
    queue.remove_state_callback(on_state)
    queue.bus.close()


def test_a_callback_that_raises_keeps_nobody_from_hearing() -> None:
    queue = Queue("q", [quick()])
    heard: list[str] = []

    def broken(*_: Any) -> None:
        raise ValueError("no")

    queue.add_log_callback(broken)
    queue.add_log_callback(lambda entry: heard.append(entry.message))
    queue.add_state_callback(broken)
    queue.start()
    finish(queue)
    assert "queue idle" in heard
    assert states(queue) == ["completed"]
    queue.bus.close()


def test_no_callback_after_it_was_removed() -> None:
    queue = Queue("q", [quick()])
    heard: list[Any] = []
    queue.add_state_callback(lambda *told: heard.append(told))
    other: list[Any] = []
    queue.add_state_callback(forget := lambda *told: other.append(told))
    queue.remove_state_callback(forget)
    queue.start()
    finish(queue)
    assert heard
    assert not other
    queue.bus.close()


def test_extensions_of_the_queue() -> None:
    told: list[str] = []

    class Book(QueueExtension):
        def attach(self, queue: Any) -> None:
            told.append(f"attach {queue.QID}")

        def scan_added(self, scan: Scan, position: int) -> None:
            if scan.settings.scan_name == "unwelcome":
                raise ValueError("not here")
            told.append(f"added {scan.settings.scan_name} at {position}")

        def scan_removed(self, scan: Scan) -> None:
            told.append(f"removed {scan.settings.scan_name}")

        def order_changed(self, scan_ids: list[str]) -> None:
            told.append(f"order of {len(scan_ids)}")

        def save_status(self, status: QueueStatus) -> None:
            raise OSError("a full disk")

    queue = Queue("q", [quick("a"), quick("b")], extensions=[Book()])
    queue.move_scan(1, 0)
    queue.dequeue(0)
    with pytest.raises(ValueError, match="not here"):
        queue.enqueue(quick("unwelcome"))
    assert told == ["attach q", "added a at 0", "added b at 1", "order of 2", "removed b"]
    queue.start()
    finish(queue)
    assert states(queue) == ["completed"]


# As JSON


class SlowRecord(QueueExtension):
    """Keeps nothing until its door is opened."""

    def __init__(self) -> None:
        self.door = Doorway()
        self.kept: list[str] = []
        self.slow = False

    def save_log(self, line: QueueLog) -> None:
        if self.slow:
            self.door.pass_through()
        self.kept.append(line.message)

    def save_status(self, status: QueueStatus) -> None:
        if self.slow:
            self.door.pass_through()
        self.kept.append(str(status.status))


def test_a_record_that_hangs_delays_neither_pause_nor_abort_nor_the_next_scan() -> None:
    door, record = Doorway(), SlowRecord()
    queue = Queue("q", [gated("a", door), quick("b")], extensions=[record])
    first, second = (handle.scan for handle in queue.handles)
    record.slow = True
    queue.start()
    door.wait_until_entered()
    record.door.wait_until_entered()
    queue.pause()
    queue.resume()
    door.open()
    assert second.wait_for(lambda scan: scan.state.is_finished, PATIENCE)
    assert first.state is second.state is ScanState.COMPLETED
    assert queue.wait_for_completion(0.5), "it has come to rest, whatever is not written yet"
    assert "queue started, serial" not in record.kept
    record.door.open()
    finish(queue)
    told = [text for text in record.kept if "queue" in text]
    assert told == [
        *("a queued", "b queued"),
        *("queue started, serial", "queue paused", "queue resumed"),
        "queue idle",
    ]


def test_a_scan_that_is_being_written_down_delays_no_abort() -> None:
    class SlowDoor(QueueExtension):
        def __init__(self) -> None:
            self.door = Doorway()

        def scan_added(self, scan: Scan, position: int) -> None:
            if position:
                self.door.pass_through()

    door, slow = Doorway(), SlowDoor()
    queue = Queue("q", [gated("a", door, at=2)], extensions=[slow])
    queue.start()
    door.wait_until_entered()
    adding = threading.Thread(target=queue.enqueue, args=(quick("b"),))
    adding.start()
    slow.door.wait_until_entered()
    queue.abort()
    door.open()
    finish(queue)
    assert states(queue) == ["aborted"]
    slow.door.open()
    adding.join(PATIENCE)
    assert states(queue) == ["aborted", "queued"]


def test_a_replacement_comes_too_late_and_leaves_nothing_behind() -> None:
    queue = Queue("q")

    class Starting(QueueExtension):
        removed: list[str] = []

        def scan_added(self, scan: Scan, position: int) -> None:
            if scan.settings.scan_name == "new":
                queue.start()
                door.wait_until_entered()

        def scan_removed(self, scan: Scan) -> None:
            self.removed.append(scan.settings.scan_name)

    door, extension = Doorway(), Starting()
    queue.extensions.append(extension)
    queue.enqueue(gated("old", door))
    with pytest.raises(IllegalTransitionError, match="under way"):
        queue.replace_scan(0, quick("new"))
    assert [handle.scan.settings.scan_name for handle in queue.handles] == ["old"]
    assert extension.removed == ["new"]
    door.open()
    finish(queue)


def test_as_json_and_back() -> None:
    door = Doorway()
    bad = line_scan(Stage("x of bad"), Meter("m", answer=failing(1, OSError("lamp"))), 3)
    queue = Queue("q", [quick("a", sample=Sample("S", "GaAs", ["t"])), bad, gated("c", door), quick("d")])
    queue.start()
    door.wait_until_entered()
    written = json.loads(json.dumps(queue.serialize()))
    door.open()
    finish(queue)
    instruments = {i.name: i for handle in queue.handles for i in handle.scan.instruments}
    again = Queue.deserialize(written, instruments)
    assert again.QID == "q"
    assert again.state is QueueState.IDLE
    assert [h.scan_id for h in again.handles] == [h.scan_id for h in queue.handles]
    assert states(again) == ["completed", "failed", "interrupted", "queued"]
    assert again.get_handle(1).error == "lamp"
    assert again.get_handle(0).scan.points_done == 3
    sample = again.get_handle(0).scan.sample
    assert sample is not None
    assert (sample.ID, sample.material, sample.tags) == ("S", "GaAs", ["t"])
    again.start()
    finish(again)
    assert states(again) == ["completed", "failed", "interrupted", "completed"]
    new_id = again.restart(again.get_handle(2).scan_id)
    again.start()
    finish(again)
    assert again.get_handle_by_id(new_id).state is ScanState.COMPLETED


def test_without_its_instruments_a_queue_can_be_shown_but_not_run() -> None:
    queue = Queue("q", [quick("a")])
    written = queue.serialize()
    for instruments in (None, {"meter": Meter()}):
        again = Queue.deserialize(written, instruments)
        assert again.get_status()["scans"][0]["name"] == "a"
        again.start()
        finish(again)
        assert states(again) == ["failed"]
        assert "no instrument is called" in (again.get_handle(0).error or "")


# Hygiene


def test_no_thread_is_left_after_a_hundred_scans() -> None:
    before = set(threading.enumerate())
    for mode in ExecutionMode:
        queue = Queue("q", [quick(str(n), 1) for n in range(50)], max_parallel_scans=8)
        queue.start(mode=mode)
        finish(queue)
        assert states(queue) == ["completed"] * 50
        queue.bus.close()
    until(lambda: set(threading.enumerate()) <= before, what="all threads have ended")


def test_many_scans_in_many_queues_are_heard_exactly() -> None:
    queues = [Queue(f"q{n}", [quick(f"{n}.{k}", 50) for k in range(4)]) for n in range(5)]
    ears = [Ear(queue.bus) for queue in queues]
    sinks = {handle.scan_id: Sink() for queue in queues for handle in queue.handles}
    for queue in queues:
        for handle in queue.handles:
            handle.scan.extensions.append(sinks[handle.scan_id])
        queue.start(mode=PARALLEL)
    for queue, ear in zip(queues, ears, strict=True):
        finish(queue)
        queue.bus.flush(PATIENCE)
        mine = {handle.scan_id for handle in queue.handles}
        assert {event.scan_id for event in ear.of(ScanStatus)} == mine
        for scan_id in mine:
            assert ear.indexes(scan_id=scan_id) == sinks[scan_id].indexes() == list(range(50))
        queue.bus.close()


def test_a_scan_that_waits_says_for_what_and_who_has_it() -> None:
    door, stage, meter = Doorway(), Stage("stage"), Meter("meter")
    leases = Leases()
    one = Queue("one", [line_scan(stage, Meter("first", doors={0: door}), 2)], leases=leases)
    other = Queue("other", [line_scan(stage, meter, 2)], leases=leases)
    ear = Ear(other.bus)
    one.start()
    door.wait_until_entered()
    other.start()
    waiting = other.get_handle(0).scan
    until(lambda: waiting.message == "waits for stage, which a scan in queue one uses")
    assert waiting.state is ScanState.QUEUED
    door.open()
    finish(one)
    finish(other)
    other.bus.flush(PATIENCE)
    told = [event.message for event in ear.of(ScanStatus)]
    assert "waits for stage, which a scan in queue one uses" in told
    assert waiting.message is None
