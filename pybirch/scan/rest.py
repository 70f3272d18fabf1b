"""What a pause does with the instruments of a scan, as its settings say."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pybirch.scan.bench import Bench
from pybirch.scan.course import Course, WalkAgain
from pybirch.states import PausePolicy


class Pause:
    """A `Rest` for one run.

    Args:
        bench: the instruments.
        course: whose pauses they are.
        policy: see `PausePolicy`.
        look_again: called when it goes on with instruments that stayed up.

    Attributes:
        thread: the one that runs the scan; what goes on side by side has threads of its own.
    """

    def __init__(
        self, bench: Bench, course: Course, policy: PausePolicy | str, look_again: Callable[[], None]
    ) -> None:
        self.thread = threading.get_ident()
        self._bench = bench
        self._course = course
        self._look_again = look_again
        self._makes_safe = policy == PausePolicy.SAFE

    def begin(self) -> bool:
        """Safe, or idle; True when they are to be brought up again afterwards.

        Raises:
            WalkAgain: the step goes on side by side with this thread; it is left first.
            Exception: what kept an instrument from its safe state; the others are in theirs.
        """
        aside = threading.get_ident() != self.thread
        if not self._makes_safe:
            if not aside:
                self._bench.hold()
            return False
        if aside:
            self._course.rouse()
            raise WalkAgain(None)
        for error in self._bench.make_safe():
            raise error
        return True

    def end(self) -> None:
        if threading.get_ident() == self.thread:
            self._bench.go_on()
            if self._bench.is_up:
                self._look_again()
