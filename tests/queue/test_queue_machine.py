"""Whatever is asked of a queue in whatever order: no reading lost, doubled or out of order."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pybirch.errors import IllegalTransitionError, PyBirchError
from pybirch.events import ScanStatus
from pybirch.queue.queue import Queue, QueueState
from pybirch.scan.scan import Scan
from pybirch.states import TRANSITIONS, ScanState
from tests.lab import PATIENCE, Ear, Meter, Sink, Stage, line_scan


class QueueMachine(RuleBasedStateMachine):
    """Queue × pause × resume × abort × restart, over instruments that are shared."""

    @initialize(mode=st.sampled_from(["serial", "parallel"]))
    def build(self, mode: str) -> None:
        self.mode = mode
        self.queue = Queue("machine", max_parallel_scans=3)
        self.ear = Ear(self.queue.bus)
        self.sinks: dict[str, Sink] = {}
        self.shared = Stage("shared"), Meter()

    def _add(self, scan: Scan) -> None:
        sink = self.sinks[scan.scan_id] = Sink()
        scan.extensions.append(sink)

    @rule(points=st.integers(1, 400), shared=st.booleans())
    def enqueue(self, points: int, shared: bool) -> None:
        stage, meter = self.shared if shared else (Stage("own"), Meter())
        scan = line_scan(stage, meter, points)
        self._add(scan)
        self.queue.enqueue(scan)

    @rule()
    def start(self) -> None:
        with suppress(IllegalTransitionError):
            self.queue.start(mode=self.mode)

    @rule(wish=st.sampled_from(["pause", "resume", "abort", "stop_queue"]))
    def wish_of_all(self, wish: str) -> None:
        with suppress(IllegalTransitionError):
            getattr(self.queue, wish)()

    @precondition(lambda self: not self.queue.is_empty())
    @rule(wish=st.sampled_from(["pause", "resume", "abort"]), pick=st.integers(0, 50))
    def wish_of_one(self, wish: str, pick: int) -> None:
        handles = self.queue.handles
        with suppress(PyBirchError):
            getattr(self.queue, wish)(handles[pick % len(handles)].scan_id)

    @precondition(lambda self: not self.queue.is_empty())
    @rule(pick=st.integers(0, 50))
    def restart(self, pick: int) -> None:
        handles = self.queue.handles
        old = handles[pick % len(handles)]
        with suppress(IllegalTransitionError):
            new = self.queue.get_handle_by_id(self.queue.restart(old.scan_id)).scan
            assert new.restarted_from == old.scan_id
            if new.state is ScanState.QUEUED and new.points_done == 0 and self.queue.state is QueueState.IDLE:
                self._add(new)

    @rule()
    def wait(self) -> None:
        if self.queue.state in (QueueState.RUNNING, QueueState.STOPPING):
            self.queue.wait_for_completion(0.01)

    @invariant()
    def no_instrument_was_driven_by_two(self) -> None:
        if hasattr(self, "shared"):
            assert not any(one.__dict__.get("clashed") for one in self.shared)

    def teardown(self) -> None:
        if not hasattr(self, "queue"):
            return
        with suppress(IllegalTransitionError):
            self.queue.resume()
        for handle in self.queue.handles:
            with suppress(IllegalTransitionError):
                handle.scan.resume()
        if not self.queue.wait_for_completion(PATIENCE):
            self.queue.abort()
            assert self.queue.wait_for_completion(PATIENCE), "the queue did not come to rest"
        assert self.queue.bus.flush(PATIENCE)
        for handle in self.queue.handles:
            self._check(handle.scan)
        self.queue.bus.close()

    def _check(self, scan: Scan) -> None:
        heard = self.ear.indexes(scan_id=scan.scan_id)
        assert heard == list(range(scan.points_done))
        if scan.scan_id in self.sinks:
            assert self.sinks[scan.scan_id].indexes() == heard
        assert scan.state.is_finished or scan.state is ScanState.QUEUED
        assert scan.state is not ScanState.FAILED, scan.error
        if scan.state is ScanState.COMPLETED:
            assert len(heard) == scan.points_total
        states: list[Any] = self.ear.states(scan.scan_id)
        assert all(after in TRANSITIONS[before] for before, after in pairwise(states))
        assert states[-1:] in ([], [scan.state])
        progress = [e.progress for e in self.ear.of(ScanStatus) if e.scan_id == scan.scan_id]
        assert progress == sorted(progress)


QueueMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestQueueMachine = QueueMachine.TestCase
