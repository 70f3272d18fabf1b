"""The course of a scan: its one state, the wish somebody has, and who waits for either.

Anybody may wish; only the engine's thread reaches a wish, between two steps (`heed`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from pybirch.errors import IllegalTransitionError
from pybirch.states import TRANSITIONS, ScanState, Wish


class AbortAsked(Exception):  # noqa: N818  (not an error: somebody asked for the end)
    """Ends the engine's walk."""


class WalkAgain(Exception):  # noqa: N818  (not an error: the walk is taken up anew)
    """The engine leaves the step under way, and takes the walk up again at step `at`; None: this one."""

    def __init__(self, at: int | None) -> None:
        super().__init__(at)
        self.at = at


class Rest(Protocol):
    """What a pause does with the instruments; both ends are called by the engine's thread, between steps."""

    def begin(self) -> bool:
        """Before "paused" is shown; True when the walk must be taken up anew afterwards."""
        ...

    def end(self) -> None:
        """The scan runs again; not called when an end was asked for."""
        ...


class NoRest:
    """There is nothing to bring to rest yet."""

    def begin(self) -> bool:
        return False

    def end(self) -> None: ...


class Course:
    """State and wish of one scan.

    Args:
        scan_id: for messages.
        tell: called with the name of an extension hook, or None, whenever state or wish changed
            while the scan is under way.
        check: see there.

    Attributes:
        attention: True when the engine must call `heed` before the next step.
        taken: somebody is about to run the scan: wishes are kept until it can reach them.
        reopened: it was interrupted, and is to go on.
        rest: what a pause does with the instruments.
        check: raises what must end the scan.
        rewinds_to: the step somebody wished the walk to go back to, until it is there.
    """

    def __init__(self, scan_id: str, tell: Callable[[str | None], None], check: Callable[[], None]) -> None:
        self.state = ScanState.QUEUED
        self.wish: Wish | None = None
        self.attention = False
        self.taken = False
        self.reopened = False
        self.rest: Rest = NoRest()
        self.changed = threading.Condition(threading.RLock())
        self._scan_id = scan_id
        self._tell = tell
        self.check = check
        self._go_on = False
        self._begun = False
        self.rewinds_to: int | None = None
        self._again: WalkAgain | None = None
        self._anew = False
        self._walking = self._walked = False

    def take(self) -> None:
        """For who will run the scan: from now on wishes are kept for it.

        Raises:
            IllegalTransitionError: it has been taken already, or has ended.
        """
        with self.changed:
            if self.taken or not self.may_begin:
                raise IllegalTransitionError(f"scan {self._scan_id} is {self.state} and taken already")
            self.taken = True

    def begin(self) -> None:
        """For the thread that runs the scan, once.

        Raises:
            IllegalTransitionError: another began, or it has ended.
        """
        with self.changed:
            if self._begun or not self.may_begin:
                raise IllegalTransitionError(f"scan {self._scan_id} is {self.state}; a scan is started once")
            self._begun = self.taken = True

    def reopen(self) -> None:
        """An interrupted scan is to go on: it may be begun once more.

        Raises:
            IllegalTransitionError: it was not interrupted, or somebody has reopened it already.
        """
        with self.changed:
            if self.state is not ScanState.INTERRUPTED or self.reopened:
                raise IllegalTransitionError(f"scan {self._scan_id} is {self.state} and cannot go on")
            self.reopened = True

    @property
    def may_begin(self) -> bool:
        return self.reopened or self.state is ScanState.QUEUED

    def withdraw(self) -> bool:
        """A scan that was to go on and that nobody has taken yet stays as it is; whether it was one."""
        with self.changed:
            withdrawn = self.reopened and not self.taken
            if withdrawn:
                self.reopened = False
            return withdrawn

    def ask_pause(self) -> None:
        with self.changed:
            if self.state is ScanState.PAUSED:
                self._go_on = False  # a resume not yet reached is taken back
                return
            if self.wish is None:
                self._require("paused", ScanState.RUNNING)
                self._ask(Wish.PAUSE)

    def ask_resume(self) -> None:
        with self.changed:
            self._require("resumed", ScanState.RUNNING, ScanState.PAUSED)
            if self.wish is not Wish.ABORT:
                self._go_on = True
                self._ask(None)

    def ask_abort(self) -> None:
        with self.changed:
            if self.wish is not Wish.ABORT:
                self._ask(Wish.ABORT)

    def walk_again(self, at: int | None = None) -> None:
        """When it next looks up, and is not paused, the engine takes the walk up again at step `at`."""
        with self.changed:
            if at is not None or self._again is None:
                self._again = WalkAgain(at)
            self.rouse()

    def ask_rewind(self, at: int) -> None:
        """The walk is to be taken up again at step `at`; one that is paused goes back and stays paused.

        Raises:
            IllegalTransitionError: the scan is not under way, or its last step is behind it.
        """
        with self.changed:
            if self._walked or self.state not in (ScanState.RUNNING, ScanState.PAUSED):
                told = "at its end" if self._walked and not self.state.is_finished else str(self.state)
                raise IllegalTransitionError(f"scan {self._scan_id} is {told} and cannot be rewound")
            self.rewinds_to = at
            self.walk_again(at)

    def rewound(self, at: int) -> None:
        """From the engine: the walk is where it was to go back to."""
        with self.changed:
            if self.rewinds_to == at and self._again is None:
                self.rewinds_to = None
            self.changed.notify_all()

    def begin_walk(self) -> None:
        """From the engine: wishes to walk again can be reached from now on."""
        with self.changed:
            self._walking = True
            self.attention = self.attention or self._again is not None

    def end_walk(self) -> None:
        """From the engine: the last step is done; reach what was wished before, and no rewind after that."""
        while not self._walked:
            if self.attention:
                self.heed()
            with self.changed:
                if not self.attention:
                    self.leave_walk()

    def leave_walk(self) -> None:
        """From the engine: whatever ended it, the walk is over."""
        with self.changed:
            self._walking, self._walked = False, True

    def rouse(self) -> None:
        """Make the engine look up, even from a pause."""
        with self.changed:
            self.attention = True
            self.changed.notify_all()

    def heed(self) -> None:
        """From the engine, between two steps: reach what somebody wished.

        Raises:
            AbortAsked: the wish is an end.
            WalkAgain: the walk is to be taken up anew.
        """
        with self.changed:
            self.attention = False
            self.check()
            pauses = self.wish is Wish.PAUSE
        if pauses:  # takes as long as it takes: nobody who looks or wishes waits for it
            self._anew = self.rest.begin() or self._anew
        with self.changed:
            if pauses:
                self._pause()
            held = pauses or self.state is ScanState.PAUSED
            if self.state is ScanState.PAUSED:
                self._hold()
            goes_on = held and self.state is not ScanState.PAUSED and self.wish is not Wish.ABORT
        if goes_on:
            self.rest.end()
        with self.changed:
            self._leave_the_step()

    def _pause(self) -> None:
        """Into the pause, unless somebody has taken it back meanwhile."""
        self.check()
        if self.wish is Wish.PAUSE:
            self.wish = None
            self._go_on = False
            self.move_to(ScanState.PAUSED, "on_pause")

    def _hold(self) -> None:
        """Until somebody has it go on, or ends it; a rewind is reached at once, and then it holds there."""
        while not self._go_on and self.wish is not Wish.ABORT and not self._goes_back:
            self.changed.wait()
            self.check()
        if self._goes_back:
            self.attention = True
        elif self.wish is not Wish.ABORT:
            self.move_to(ScanState.RUNNING, "on_resume")

    def _leave_the_step(self) -> None:
        """If somebody wished it, or the pause has taken the instruments from it.

        Raises:
            AbortAsked: the wish is an end.
            WalkAgain: the walk is to be taken up anew.
        """
        if self.wish is Wish.ABORT:
            raise AbortAsked
        anew, self._anew = self._anew, False
        if self._again is not None and self._walking:
            again, self._again = self._again, None
            raise again
        if anew:
            raise WalkAgain(None)

    @property
    def _goes_back(self) -> bool:
        return self._walking and self._again is not None and self._again.at is not None

    def wait(self, seconds: float) -> None:
        """From the engine: let time pass, and reach what somebody wishes meanwhile; a pause counts.

        Raises:
            AbortAsked: the wish is an end.
        """
        if self.attention:
            self.heed()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with self.changed:
                self.changed.wait_for(lambda: self.attention, left)
            if self.attention:
                self.heed()

    def move_to(self, state: ScanState, hook: str | None = None) -> None:
        """Into `state`, and tell.

        Raises:
            IllegalTransitionError: not from here.
        """
        with self.changed:
            self.enter(state)
            self._tell(hook)

    def enter(self, state: ScanState) -> None:
        """Into `state` without telling.

        Raises:
            IllegalTransitionError: not from here.
        """
        with self.changed:
            if state not in TRANSITIONS[self.state]:
                raise IllegalTransitionError(f"scan {self._scan_id}: {self.state} cannot become {state}")
            self.state = state
            self.reopened = False
            if state.is_finished:
                self.wish = None
            self.changed.notify_all()

    def end_as(self, state: ScanState) -> None:
        """`enter` a terminal state, or stay in it."""
        with self.changed:
            if state is not self.state:
                self.enter(state)
            self.reopened, self.wish = False, None

    def _ask(self, wish: Wish | None) -> None:
        changed = wish is not self.wish
        self.wish = wish
        self.rouse()
        if changed:
            self._tell(None)

    def _require(self, what: str, *states: ScanState) -> None:
        waits_to_run = self.taken and self.may_begin
        if self.state not in states and not waits_to_run:
            raise IllegalTransitionError(f"scan {self._scan_id} is {self.state} and cannot be {what}")
