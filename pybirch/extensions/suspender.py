"""Holds a scan while something is not as it must be: the beam is down, the sample too warm."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from pybirch.errors import FieldError, IllegalTransitionError
from pybirch.extensions.base import ScanExtension

log = logging.getLogger(__name__)


class Suspender(ScanExtension):
    """Pauses its scan while a watched value is out of bounds; goes on when it has been back for a while.

    Args:
        watched: a measurement that the scan does not use itself (its first column counts), or a
            function that gives a number; called from a thread of the suspender's own.
        above, below: the value must be larger, smaller than that. NaN and an error are out of bounds.
        settle: seconds the value must be in bounds before the scan goes on.
        every: seconds between two looks.
        name: what people call the value; that of the measurement by default.

    A pause that somebody else asked for stays; a scan that somebody resumes meanwhile is paused again
    at the next look.

    Raises:
        FieldError: names the argument that makes no sense.

    Source: the idea, and the name, are those of bluesky's suspenders.
    """

    goes_on = True

    def __init__(
        self,
        watched: Any,
        *,
        above: float | None = None,
        below: float | None = None,
        settle: float = 10.0,
        every: float = 1.0,
        name: str = "",
    ) -> None:
        super().__init__()
        if above is None and below is None:
            raise FieldError("above", "a suspender needs a bound: above, below, or both")
        if not callable(watched) and not hasattr(watched, "perform_measurement"):
            raise FieldError("watched", f"must be a measurement or a function, not {type(watched).__name__}")
        if every <= 0 or settle < 0:
            raise FieldError("every", "must be more than 0, and settle not less")
        self.name = name or str(getattr(watched, "name", getattr(watched, "__name__", "the watched value")))
        self.value = float("nan")
        self._speaker = f"suspender {self.name}"
        self._watched: Any = watched
        self._bounds = above, below
        self._settle, self._every = settle, every
        self._ours = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def startup(self) -> None:
        """Look once, so that a scan that should not begin is paused before its first step; then watch."""
        if hasattr(self._watched, "connect"):
            self._watched.connect()
            self._watched.initialize()
        self._ended.clear()
        self._look(in_bounds_since=None)
        self._thread = threading.Thread(target=self._watch, name=f"suspender {self.name}", daemon=True)
        self._thread.start()

    def on_resume(self) -> None:
        """Whoever resumed it: the pause that was ours is over."""
        self._ours = False
        self.scan.say(None, self._speaker)

    def shutdown(self) -> None:
        self._ended.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(5.0)
        if hasattr(self._watched, "shutdown"):
            self._watched.shutdown()

    def _watch(self) -> None:
        since = time.monotonic() if self._is_well() else None
        while not self._ended.wait(self._every):
            since = self._look(since)

    def _look(self, in_bounds_since: float | None) -> float | None:
        """Read once, and pause or resume; since when the value has been in bounds."""
        self.value = self._read()
        if not self._is_well():
            self._suspend()
            return None
        since = time.monotonic() if in_bounds_since is None else in_bounds_since
        if self._ours and time.monotonic() - since >= self._settle:
            self._release()
        return since

    def _is_well(self) -> bool:
        above, below = self._bounds
        return (above is None or self.value > above) and (below is None or self.value < below)

    def _read(self) -> float:
        try:
            measure: Callable[[], Any] = getattr(self._watched, "perform_measurement", self._watched)
            import numpy as np

            return float(np.asarray(measure(), dtype=np.float64).ravel()[0])
        except Exception as error:
            log.warning("%s cannot be read: %s", self.name, error)
            return float("nan")

    def _suspend(self) -> None:
        if str(self.scan.state) == "paused" or self.scan.requested is not None:
            return
        with contextlib.suppress(IllegalTransitionError):
            self.scan.pause()
            self._ours = True
            self.scan.say(f"suspended: {self.name} is {self.value:g}", self._speaker)

    def _release(self) -> None:
        with contextlib.suppress(IllegalTransitionError):
            self.scan.resume()
