"""Queue × pause × abort × rewind × restart × kill × reconnect: seen = stored = counted, in order, once.

A *kill* is what the record sees of one: the writer's life is over, what it still tries to write is
refused, and a new life takes up the queue from the record. (Real kills: tests/system/test_kills.py.)
``PYBIRCH_EXAMPLES=400`` (`make soak`) tries more stories.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue
from pybirch.errors import NotFoundError, PyBirchError
from pybirch.events import Readings
from pybirch.extensions.base import ScanExtension
from pybirch.queue.queue import Queue, QueueState, ScanState
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import ConditionItem, LeaveItem, RepeatItem, When
from tests.lab import Ear, Meter, Stage

WAIT = 30.0


class Restless(ScanExtension):
    """Wishes the scan back whenever so many readings more are taken."""

    goes_on = False

    def __init__(self, life: Life, every: int, steps: list[int | None]) -> None:
        self.life, self.every, self.steps, self.taken = life, every, list(steps), 0

    def startup(self) -> None:
        self.life.reads = self.read

    def shutdown(self) -> None:
        self.life.reads = lambda: None

    def read(self) -> None:
        """From the scan's one meter that nobody else has meanwhile."""
        self.taken += 1
        if self.taken >= self.every and self.steps:
            self.taken = 0
            with suppress(PyBirchError):
                self.scan.rewind(self.steps.pop())


