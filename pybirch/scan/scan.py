"""A scan: one walk through a tree of movements and measurements.

::

    queued ──► running ◄──► paused
      │           │            │
      └───────────┴─────┬──────┘
                        ▼
        completed · aborted · failed · interrupted

One thread drives the instruments (the caller of `run`), another, the outlet, hands on what was
measured. `pause`, `resume` and `abort` may be called from anywhere: they leave a wish, and the
engine reaches it at the next step.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pybirch.errors import (
    IllegalTransitionError,
    InterruptedMoveError,
    ScanSettingsError,
)
from pybirch.events import Event, EventBus, Readings, ScanStatus, utc_now
from pybirch.extensions.base import ScanExtension
from pybirch.samples import Sample
from pybirch.scan.bench import Bench
from pybirch.scan.checks import check_settings
from pybirch.scan.course import AbortAsked, Course
from pybirch.scan.engine import Engine
from pybirch.scan.extra import Extras
from pybirch.scan.hooks import Hooks
from pybirch.scan.memory import Memory
from pybirch.scan.outlet import Outlet, Pace
from pybirch.scan.settings import ScanSettings
from pybirch.scan.stacking import layouts_of
from pybirch.scan.traverse import Plan
from pybirch.states import InstrumentState, ScanState, Wish

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Scan", "ScanExtension", "ScanSettings", "new_scan_id"]

log = logging.getLogger(__name__)


def new_scan_id() -> str:
    """A new scan's id: readable, sorted by time, safe in URLs and file names."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


