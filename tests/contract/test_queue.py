"""`pybirch.queue.queue`, sentence by sentence."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest

from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError
from pybirch.queue.queue import ExecutionMode, LogEntry, Queue, QueueState, ScanState
from pybirch.queue.samples import Sample
from tests.conftest import until
from tests.lab import Doorway, Meter, Stage, failing, line_scan

WAIT = 20.0


def scan(name: str = "", **known: Any) -> Any:
    return line_scan(Stage(f"x{name}"), Meter(f"meter{name}", **known), 3)


def test_the_id_is_the_queue_id() -> None:
    queue = Queue("bench")
    assert queue.QID == queue.queue_id == "bench"
    assert queue.is_empty()
    assert (queue.size(), queue.state, queue.mode) == (0, QueueState.IDLE, ExecutionMode.SERIAL)
    with pytest.raises(FieldError, match="QID"):
        Queue("")
    with pytest.raises(FieldError, match="max_parallel_scans"):
        Queue("bench", max_parallel_scans=0)


def test_scans_are_put_in_found_moved_replaced_and_taken_out() -> None:
    first, second, third, other = scan("1"), scan("2"), scan("3"), scan("4")
    queue = Queue("bench", scans=[first])
    assert queue.enqueue(second) == second.scan_id
    queue.enqueue(third)
    queue.move_scan(0, 2)
    assert [handle.scan_id for handle in queue.handles] == [s.scan_id for s in (second, third, first)]
    queue.replace_scan(1, other)
    assert queue.get_handle(1).scan is other
    assert queue.get_handle_by_id(first.scan_id).scan is first
    assert len(queue.get_handles_by_state(ScanState.QUEUED)) == queue.size() == 3
    assert queue.dequeue() is second
    with pytest.raises(NotFoundError):
        queue.get_handle_by_id(second.scan_id)
    with pytest.raises(NotFoundError):
        queue.get_handle(9)
    with pytest.raises(NotFoundError):
        queue.move_scan(0, 9)
    with pytest.raises(FieldError):
        queue.enqueue(first)
    queue.clear()
    assert queue.is_empty()


def test_start_returns_at_once_and_runs_in_order() -> None:
    door = Doorway()
    queue = Queue("bench", [scan("1", doors={1: door}), scan("2")])
    queue.start()
    door.wait_until_entered()
    assert queue.state is QueueState.RUNNING
    assert [handle.state for handle in queue.handles] == ["running", "queued"]
    assert queue.get_handle(0).is_active()
    assert not queue.wait_for_completion(0.01)
    door.open()
    assert queue.wait_for_completion(WAIT) is True
    assert queue.state is QueueState.IDLE
    for handle in queue.handles:
        assert handle.is_finished()
        assert (handle.state, handle.progress, handle.error) == (ScanState.COMPLETED, 1.0, None)
        assert handle.duration > 0


def test_start_some_side_by_side() -> None:
    doors = [Doorway(), Doorway()]
    queue = Queue("bench", [scan("1", doors={0: doors[0]}), scan("2"), scan("3", doors={0: doors[1]})])
    queue.start(indices=[0, 2], mode=ExecutionMode.PARALLEL)
    for door in doors:
        door.wait_until_entered()
    assert queue.mode is ExecutionMode.PARALLEL
    for door in doors:
        door.open()
    assert queue.wait_for_completion(WAIT)
    assert [handle.state for handle in queue.handles] == ["completed", "queued", "completed"]


def test_pause_resume_and_abort_of_one_and_of_all() -> None:
    doors = [Doorway(), Doorway()]
    scans = [scan("1", doors={1: doors[0]}), scan("2", doors={1: doors[1]})]
    queue = Queue("bench", scans)
    queue.start(mode=ExecutionMode.PARALLEL)
    for door in doors:
        door.wait_until_entered()
    queue.pause(scans[0].scan_id)
    for door in doors:
        door.open()
    assert scans[0].wait_for(lambda s: s.state is ScanState.PAUSED, WAIT)
    assert scans[1].wait_for(lambda s: s.state is ScanState.COMPLETED, WAIT)
    queue.pause()
    assert queue.state is QueueState.PAUSED
    queue.resume()
    assert queue.wait_for_completion(WAIT)
    assert scans[0].state is ScanState.COMPLETED


def test_abort_makes_an_end_of_all_and_starts_no_more() -> None:
    door = Doorway()
    queue = Queue("bench", [scan("1", doors={1: door}), scan("2")])
    queue.start()
    door.wait_until_entered()
    queue.abort()
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert [handle.state for handle in queue.handles] == ["aborted", "queued"]


def test_stop_lets_what_runs_end() -> None:
    door = Doorway()
    queue = Queue("bench", [scan("1", doors={1: door}), scan("2")])
    queue.start()
    door.wait_until_entered()
    queue.stop_queue()
    assert queue.state is QueueState.STOPPING
    door.open()
    assert queue.wait_for_completion(WAIT)
    assert [handle.state for handle in queue.handles] == ["completed", "queued"]


def test_restart_is_a_new_scan_that_names_the_old_one() -> None:
    stage, meter = Stage(), Meter(answer=failing(1, RuntimeError("broken")))
    old = line_scan(stage, meter, 3, sample=Sample("S-1"), owner="me")
    queue = Queue("bench", [old])
    with pytest.raises(IllegalTransitionError):
        queue.restart(old.scan_id)
    queue.start()
    queue.wait_for_completion(WAIT)
    assert (queue.get_handle(0).state, queue.get_handle(0).error) == (ScanState.FAILED, "broken")
    meter.answer = lambda number: [[1.0]]
    again = queue.get_handle_by_id(queue.restart(old.scan_id)).scan
    queue.start()
    queue.wait_for_completion(WAIT)
    assert again.restarted_from == old.scan_id != again.scan_id
    assert again.state is ScanState.COMPLETED
    assert (again.sample, again.owner) == (old.sample, "me")


def test_callbacks_hear_logs_states_and_progress_and_may_call_the_queue() -> None:
    queue = Queue("bench", [scan("1")])
    logs: list[LogEntry] = []
    states: list[tuple[str, ScanState]] = []
    progress: list[float] = []
    asked: list[Any] = []

    def on_state(scan_id: str, state: ScanState) -> None:
        states.append((scan_id, state))
        asked.append(queue.get_status())

    def on_progress(scan_id: str, how_far: float) -> None:
        progress.append(how_far)

    queue.add_log_callback(logs.append)
    queue.add_state_callback(on_state)
    queue.add_progress_callback(on_progress)
    queue.start()
    assert queue.wait_for_completion(WAIT)
    scan_id = queue.get_handle(0).scan_id
    assert states == [(scan_id, ScanState.RUNNING), (scan_id, ScanState.COMPLETED)]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert len(asked) == 2
    assert {entry.level for entry in logs} <= {"INFO", "WARNING", "ERROR"}
    about = next(entry for entry in logs if entry.scan_id == scan_id)
    assert (about.scan_name, about.data) == ("a scan", None)
    assert about.timestamp.endswith("Z")
    kept = [(entry.timestamp, entry.message) for entry in queue.get_logs()]
    assert {(entry.timestamp, entry.message) for entry in logs} <= set(kept)
    told = len(logs)
    queue.remove_log_callback(logs.append)
    queue.remove_state_callback(on_state)
    queue.remove_progress_callback(on_progress)
    queue.enqueue(scan("2"))
    queue.bus.flush(5)
    assert len(logs) == told


def test_a_callback_that_blocks_holds_up_nobody() -> None:
    queue, free = Queue("bench", [scan("1")]), threading.Event()

    def dawdle(scan_id: str, state: ScanState) -> None:
        free.wait(5)

    queue.add_state_callback(dawdle)
    begun = time.monotonic()
    queue.start()
    until(lambda: queue.state is QueueState.IDLE)
    assert time.monotonic() - begun < 4
    free.set()


def test_status_and_json() -> None:
    queue = Queue("bench", [scan("1")], max_parallel_scans=2)
    queue.start()
    queue.wait_for_completion(WAIT)
    queue.enqueue(scan("2"))
    status = json.loads(json.dumps(queue.get_status()))
    assert (status["queue_id"], status["status"], status["mode"]) == ("bench", "idle", "serial")
    assert (status["completed_scans"], status["total_scans"], status["current_scan"]) == (1, 2, None)
    instruments = {i.name: i for handle in queue.handles for i in handle.scan.instruments}
    again = Queue.deserialize(json.loads(json.dumps(queue.serialize())), instruments)
    assert (again.QID, again.max_parallel_scans, again.state) == ("bench", 2, QueueState.IDLE)
    assert [(h.scan_id, h.state) for h in again.handles] == [(h.scan_id, h.state) for h in queue.handles]
    again.start()
    assert again.wait_for_completion(WAIT)
    assert [handle.state for handle in again.handles] == ["completed", "completed"]
