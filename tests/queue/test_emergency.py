"""The emergency stop reaches all hardware, and says truly how far it came."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pybirch.queue import emergency
from pybirch.queue.emergency import stop_everything
from pybirch.queue.queue import Queue
from pybirch.scan import bench
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan
from pybirch.states import QueueState, ScanState
from tests.conftest import until
from tests.lab import PATIENCE, Doorway, Meter, Sink, Stage, line_scan, settings


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergency, "GRACE", 0.1)
    monkeypatch.setattr(emergency, "PATIENCE", 0.4)
    monkeypatch.setattr(bench, "LONG", 0.1)


def hanging(stage: Stage, meter: Meter) -> Queue:
    """A queue whose scan hangs in the meter's driver."""
    tree = [MovementItem(stage, [1, 2], children=[MeasurementItem(meter)])]
    queue = Queue("hanging", [Scan(settings(tree))])
    queue.start()
    return queue


def outcomes(found: Any) -> dict[str, str]:
    return {one.name: one.state for one in found}


def test_what_no_scan_uses_is_made_safe_too() -> None:
    idle, away = Stage("idle"), Stage("away", trouble={"connect": OSError("no route to host")})
    found = stop_everything([], [idle, away])
    assert outcomes(found) == {"idle": "safe", "away": "unsafe"}
    assert found[1].error == "no route to host"
    assert idle.life == ["connect", "shutdown"]


def test_what_hangs_is_told_and_the_rest_of_its_scan_is_safe() -> None:
    door = Doorway()
    stage, meter = Stage("stage"), Meter("meter", doors={0: door})
    queue = hanging(stage, meter)
    door.wait_until_entered()
    found = stop_everything([queue], by="anna", why="smoke")
    assert outcomes(found) == {"stage": "safe", "meter": "busy"}
    assert stage.is_safe
    assert queue.state is QueueState.STOPPING
    door.open()
    assert queue.wait_for_completion(PATIENCE)
    assert queue.get_handle(0).state is ScanState.ABORTED
    assert meter.is_safe
    assert "queue aborted by anna: smoke" in [line.message for line in queue.get_logs()]


def test_an_instrument_that_cannot_be_made_safe_is_named() -> None:
    door = Doorway()
    stage = Stage("hv", trouble={"shutdown": OSError("does not answer")})
    queue = hanging(stage, Meter(doors={1: door}))
    door.wait_until_entered()
    threading.Timer(0.05, door.open).start()
    found = stop_everything([queue])
    assert outcomes(found) == {"hv": "unsafe", "meter": "safe"}
    assert found[0].error == "does not answer"


def test_one_shutdown_that_hangs_keeps_no_other_from_being_safe() -> None:
    door = Doorway()
    slow = Stage("slow", doors={"shutdown": door})
    quick = Stage("quick")
    scan = Scan(settings([MovementItem(quick, [1]), MovementItem(slow, [1])]))
    walker = threading.Thread(target=scan.run)
    walker.start()
    door.wait_until_entered()
    until(lambda: quick.life[-1] == "shutdown")
    assert scan.state is ScanState.RUNNING
    door.open()
    walker.join(PATIENCE)
    assert scan.state is ScanState.COMPLETED


def test_no_end_waits_for_the_record_before_the_instruments_are_safe() -> None:
    """The last step is done, and the sink still writes: the heater is not kept hot meanwhile."""
    writing = Doorway()

    class SlowSink(Sink):
        def save_readings(self, blocks: Any) -> None:
            writing.pass_through()

    stage = Stage()
    scan = line_scan(stage, Meter(), 3)
    scan.extensions.append(SlowSink())
    walker = threading.Thread(target=scan.run)
    walker.start()
    writing.wait_until_entered()
    until(lambda: stage.life[-1] == "shutdown")
    assert scan.state is ScanState.RUNNING
    writing.open()
    walker.join(PATIENCE)
    assert scan.state is ScanState.COMPLETED


def test_a_queue_started_by_a_daemon_thread_is_none() -> None:
    """A page's command comes in such a thread; the program's end must wait for safe instruments."""
    door = Doorway()
    queue = Queue("q", [line_scan(Stage(), Meter(doors={0: door}), 2)])
    starter = threading.Thread(target=queue.start, daemon=True)
    starter.start()
    door.wait_until_entered()
    ours = [thread for thread in threading.enumerate() if thread.name.startswith(("queue q", "scan "))]
    assert len(ours) == 2
    assert not any(thread.daemon for thread in ours)
    door.open()
    assert queue.wait_for_completion(PATIENCE)


def test_without_a_thread_to_be_had_the_queue_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue("q", [line_scan(Stage(), Meter(), 2)])

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="new thread"):
            queue.start()
    assert queue.state is QueueState.IDLE
    queue.start()
    assert queue.wait_for_completion(PATIENCE)
    assert queue.get_handle(0).state is ScanState.COMPLETED


def test_what_was_busy_is_made_safe_after_all_by_its_own_thread() -> None:
    """Its driver hung longer than the others waited: it still gets its turn, and so does what hangs next."""
    first, second = Doorway(), Doorway()
    one, other = Stage("one", doors={"shutdown": second}), Stage("other")
    meter = Meter("meter", doors={0: first})
    tree = [MovementItem(one, [1], children=[MovementItem(other, [1], children=[MeasurementItem(meter)])])]
    queue = Queue("busy", [Scan(settings(tree))])
    queue.start()
    first.wait_until_entered()
    found = stop_everything([queue])
    assert outcomes(found) == {"one": "busy", "other": "safe", "meter": "busy"}
    first.open()
    until(lambda: meter.life[-1] == "shutdown")
    second.open()
    assert queue.wait_for_completion(PATIENCE)
    assert queue.get_handle(0).state is ScanState.ABORTED
    until(lambda: one.is_safe)