class Scan:
    """Runs `settings` once.

    Args:
        settings: what to do.
        sample: what it is done to.
        extensions: hear the scan and may fail it; kept as a list of the scan's own.
        owner: who answers for it.
        bus: observers' bus; they hear and never fail the scan.

    Attributes:
        scan_id: known for ever by this text.
        state: where it stands; only the scan moves it.
        requested: a wish not yet reached, or None.
        error: text of what failed it, or None.
        restarted_from: id of the scan this one repeats, or None.
    """

    def __init__(
        self,
        settings: ScanSettings,
        sample: Sample | None = None,
        extensions: Sequence[Any] | None = None,
        owner: str = "",
        *,
        scan_id: str | None = None,
        bus: EventBus | None = None,
        restarted_from: str | None = None,
    ) -> None:
        if not isinstance(settings, ScanSettings):
            raise ScanSettingsError("settings", f"must be ScanSettings, not {type(settings).__name__}")
        self.settings = settings
        self.sample = sample
        self.extensions: list[Any] = list(extensions or ())
        self.owner = owner
        self.scan_id = scan_id or new_scan_id()
        self.bus = bus
        self.restarted_from = restarted_from
        self.error: str | None = None
        self.failure: BaseException | None = None
        self.message: str | None = None
        self.created_at = utc_now()
        self.started_at: str | None = None
        self.finished_at: str | None = None
        self._hooks = Hooks(self)
        self._course = Course(self.scan_id, self._tell, self._raise_sink_failure)
        self._closed = False
        self._recalled = (0.0, 0)
        self._engine: Engine | None = None
        self._plan: Plan | None = None
        self._memory = Memory()
        self._bench: Bench | None = None
        self._outlet: Outlet | None = None
        self._extras = Extras(self.scan_id, ())
        self._progress_pace = Pace(0.25)
        self._values_pace = Pace(0.2)

    @classmethod
    def recall(
        cls,
        settings: ScanSettings,
        *,
        scan_id: str,
        state: ScanState,
        progress: float = 0.0,
        points_done: int = 0,
        error: str | None = None,
        started_at: str | None = None,
        finished_at: str | None = None,
        **known: Any,
    ) -> Scan:
        """A scan as the record has it; only a queued one can be run."""
        scan = cls(settings, scan_id=scan_id, **known)
        scan._course.state = state
        scan._recalled = (progress, points_done)
        scan.error = error
        scan.started_at, scan.finished_at = started_at, finished_at
        return scan

    # What can be asked at any moment

    @property
    def state(self) -> ScanState:
        return self._course.state

    @property
    def requested(self) -> Wish | None:
        return self._course.wish

    @property
    def progress(self) -> float:
        """Share of the steps done, 0..1."""
        if self.state is ScanState.COMPLETED:
            return 1.0
        if self._engine is None or self._plan is None or not self._plan.steps:
            return self._recalled[0]
        return self._engine.steps_done / self._plan.steps

    @property
    def points_done(self) -> int:
        """Readings taken so far."""
        if self._outlet is None:
            return self._recalled[1]
        return self._outlet.taken

    @property
    def points_total(self) -> int:
        """Readings the tree will give; 0 for a tree that does not pass `check`."""
        try:
            return self.check().readings
        except ScanSettingsError:
            return 0

    @property
    def data(self) -> dict[str, pd.DataFrame]:
        """Measurement -> DataFrame: positions, then data, a row per reading, by sequence index."""
        self.flush()
        return self._memory.frames()

    @property
    def instruments(self) -> list[Any]:
        """Every instrument of the tree once."""
        return Bench(self.settings.scan_tree or (), self._publish).instruments

    def wait_for(self, reached: Callable[[Scan], bool], timeout: float | None = None) -> bool:
        """Wait until `reached(scan)` is true of its state; False when `timeout` (s) ran out."""
        with self._course.changed:
            return self._course.changed.wait_for(lambda: reached(self), timeout)

    def check(self) -> Plan:
        """The plan of what will be done.

        Raises:
            ScanSettingsError: names the field that is wrong; nothing has moved.
        """
        if self._plan is None:
            self._plan = check_settings(self.settings)
        return self._plan

    def status(self, message: str | None = None) -> ScanStatus:
        """The event that tells the present state."""
        return ScanStatus(
            scan_id=self.scan_id,
            status=self.state,
            progress=self.progress,
            message=message or self.error or self.message,
            requested=self._course.wish,
        )

    # The life of a scan

    def run(self) -> None:
        """`startup`, `execute`, `shutdown`.

        Raises:
            Exception: what failed the scan, as it was raised; `state` is FAILED, `error` its text.
            IllegalTransitionError: the scan has been run already, or is being run.
        """
        self._course.begin()
        try:
            self._start()
            self.execute()
        finally:
            self.shutdown()

    def startup(self) -> None:
        """Check the settings, open the extensions, connect and initialize the instruments.

        Raises:
            ScanSettingsError: refused before anything moved.
            IllegalTransitionError: the scan has been run already.
        """
        self._course.begin()
        self._start()

    def _start(self) -> None:
        try:
            self._hooks.call_or_raise("set_scan_reference", self)
            self._plan = None  # what is done is what the settings say now, not when they were first read
            plan = self.check()
        except Exception as error:
            self._hooks.call("on_error", error)
            self._finish(ScanState.FAILED, error)
            raise
        self._bench = Bench(self.settings.scan_tree or (), self._publish)
        layouts = layouts_of(plan)
        self._outlet = Outlet(
            self.scan_id,
            layouts,
            self.extensions,
            self._publish,
            self._on_sink_failure,
            self._after_tick,
            self._hooks.turn,
        )
        self._extras = Extras(self.scan_id, layouts)
        self._engine = Engine(plan, self._outlet, self._course, self._say)
        self._outlet.start()
        self.started_at = utc_now()
        try:
            self._hooks.call_or_raise("startup")
            self._course.move_to(ScanState.RUNNING)
            self.flush()
            self._bench.connect(self._course.heed)
        except BaseException as error:
            self._end(error)
            self._raise_failure(error)

    def execute(self) -> None:
        """Walk the tree; returns when everything is flushed, safe and in a terminal state.

        Raises:
            Exception: what failed the scan, as it was raised.
        """
        if self.state.is_finished:
            return
        if self._bench is None or self._engine is None or self._plan is None:
            raise IllegalTransitionError(f"scan {self.scan_id}: startup() comes before execute()")
        if self.settings.scan_tree is None:
            self.message = "nothing to do: the scan has no tree"
            log.warning("scan %s: %s", self.scan_id, self.message)
        try:
            self._hooks.call_or_raise("execute")
            self._bench.show(InstrumentState.MEASURING, self._plan.measurements)
            self._engine.walk()
            self.flush()
            self._raise_sink_failure()
        except BaseException as error:
            self._end(error)
            self._raise_failure(error)
        else:
            self._end(None)
            self._raise_failure(None)

    def shutdown(self) -> None:
        """Safe state and the extensions' last call; harmless when called twice.

        A scan that was started and has not come to its end is aborted. Only for the thread that
        runs the scan; from others, `abort`.
        """
        if self._bench is not None:
            self._bench.make_safe()
            if not self.state.is_finished:
                self._end(AbortAsked())
        if self._outlet is not None:
            self._outlet.close()
        if self._closed:
            return
        self._closed = True
        for extension in tuple(self.extensions):
            try:
                extension.shutdown()
            except Exception as error:
                log.exception("scan %s: %s.shutdown failed", self.scan_id, type(extension).__name__)
                if self.failure is None:
                    self.error = f"{type(extension).__name__}: {error}"

    # Wishes, from any thread

    def take(self) -> None:
        """For who will `run` it: from now on wishes are kept until the scan can reach them.

        Raises:
            IllegalTransitionError: somebody has taken it already, or it has ended.
        """
        self._course.take()

    def pause(self) -> None:
        """Hold after the step under way.

        Raises:
            IllegalTransitionError: the scan is not running.
        """
        self._course.ask_pause()

    def resume(self) -> None:
        """Go on.

        Raises:
            IllegalTransitionError: the scan is neither paused nor about to be.
        """
        self._course.ask_resume()

    def abort(self) -> None:
        """End now: waits and moves under way are cut short. Harmless when it has ended."""
        with self._course.changed:
            if self.state.is_finished:
                return
            waits = not self._course.taken
            if waits:
                self._course.begin()  # nobody else may
            else:
                self._course.ask_abort()
        if waits:
            self._hooks.call("on_abort")
            self._finish(ScanState.ABORTED, None)
        elif self._bench is not None:
            self._bench.interrupt()

    def flush(self) -> None:
        """Wait until everything measured so far is with the extensions."""
        if self._outlet is not None:
            self._outlet.flush()

    def save_data(self, df: pd.DataFrame, measurement_name: str) -> None:
        """Add readings that do not come from the tree, a row each; the index goes on.

        Raises:
            FieldError: a column holds no numbers.
            IllegalTransitionError: the scan is not under way.
        """
        if self._outlet is None or self.state.is_finished:
            raise IllegalTransitionError(
                f"scan {self.scan_id} is {self.state}; data can be added while it runs"
            )
        step = 0 if self._engine is None else self._engine.steps_done
        make_block = self._extras.block_maker(df, measurement_name, step)
        if not self._outlet.add(measurement_name, make_block):
            raise IllegalTransitionError(f"scan {self.scan_id} has ended; data can be added while it runs")

    # What ends it

    def _raise_sink_failure(self) -> None:
        if self._outlet is not None and self._outlet.error is not None:
            raise self._outlet.error

    def _raise_failure(self, error: BaseException | None) -> None:
        """What failed the scan, or asked the whole program to end; an abort raises nothing."""
        if self.failure is not None:
            raise self.failure
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def _on_sink_failure(self, error: BaseException) -> None:
        """From the outlet's thread: the scan must not go on unrecorded."""
        self._course.rouse()
        if self._bench is not None:
            self._bench.interrupt()

    def _end(self, error: BaseException | None) -> None:
        """Safe state first, then the record, then the state everybody sees."""
        assert self._bench is not None
        assert self._outlet is not None
        sink_failure = self._outlet.error
        if isinstance(error, InterruptedMoveError):
            error = sink_failure or (AbortAsked() if self._course.wish is Wish.ABORT else error)
        for unsafe in self._bench.make_safe():
            if error is None or isinstance(error, AbortAsked):
                error = unsafe
        self._outlet.flush()
        if error is None or isinstance(error, AbortAsked):
            error = self._outlet.error or error
        if error is None:
            error = self._hooks.call("on_complete")
        if isinstance(error, AbortAsked):
            error = self._hooks.call("on_abort") or error
        self._outlet.close()
        self._bench.report_values(all_of_them=True)
        if error is None or isinstance(error, AbortAsked):
            error = self._outlet.error or error
        match error:
            case None:
                self._finish(ScanState.COMPLETED, None)
            case AbortAsked() | KeyboardInterrupt() | SystemExit():
                self._finish(ScanState.ABORTED, None)
            case _:
                self._hooks.call("on_error", error)
                self._finish(ScanState.FAILED, error)

    def _finish(self, state: ScanState, error: BaseException | None) -> None:
        """Into a terminal state: kept by the sinks first, then true, then shown."""
        if error is not None:
            self.failure, self.error = error, str(error) or type(error).__name__
        self.finished_at = utc_now()
        last = replace(
            self.status(),
            status=state,
            progress=1.0 if state is ScanState.COMPLETED else self.progress,
            requested=None,
        )
        unkept = self._hooks.call("save_status", last)
        if unkept is not None and self.failure is None:
            self.failure, self.error = unkept, str(unkept) or type(unkept).__name__
            state = ScanState.FAILED
            self._hooks.call("on_error", unkept)
        self._course.enter(state)
        self._publish(self.status())

    def _tell(self, hook: str | None) -> None:
        """The present state, through the outlet while there is one."""
        if self._outlet is not None:
            self._outlet.tell(self.status(), hook)

    def _say(self, message: str | None) -> None:
        self.message = message
        self._tell(None)

    # Telling

    def _publish(self, event: Event) -> None:
        if self.bus is not None:
            self.bus.publish(event)

    def _after_tick(self, blocks: list[Readings]) -> None:
        self._memory.keep(blocks)
        if self._bench is None or self.bus is None:
            return
        self._bench.note_values(blocks)
        if self._values_pace.due():
            self._bench.report_values()
        if self._progress_pace.due() and self._outlet and self._engine and self._plan and self._plan.steps:
            steps = min(self._engine.steps_done, max(int(block.steps[-1]) + 1 for block in blocks))
            self._outlet.publish_progress(steps / self._plan.steps)

    def __repr__(self) -> str:
        return f"<Scan {self.scan_id} {self.settings.scan_name!r} {self.state}>"