class Life:
    """Instruments and queue of one life of the program."""

    def __init__(self, db: DatabaseService, number: int) -> None:
        self.reads: Callable[[], None] = lambda: None
        self.stages = [Stage("x"), Stage("y")]
        self.meters = [Meter("m", self.read), Meter("n")]
        instruments = [*self.stages, *self.meters]
        options: dict[str, Any] = {"writer": f"life:{number}", "max_parallel_scans": 3}
        db.stations.attach("life", epoch=str(number))
        try:
            self.queue = DatabaseQueue.from_database(db, "Q", instruments, **options)
        except NotFoundError:
            self.queue = DatabaseQueue(db, "Q", **options)
        self.ear = Ear(self.queue.bus)

    def read(self, _number: int) -> Any:
        self.reads()
        return np.array([[self.stages[0].position]])

    def tree(self, points: int, kind: str) -> list[Any]:
        read = [MeasurementItem(self.meters[0])]
        if kind == "line":
            return [MovementItem(self.stages[0], range(points), children=read)]
        if kind == "grid":
            inner = MovementItem(self.stages[0], range(4), children=[*read, MeasurementItem(self.meters[1])])
            return [MovementItem(self.stages[1], range(max(1, points // 4)), children=[inner], snake=True)]
        leave = ConditionItem(When("m", above=points / 2), [LeaveItem("loop")])
        line = MovementItem(self.stages[0], range(points), children=[*read, leave])
        return [RepeatItem(2, [line])]


@cache
def model() -> Path:
    """A migrated file without rows, to be copied."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "model.db"
    DatabaseService(path).close()
    return path


class LivesMachine(RuleBasedStateMachine):
    @initialize(mode=st.sampled_from(["serial", "parallel"]))
    def build(self, mode: str) -> None:
        self.mode = mode
        self.folder = tempfile.TemporaryDirectory()
        self.db = DatabaseService(shutil.copy(model(), Path(self.folder.name) / "lab.db"), migrate=False)
        self.lives: list[Life] = []
        self.seen: dict[tuple[str, str], list[int]] = {}
        self.begin()

    def begin(self) -> None:
        self.lives.append(Life(self.db, len(self.lives)))

    @property
    def queue(self) -> Queue:
        return self.lives[-1].queue

    @rule(
        points=st.integers(1, 60),
        kind=st.sampled_from(["line", "grid", "choice"]),
        back=st.lists(st.none() | st.integers(0, 8), max_size=4),
        every=st.integers(1, 9),
    )
    def enqueue(self, points: int, kind: str, back: list[int | None], every: int) -> None:
        tree = self.lives[-1].tree(points, kind)
        restless = Restless(self.lives[-1], every, back)
        self.queue.enqueue(Scan(ScanSettings("P", kind, "", "", tree), extensions=[restless]))

    @rule()
    def start(self) -> None:
        with suppress(PyBirchError):
            self.queue.start(mode=self.mode)

    @rule(wish=st.sampled_from(["pause", "resume", "abort", "stop_queue"]))
    def wish_of_all(self, wish: str) -> None:
        with suppress(PyBirchError):
            getattr(self.queue, wish)()

    @precondition(lambda self: not self.queue.is_empty())
    @rule(wish=st.sampled_from(["pause", "resume", "resume", "abort", "restart"]), pick=st.integers(0, 50))
    def wish_of_one(self, wish: str, pick: int) -> None:
        handles = self.queue.handles
        with suppress(PyBirchError):
            getattr(self.queue, wish)(handles[pick % len(handles)].scan_id)

    @precondition(lambda self: not self.queue.is_empty())
    @rule(step=st.none() | st.integers(0, 40), pick=st.integers(0, 50))
    def rewind_one(self, step: int | None, pick: int) -> None:
        handles = [handle for handle in self.queue.handles if handle.is_active()] or self.queue.handles
        with suppress(PyBirchError):
            self.queue.rewind(handles[pick % len(handles)].scan_id, step)

    @rule()
    def wait(self) -> None:
        if self.queue.state in (QueueState.RUNNING, QueueState.STOPPING):
            self.queue.wait_for_completion(0.01)

    @rule()
    def kill(self) -> None:
        """The life is over for the record; what it still does is neither kept nor shown."""
        self.begin()
        assert self.put_to_rest(self.lives[-2].queue)
        self.note_seen(self.lives[-2])

    @rule()
    def reconnect(self) -> None:
        """The program ends in order, and is started again."""
        if self.put_to_rest(self.queue):
            self.note_seen(self.lives[-1])
            self.begin()

    def put_to_rest(self, queue: Queue) -> bool:
        queue.abort()
        return queue.wait_for_completion(WAIT)

    def note_seen(self, life: Life) -> None:
        """What this life has shown."""
        for handle in life.queue.handles:
            if handle.is_active():
                handle.scan.flush()
        assert life.queue.bus.flush(WAIT)
        for handle in life.queue.handles:
            for name in ("m", "n"):
                indexes = life.ear.indexes(name, handle.scan_id)
                self.seen.setdefault((handle.scan_id, name), []).extend(indexes)

    def teardown(self) -> None:
        if not hasattr(self, "lives"):
            return
        with suppress(PyBirchError):
            self.queue.resume()
        if not self.queue.wait_for_completion(WAIT):
            assert self.put_to_rest(self.queue)
        self.note_seen(self.lives[-1])
        for handle in self.queue.handles:
            self.check(handle.scan)
        for life in self.lives:
            life.queue.bus.close()
        self.db.close()
        self.folder.cleanup()

    def check(self, scan: Scan) -> None:
        row = self.db.scans.get(scan.scan_id)
        assert row.status is scan.state
        assert row.status not in (ScanState.RUNNING, ScanState.PAUSED)
        stored = shown = 0
        for name in ("m", "n"):
            last = self.db.readings.last_indexes(scan.scan_id).get(name, -1)
            seen = self.seen.get((scan.scan_id, name), [])
            assert seen == list(range(last + 1)), "shown and not stored, or stored and not shown"
            stored += last + 1
            if last >= 0:
                readings = self.db.readings.read(scan.scan_id, name)
                assert (readings.first_index, readings.count) == (0, last + 1)
                shown += self.check_newest(readings)
        assert stored == row.points_done == scan.points_done
        if scan.state is ScanState.COMPLETED:
            assert shown == self.whole(scan), "a point is missing"

    def check_newest(self, readings: Readings) -> int:
        """In each walk no step comes twice or out of order; the newest of each step is shown."""
        rewinds = self.db.scans.rewinds(readings.scan_id)
        bounds = [0, *(r.counts.get(readings.measurement, 0) for r in rewinds), readings.count]
        for start, end in pairwise(bounds):
            assert (np.diff(readings.steps[start:end]) > 0).all(), "a step twice, or out of order"
        newest = {int(step): index for index, step in enumerate(readings.steps)}
        pieces = self.db.readings.iter_blocks(readings.scan_id, readings.measurement, newest=True)
        shown = [i for piece in pieces for i in range(piece.first_index, piece.end_index)]
        assert shown == sorted(newest.values())
        return len(shown)

    def whole(self, scan: Scan) -> int:
        """The points the tree gives when nothing happens to it."""
        plan = scan.check()
        if not plan.varies:
            return plan.readings
        [repeat] = scan.settings.scan_tree or ()
        points = len(repeat.branches["children"][0].positions)
        return 2 * min(points, int(points / 2) + 2)


LivesMachine.TestCase.settings = settings(
    max_examples=int(os.environ.get("PYBIRCH_EXAMPLES", "25")),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLivesMachine = LivesMachine.TestCase
