"""A scan: one walk through a tree of movements and measurements.

::

    queued ──► running ◄──► paused
      │         ▲ │            │
      └─────────┼─┴─────┬──────┘
                │       ▼
         resume │   completed · aborted · failed
                │       │
                └── interrupted

One thread drives the instruments (the caller of `run`), another, the outlet, hands on what was
measured. `pause`, `resume` and `abort` may be called from anywhere: they leave a wish, and the
engine reaches it at the next step. So does `rewind`, which moves nothing but the walk.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pybirch.errors import IllegalTransitionError
from pybirch.events import EventBus, utc_now
from pybirch.extensions.base import ScanExtension
from pybirch.samples import Sample
from pybirch.scan.account import Account
from pybirch.scan.course import AbortAsked
from pybirch.scan.run import Run
from pybirch.scan.settings import ScanSettings
from pybirch.scan.stacks import Call
from pybirch.states import ScanState

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Scan", "ScanExtension", "ScanSettings", "new_scan_id"]

log = logging.getLogger(__name__)


def new_scan_id() -> str:
    """A new scan's id: readable, sorted by time, safe in URLs and file names."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.urandom(4).hex()}"


class Scan(Account):
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
        left_out: positions and readings left out, as their error policies say.
        flagged: is called with a sentence about each of these.
        hung: instruments that did not come back from a call within their time limit: the scan has ended
            without them, and its thread is still inside one of them. Empty again when it came back.
        parted: is called when it has ended so.
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
        super().__init__(
            settings,
            sample,
            extensions,
            owner,
            scan_id=scan_id or new_scan_id(),
            bus=bus,
            restarted_from=restarted_from,
        )

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

    def to_go_on(self) -> Scan:
        """The same scan, interrupted, once more: to be begun after the last step that is kept.

        Raises:
            IllegalTransitionError: it was not interrupted.
        """
        if self.state is not ScanState.INTERRUPTED:
            raise IllegalTransitionError(
                f"scan {self.scan_id} is {self.state}; only an interrupted one goes on"
            )
        again = Scan.recall(
            self.settings,
            scan_id=self.scan_id,
            state=self.state,
            progress=self.progress,
            points_done=self.points_done,
            error=self.error,
            started_at=self.started_at,
            finished_at=self.finished_at,
            sample=self.sample,
            owner=self.owner,
            bus=self.bus,
            restarted_from=self.restarted_from,
        )
        again.created_at, again.record = self.created_at, self.record
        again._course.reopen()
        again._goes_on = True
        return again

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
            run = Run(
                self,
                plan,
                self._goes_on,
                self._course,
                self._hooks,
                self._memory,
                self._publish,
                self.say,
                self._flag,
                self._part,
            )
        except BaseException as error:
            self._hooks.call("on_error", error)
            self._finish(self._unbegun, error)
            raise
        self._run = run
        self.started_at, self.finished_at, self.error = self.started_at or utc_now(), None, None
        try:
            self._hooks.call_or_raise("startup")
            self._course.move_to(ScanState.RUNNING)
            run.flush()
            run.connect()
        except BaseException as error:
            self._raise_failure(self._end(run, error))

    @property
    def _unbegun(self) -> ScanState:
        """What a scan is that could not begin: one that was interrupted may try again."""
        return ScanState.INTERRUPTED if self._goes_on else ScanState.FAILED

    def execute(self) -> None:
        """Walk the tree; returns when everything is flushed, safe and in a terminal state.

        Raises:
            Exception: what failed the scan, as it was raised.
        """
        if self.state.is_finished:
            return
        if self._run is None:
            raise IllegalTransitionError(f"scan {self.scan_id}: startup() comes before execute()")
        if self.settings.scan_tree is None:
            self._remark = "nothing to do: the scan has no tree"
            log.warning("scan %s: %s", self.scan_id, self._remark)
        try:
            self._goes_on = False
            self._hooks.call_or_raise("execute")
            self._run.walk()
            self._remark = self._run.ended_early or self._remark
        except BaseException as error:
            self._raise_failure(self._end(self._run, error))
        else:
            self._raise_failure(self._end(self._run, None))

    def shutdown(self) -> None:
        """Safe state and the extensions' last call; harmless when called twice.

        A scan that was started and has not come to its end is aborted. Only for the thread that
        runs the scan; from others, `abort`.
        """
        broken = self._come_to_an_end()
        if self._run is not None:
            self._run.close()
        if not self._closed:
            self._closed = True
            broken = broken or self._close_extensions()
        if broken is not None:
            raise broken

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
            if self._course.withdraw() or (self.state.is_finished and not self._course.reopened):
                return
            waits = not self._course.taken
            if waits:
                self._course.begin()  # nobody else may
            else:
                self._course.ask_abort()
        if waits:
            self._hooks.call("on_abort")
            self._finish(ScanState.ABORTED, None)
        elif self._run is not None:
            self._run.interrupt()

    def rewind(self, step: int | None = None) -> int:
        """Go back to an earlier step and measure again from there, after the step under way.

        What is measured anew are new readings, each of which names the one it repeats; `data` then
        shows the newest, `readings` all. Progress falls to where the walk goes on. A scan that is
        paused goes back at once, stays paused, and goes on from there.

        Args:
            step: where to; 0 is the beginning, None the beginning of the innermost loop (the line)
                that the last step belongs to.

        Returns:
            The step it goes back to.

        Raises:
            FieldError: no such step is done.
            IllegalTransitionError: the scan is neither running nor paused.
        """
        with self._course.changed:
            if self._run is None or not self.state.is_active:
                raise IllegalTransitionError(f"scan {self.scan_id} is {self.state} and cannot be rewound")
            return self._run.rewind(step)

    def make_rest_safe(self) -> None:
        """In an emergency, when the scan's own thread hangs in a driver: shut down what it has not yet.

        Each instrument in a thread of its own, which may meet the hanging call; returns at once.
        """
        if self._run is not None:
            self._run.make_rest_safe()

    def save_data(self, df: pd.DataFrame, measurement_name: str) -> None:
        """Add readings that do not come from the tree, a row each; the index goes on.

        Raises:
            FieldError: a column holds no numbers.
            IllegalTransitionError: the scan is not under way.
        """
        under_way = self._run is not None and not self.state.is_finished
        if self._run is None or not under_way or not self._run.add(df, measurement_name):
            raise IllegalTransitionError(
                f"scan {self.scan_id} is {self.state}; data can be added while it runs"
            )

    # What ends it

    def _raise_failure(self, error: BaseException | None) -> None:
        """What failed the scan, or asked the whole program to end; an abort raises nothing."""
        if self.failure is not None:
            raise self.failure
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def _come_to_an_end(self) -> BaseException | None:
        """Safe and in a terminal state, whatever happens on the way; what did happen."""
        if self._run is None:
            return None
        try:
            self._run.make_safe()
            if not self.state.is_finished:
                self._end(self._run, AbortAsked())
        except BaseException as error:
            if not self.state.is_finished:
                self._finish(self._unbegun, error)
            return error
        return None

    def _close_extensions(self) -> BaseException | None:
        """The last call of all of them; what one raised to end the program."""
        leaving: BaseException | None = None
        for extension in tuple(self.extensions):
            try:
                extension.shutdown()
            except BaseException as error:
                log.exception("scan %s: %s.shutdown failed", self.scan_id, type(extension).__name__)
                if self.failure is None:
                    self.error = f"{type(extension).__name__}: {error}"
                if not isinstance(error, Exception):
                    leaving = leaving or error
        return leaving

    def _part(self, call: Call) -> None:
        """From the watch's thread: an instrument hangs, and with it the scan's own thread; end without it."""
        run = self._run
        if run is None or not self._may_end():
            return
        log.error("scan %s: %s hangs in %s; it ends without it", self.scan_id, call.instrument, call.name)
        try:
            error = run.wind_up(run.part_from(call))
            self.hung = run.hung
            self._hooks.call("on_error", error)
            self._finish(self._unbegun, error)
        except BaseException as error:
            log.exception("scan %s", self.scan_id)
            if not self.state.is_finished:
                self._finish(self._unbegun, error)
        finally:
            self._closed = True
            self._close_extensions()
            try:
                if self.parted is not None:
                    self.parted()
            finally:
                self._over.set()

    def _may_end(self) -> bool:
        """Whether it is this thread that brings the scan to its end: the first that asks."""
        with self._course.changed:
            self._ends_in = self._ends_in or threading.get_ident()
            return self._ends_in == threading.get_ident()

    def _end(self, run: Run, error: BaseException | None) -> BaseException | None:
        """Safe, then recorded, then in the state everybody sees; what ended the scan.

        A thread that comes back from a driver after the scan has ended without it makes only that safe.
        """
        error = run.make_safe(error)
        if not self._may_end():
            self._over.wait()
            self.hung = []
            return self.failure
        error = run.wind_up(error)
        match error:
            case None:
                self._finish(ScanState.COMPLETED, None)
            case AbortAsked() | KeyboardInterrupt() | SystemExit():
                self._finish(ScanState.ABORTED, None)
            case _:
                self._hooks.call("on_error", error)
                self._finish(self._unbegun, error)
        return error

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
        self._course.end_as(state)
        if unkept is not None:
            self._hooks.call("owe_status", self.status())
        self._publish(self.status())
