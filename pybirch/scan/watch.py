"""Notices a driver that does not come back: one thread a run, which looks about once a second.

The engine knows nothing of it. Only where no step was done since the last look are the stacks of
the run's threads looked at; a call is known by its frame, so that many short calls to one
instrument are not taken for a long one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pybirch.instruments.base import TIME_LIMIT
from pybirch.scan.stacks import Call, calls_into

LOOK = 1.0
"""Seconds between two looks, at most."""

PATIENCE = 10.0
"""Seconds after which people are told what is waited for; a third of the limit, where that is less."""

GRACE = 2.0
"""Seconds an instrument has to come back once it was interrupted."""


class Late(Protocol):
    """What is done about a call that takes too long; called by the watch's thread."""

    def say(self, text: str | None) -> None:
        """Tell people what is waited for; None when it has come back."""
        ...

    def interrupt_call(self, call: Call) -> None:
        """It has reached its limit."""
        ...

    def leave(self, call: Call) -> None:
        """It has not come back for all that: the run ends without it, and so does the watch."""
        ...


@dataclass
class _UnderWay:
    call: Call
    since: float
    interrupted: float | None = None


class Watch:
    """Looks after the calls of one run.

    Args:
        name: of the thread.
        instruments: what the run uses.
        threads: those of the run, at any moment.
        progress: anything that changes whenever a step is done.
        late: what to do.
    """

    def __init__(
        self,
        name: str,
        instruments: Sequence[Any],
        threads: Callable[[], Iterable[int]],
        progress: Callable[[], object],
        late: Late,
    ) -> None:
        self._instruments = instruments
        self._threads = threads
        self._progress = progress
        self._progressed: object = None
        self._late = late
        self._said: str | None = None
        self._under_way: dict[int, _UnderWay] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)

    def start(self) -> None:
        if self._thread.ident is None:
            self._thread.start()

    def close(self) -> None:
        """End the thread, and wait for it, unless it is the one that calls."""
        self._ended.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _watch(self) -> None:
        hung: Call | None = None
        while hung is None and not self._ended.wait(self._every()):
            hung = self._look(time.monotonic())
        self._under_way.clear()  # frames keep all that is in them
        self._tell(time.monotonic())
        if hung is not None:
            self._late.leave(hung)

    def _every(self) -> float:
        limits = [limit for one in self._instruments if (limit := limit_of(one)) is not None]
        return min([LOOK, *(limit / 6 for limit in limits)])

    def _look(self, now: float) -> Call | None:
        """One look; the call that has to be given up, if there is one."""
        progress = self._progress()
        if progress != self._progressed:
            self._progressed, self._under_way = progress, {}
        else:
            calls = calls_into(self._instruments, self._threads())
            self._under_way = {call.thread: self._known(call, now) for call in calls}
        self._tell(now)
        for one in self._under_way.values():
            if self._is_hung(one, now):
                return one.call
        return None

    def _known(self, call: Call, now: float) -> _UnderWay:
        known = self._under_way.get(call.thread)
        return known if known is not None and known.call.frame is call.frame else _UnderWay(call, now)

    def _is_hung(self, one: _UnderWay, now: float) -> bool:
        """Whether it is to be given up; at its limit it is interrupted first."""
        limit = limit_of(one.call.instrument)
        if limit is None or now - one.since < limit:
            return False
        if one.interrupted is None:
            one.interrupted = now
            self._late.interrupt_call(one.call)
        return now - one.interrupted >= GRACE

    def _tell(self, now: float) -> None:
        """What is waited for longest, if it is worth a word; again each time it has become much longer."""
        longest = min(self._under_way.values(), key=lambda one: one.since, default=None)
        text = None if longest is None else _in_words(longest, now - longest.since)
        if text != self._said:
            self._said = text
            self._late.say(text)


def limit_of(instrument: Any) -> float | None:
    """The longest a call to it may take, in seconds; what it waits after a move comes on top."""
    limit = getattr(instrument, "time_limit", TIME_LIMIT)
    settle = getattr(instrument, "settle", None)
    return None if limit is None else limit + (settle if isinstance(settle, int | float) else 0.0)


def _in_words(one: _UnderWay, seconds: float) -> str | None:
    limit = limit_of(one.call.instrument)
    step = PATIENCE if limit is None else min(PATIENCE, limit / 3)
    if seconds < step:
        return None
    name = one.call.instrument.name
    if seconds >= 120:
        return f"waiting for {name} for {seconds // 60:.0f} min"
    return f"waiting for {name} for {round(seconds // step * step, 1):g} s"
