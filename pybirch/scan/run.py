"""One run of a scan: its instruments, engine and outlet, from the first connection to the safe state."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pybirch.errors import (
    FieldError,
    IllegalTransitionError,
    InstrumentTimeoutError,
    InterruptedMoveError,
)
from pybirch.events import Event, Readings, ScanStatus
from pybirch.scan.bench import Bench
from pybirch.scan.conditions import Witness
from pybirch.scan.course import AbortAsked, Course, WalkAgain
from pybirch.scan.engine import Engine
from pybirch.scan.extra import Extras
from pybirch.scan.hooks import Hooks
from pybirch.scan.memory import Memory
from pybirch.scan.outlet import Outlet, Pace
from pybirch.scan.plan import Plan
from pybirch.scan.rest import Pause
from pybirch.scan.rewinding import Earlier, Rewind
from pybirch.scan.sense import Sense
from pybirch.scan.stacking import layouts_of
from pybirch.scan.stacks import Call
from pybirch.scan.watch import Watch, limit_of
from pybirch.states import InstrumentState, Wish

if TYPE_CHECKING:
    import pandas as pd

PROGRESS_EVERY, VALUES_EVERY = 0.25, 0.2
"""Seconds between two reports to observers."""


class Run:
    """What exists only while a scan is run.

    Args:
        scan: whose run it is; its extensions are the sinks.
        plan: what to do.
        goes_on: the record has the first part of it.
        course: state and wishes.
        hooks: the scan's extensions, called one at a time.
        memory: keeps what was measured.
        publish: hands an event to the observers.
        say: tells watchers a sentence about the scan, or None when it no longer holds, and who says so.
        flag: is told what was left out.
        give_up: called by a thread of its own when an instrument hangs: the scan must end without it.

    Attributes:
        hung: instruments that did not come back, and were left as they are.

    Raises:
        IllegalTransitionError: it is to go on, and there is no record to read.
    """

    def __init__(
        self,
        scan: Any,
        plan: Plan,
        goes_on: bool,
        course: Course,
        hooks: Hooks,
        memory: Memory,
        publish: Callable[[Event], None],
        say: Callable[[str | None, str], None],
        flag: Callable[[str], None],
        give_up: Callable[[Call], None],
    ) -> None:
        done, counts = _done_before(scan.scan_id, plan, memory) if goes_on else (0, {})
        layouts = layouts_of(plan)
        self._status: Callable[[str], ScanStatus] = scan.status
        self._plan = plan
        self._course = course
        self._hooks = hooks
        self._memory = memory
        self._extras = Extras(scan.scan_id, layouts)
        self._announce = say
        self._bench = Bench(scan.settings.scan_tree or (), publish)
        self._witness = Witness(scan, hooks, goes_on)
        self._pause = course.rest = Pause(self._bench, course, scan.settings.on_pause, self._witness.note)
        self._outlet = Outlet(
            scan.scan_id,
            layouts,
            scan.extensions,
            publish,
            self._on_sink_failure,
            self._after_tick,
            hooks.turn,
            counts,
            len(plan.movements),
        )
        if memory.rewinds:
            self._outlet.go_on_after(self._earlier(done, counts))
        self._sense = Sense(
            plan.axes_of, len(plan.movements), counts, memory.readings, memory.counts, memory.rewinds
        )
        self._engine = Engine(
            plan, self._outlet, course, self._sense, self._say, flag, self._bring_up, done, self._rewound
        )
        self.hung: list[Any] = []
        self._late: InstrumentTimeoutError | None = None
        self._at_the_end: tuple[float, int] | None = None
        self._give_up = give_up
        self._watch = Watch(
            f"watch {scan.scan_id}",
            self._bench.instruments,
            self._threads,
            lambda: self._engine.steps_done,
            self,
        )
        self._progress_pace, self._values_pace = Pace(PROGRESS_EVERY), Pace(VALUES_EVERY)
        self._outlet.start()

    @property
    def progress(self) -> float:
        """Share of the steps done, 0..1."""
        if self._at_the_end is not None:
            return self._at_the_end[0]
        return self._engine.steps_done / self._plan.steps if self._plan.steps else 0.0

    @property
    def taken(self) -> int:
        """Readings taken so far."""
        return self._outlet.taken if self._at_the_end is None else self._at_the_end[1]

    @property
    def ended_early(self) -> str | None:
        """The decision that ended it before the last step, or None."""
        return self._sense.note or "it was left early" if self._sense.left else None

    # From the thread that runs the scan

    def connect(self) -> None:
        """Connect, set up and initialize the instruments; all over again if a pause comes meanwhile."""
        self._pause.thread = threading.get_ident()
        self._watch.start()
        try:
            at = self._bring_all_up()
        finally:
            self._witness.note(is_up=self._bench.is_up)
        if at is not None:
            self._course.walk_again(at)

    def _bring_all_up(self) -> int | None:
        """Until all are up; where somebody wished the walk to be taken up meanwhile."""
        at: int | None = None
        while not self._bench.is_up:
            try:
                self._bench.connect(self._course.heed, self._course.wait)
            except WalkAgain as again:
                at = again.at if again.at is not None else at
        return at

    def walk(self) -> None:
        """Every step; what was read last may still be on its way to the sinks.

        Raises:
            Exception: what an instrument or a sink raised.
        """
        self._pause.thread = threading.get_ident()
        self._bench.show(InstrumentState.MEASURING, self._plan.measurements)
        self._engine.walk()

    def _bring_up(self) -> None:
        """For a walk that is taken up again: ready once more, if a pause has put them in their safe state."""
        if self._bench.is_up:
            return
        self._say("bringing the instruments up again")
        try:
            self.connect()
        finally:
            self._say(None)
        self._bench.show(InstrumentState.MEASURING, self._plan.measurements)

    def make_safe(self, error: BaseException | None = None) -> BaseException | None:
        """Safe state first, whatever ended the walk.

        Args:
            error: what did.

        Returns:
            What the scan ends with: `error`, what is behind it, or what went wrong on the way.
        """
        self._pause.thread = threading.get_ident()
        if isinstance(error, InterruptedMoveError):
            error = self._outlet.error or (AbortAsked() if self._course.wish is Wish.ABORT else error)
        if self._late is not None and error is not self._late:
            self._late.__cause__ = error or self._late.__cause__
            error = self._late
        return _graver(error, next(iter(self._bench.make_safe()), None))

    def wind_up(self, error: BaseException | None) -> BaseException | None:
        """When all is safe: what was measured to the sinks, then their last hooks.

        Args:
            error: what ended the walk.

        Returns:
            What the scan ends with: `error`, or what went wrong on the way out.
        """
        self._outlet.flush()
        error = _graver(error, self._outlet.error)
        if error is None:
            error = self._hooks.call("on_complete")
        if isinstance(error, AbortAsked):
            error = self._hooks.call("on_abort") or error
        self._watch.close()
        self._outlet.close()
        self._bench.report_values(all_of_them=True)
        return _graver(error, self._outlet.error)

    def _say(self, text: str | None) -> None:
        self._announce(text, "walk")

    def _rewound(self, step: int) -> None:
        """Everything measured is with the sinks; now they hear that the walk goes back."""
        counts = self._memory.counts()
        earlier = self._earlier(step, counts)
        self._memory.rewinds.append(Rewind(step, counts))
        self._outlet.rewind(step, self._status(f"rewound to step {step}"), earlier)
        self._course.rewound(step)

    def _earlier(self, step: int, counts: Mapping[str, int]) -> Earlier:
        """What may be repeated from `step` on."""
        names = [measurement.name for measurement in self._plan.measurements]
        return Earlier(step, names, counts, self._memory.rewinds, self._memory.steps_of)

    # From the watch's thread

    def say(self, text: str | None) -> None:
        """What is waited for."""
        self._announce(text, "watch")

    def interrupt_call(self, call: Call) -> None:
        """An instrument has reached its limit: it is cut short, and the scan ends when it comes back.

        The way to the safe state is not cut short, and ends nothing if it does come to its end.
        """
        if self._bench.is_ending:
            return
        self._late = _late(call, "it was interrupted")
        self._course.rouse()
        self._bench.interrupt_one(call.instrument)

    def leave(self, call: Call) -> None:
        self._give_up(call)

    def part_from(self, call: Call) -> InstrumentTimeoutError:
        """End the walk without the thread that hangs in `call`; the other instruments are safe afterwards.

        Returns:
            What the scan ends with.
        """
        self._late = _late(call, "it was given up")
        self._course.rouse()
        self._engine.leave(call.instrument)
        self.hung = self._bench.leave(call.instrument)
        hangs = any(one is call.instrument for one in self.hung)
        self._late = error = _late(call, "it was left as it is" if hangs else "it came back too late")
        self._outlet.flush()
        self._at_the_end = self.progress, self.taken
        others = [one.name for one in self.hung if one is not call.instrument]
        if others:
            error.add_note(f"neither did {', '.join(others)}")
        for one in self.hung:
            getattr(one, "report_error", _nothing)(error)
        return error

    def _threads(self) -> set[int]:
        return {self._pause.thread} | self._engine.threads | self._bench.threads

    # From any thread

    def rewind(self, step: int | None) -> int:
        """Take the walk up again at `step`, or at the beginning of its innermost loop; which it is.

        Raises:
            FieldError: no such step is done.
            IllegalTransitionError: the walk is over.
        """
        done = self._engine.steps_done
        if step is None:
            step = self._plan.body.loop_start(0, max(0, done - 1)) or 0
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= done:
            raise FieldError("step", f"must be a whole number from 0 to {done}, the steps done; not {step!r}")
        self._course.ask_rewind(step)
        return step

    def check(self) -> None:
        """Raise what a sink raised, or that an instrument took too long."""
        if self._late is not None:
            raise self._late
        if self._outlet.error is not None:
            raise self._outlet.error

    def interrupt(self) -> None:
        """Cut short moves and waits under way."""
        self._bench.interrupt()

    def make_rest_safe(self) -> None:
        """When the scan's own thread hangs in a driver: shut down what it has not yet."""
        self._bench.make_rest_safe()

    def tell(self, status: ScanStatus, hook: str | None) -> None:
        """A state or wish, after all readings so far."""
        self._outlet.tell(status, hook)

    def flush(self) -> None:
        self._outlet.flush()

    def close(self) -> None:
        self._outlet.close()
        self._watch.close()

    def add(self, frame: pd.DataFrame, measurement: str) -> bool:
        """Readings that do not come from the tree; False when they come too late.

        Raises:
            FieldError: a column holds no numbers.
        """
        step = max(0, self._engine.steps_done - 1)
        return self._outlet.add(measurement, self._extras.block_maker(frame, measurement, step))

    # From the outlet's thread

    def _on_sink_failure(self, error: BaseException) -> None:
        """The scan must not go on unrecorded."""
        self._course.rouse()
        self._bench.interrupt()

    def _after_tick(self, blocks: list[Readings]) -> None:
        self._memory.keep(blocks, recorded=self._outlet.error is None)
        self._bench.note_values(blocks)
        if self._values_pace.due():
            self._bench.report_values()
        if self._progress_pace.due() and self._plan.steps:
            steps = min(self._engine.steps_done, max(int(block.steps[-1]) + 1 for block in blocks))
            self._outlet.publish_progress(steps / self._plan.steps)


def _done_before(scan_id: str, plan: Plan, memory: Memory) -> tuple[int, dict[str, int]]:
    """Steps and readings of an earlier day, which the record has."""
    if memory.record is None:
        raise IllegalTransitionError(f"scan {scan_id} cannot go on: its record cannot be read from here")
    counts = memory.record.counts()
    memory.go_on_from(counts, memory.record.rewinds())
    return memory.record.steps(measurement.name for measurement in plan.measurements), counts


def _late(call: Call, what_then: str) -> InstrumentTimeoutError:
    limit = limit_of(call.instrument)
    return InstrumentTimeoutError(
        f"{call.instrument.name} did not come back from {call.name} within {limit:g} s; {what_then}"
    )


def _nothing(_: BaseException) -> None: ...


def _graver(error: BaseException | None, other: BaseException | None) -> BaseException | None:
    """`error` if it is one; an abort gives way to what is wrong."""
    return (other or error) if error is None or isinstance(error, AbortAsked) else error
