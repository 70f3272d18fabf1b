"""A queue goes on without a scan whose driver hangs; what hangs stays leased until it comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pybirch.queue import emergency
from pybirch.queue.emergency import stop_everything
from pybirch.queue.leases import Leases
from pybirch.queue.queue import Queue
from pybirch.scan import bench, watch
from pybirch.scan.preflight import preflight
from pybirch.scan.scan import Scan
from pybirch.states import ExecutionMode, QueueState, ScanState
from tests.conftest import until
from tests.lab import PATIENCE, Doorway, Meter, Stage, line, settings

LIMIT = 0.3


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "GRACE", 0.05)
    monkeypatch.setattr(emergency, "GRACE", 0.1)
    monkeypatch.setattr(emergency, "PATIENCE", 0.4)
    monkeypatch.setattr(bench, "LONG", 0.1)


class Hanging:
    """Scan A hangs in its stage; B shares nothing with it, C the stage."""

    def __init__(self) -> None:
        self.door = Doorway()
        self.stage = Stage("stage", doors={"move": self.door})
        self.stage.time_limit = LIMIT
        self.other, self.meters = Stage("other"), [Meter(f"meter {name}") for name in "ABC"]
        self.a = Scan(settings(line(self.stage, self.meters[0], 3), "A"))
        self.b = Scan(settings(line(self.other, self.meters[1], 3), "B"))
        self.c = Scan(settings(line(self.stage, self.meters[2], 3), "C"))
        self.leases = Leases()
        self.queue = Queue("q", [self.a, self.b, self.c], leases=self.leases)

    def lines(self) -> list[tuple[str, str]]:
        return [(line.level, line.message) for line in self.queue.get_logs()]


@pytest.fixture
def lab() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.door.open()
    until(lambda: not made.queue.hung)
    assert made.queue.wait_for_completion(PATIENCE)


@pytest.mark.parametrize("mode", ExecutionMode)
def test_what_shares_nothing_runs_and_what_shares_it_waits(lab: Hanging, mode: ExecutionMode) -> None:
    lab.queue.start(mode=mode)
    assert lab.b.wait_for(lambda scan: scan.state is ScanState.COMPLETED, PATIENCE)
    assert lab.a.wait_for(lambda scan: scan.state is ScanState.FAILED, PATIENCE)
    until(lambda: lab.queue.hung == [lab.stage])
    until(lambda: lab.c.message == "waits for stage, which has hung since A in queue q")
    assert lab.meters[0].is_safe
    error = f"A failed: stage did not come back from move_to within {LIMIT} s; it was left as it is"
    assert lab.lines().count(("ERROR", error)) == 1
    found = [finding.message for finding in preflight(lab.c, leases=lab.leases)]
    assert "has hung since A in queue q; the scan will wait for it" in found
    lab.door.open()
    assert lab.queue.wait_for_completion(PATIENCE)
    assert lab.c.state is ScanState.COMPLETED
    assert lab.queue.hung == []
    assert ("WARNING", "stage came back after A had ended") in lab.lines()
    assert lab.stage.visited == [0, 0, 1, 2]
    assert not any("clashed" in one.__dict__ for one in (lab.stage, *lab.meters))
    assert lab.meters[0].taken == 0


def test_a_queue_with_nothing_else_to_do_comes_to_rest(lab: Hanging) -> None:
    lab.queue.start([0])
    assert lab.queue.wait_for_completion(PATIENCE)
    assert lab.queue.state is QueueState.IDLE
    assert lab.queue.hung == [lab.stage]
    lab.queue.abort()
    lab.queue.abort(lab.a.scan_id)
    assert lab.a.state is ScanState.FAILED
    again = lab.queue.restart(lab.a.scan_id)
    assert lab.queue.get_handle_by_id(again).state is ScanState.QUEUED
    lab.queue.dequeue(lab.a.scan_id)
    assert lab.queue.hung == [lab.stage], "whether its scan is still in the queue or not"


def test_an_abort_ends_a_queue_in_which_something_hangs(lab: Hanging) -> None:
    lab.queue.start()
    lab.door.wait_until_entered()
    lab.queue.abort()
    assert lab.queue.wait_for_completion(PATIENCE)
    assert lab.a.state is ScanState.FAILED
    assert lab.b.state is lab.c.state is ScanState.QUEUED


def test_the_emergency_stop_drives_nothing_that_hangs(lab: Hanging) -> None:
    lab.queue.start([0])
    assert lab.queue.wait_for_completion(PATIENCE)
    before = list(lab.stage.life)
    found = {one.name: one.state for one in stop_everything([lab.queue], [lab.stage, lab.other])}
    assert found == {
        "stage": "busy",
        "other": "safe",
        "meter A": "safe",
        "meter B": "safe",
        "meter C": "safe",
    }
    assert lab.stage.life == before


def test_leases_of_what_hangs() -> None:
    leases, told = Leases(), []
    leases.listen(lambda: told.append(1))
    assert leases.take({"a", "b"}, "q/1", "Map in queue q")
    leases.keep_hung({"b", "never taken"}, "q/1")
    assert leases.label_of("a") is leases.label_of("never taken") is None
    assert (leases.label_of("b"), leases.has_hung("b")) == ("Map in queue q", True)
    assert not leases.take({"b"}, "q/1"), "not even for who had it"
    assert leases.take({"a"}, "q/1")
    assert not leases.has_hung("a")
    leases.release_hung("q/1")
    assert leases.label_of("b") is None
    assert leases.label_of("a") is not None
    assert not leases.has_hung("b")
    assert len(told) == 2
