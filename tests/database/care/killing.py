"""Kills a process at some of its steps on a database, or at any moment; the test looks at what is left.

``PYBIRCH_KILLS=50`` (`make soak`) kills more often.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

KILLS = int(os.environ.get("PYBIRCH_KILLS", "4"))
"""About as many times each test kills."""
MOST_STEPS = 5000


class Counter:
    """Counts steps; the last one allowed is the process's last."""

    def __init__(self, allowed: int) -> None:
        self._left = allowed

    def step(self, *_: object, **__: object) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Steps(sqlite3.Connection):
    """A connection of the standard library whose statements count as steps."""

    counter: Counter

    def execute(self, *given, **named):  # type: ignore[override, no-untyped-def]
        self.counter.step()
        return super().execute(*given, **named)


def watch(counter: Counter) -> None:
    """From now on every statement, commit, rename, removal and fsync of this process is a step."""
    for name in ("before_cursor_execute", "after_cursor_execute", "commit", "rollback"):
        event.listen(Engine, name, lambda *_a, **_k: counter.step())
    for module, name in ((os, "replace"), (os, "fsync"), (Path, "unlink")):
        _before(module, name, counter)
    connect = sqlite3.connect
    Steps.counter = counter

    def counted(*given, **named):  # type: ignore[no-untyped-def]
        counter.step()
        named.setdefault("factory", Steps)
        return connect(*given, **named)

    sqlite3.connect = counted  # type: ignore[assignment]


def _before(module: object, name: str, counter: Counter) -> None:
    original = getattr(module, name)

    def counted(*given, **named):  # type: ignore[no-untyped-def]
        counter.step()
        done = original(*given, **named)
        counter.step()
        return done

    setattr(module, name, counted)


def killed_at(work: Callable[[], object], step: int) -> bool:
    """Do `work` in a process that is killed at its n-th step; False when it came to its end before."""
    return _killed(work, lambda: watch(Counter(step)))


def killed_after(work: Callable[[], object], seconds: float) -> bool:
    """Do `work` in a process that dies after so long, wherever it is; False when it had come to its end."""

    def set_alarm() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # which nothing in a process can put off
        signal.setitimer(signal.ITIMER_REAL, seconds)

    return _killed(work, set_alarm)


def _killed(work: Callable[[], object], prepare: Callable[[], object]) -> bool:
    child = os.fork()
    if not child:
        try:
            prepare()
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ways = (0, -signal.SIGKILL, -signal.SIGALRM)
    assert code in ways, f"the work failed by itself ({code}); see its output"
    return code != 0


def every_kill(work: Callable[[], object], stride: int) -> Iterator[int]:
    """Kill `work` at later and later steps until it comes to its end; the caller looks in between.

    Args:
        stride: how far two of the steps are apart, about, of `KILLS` that are 4.
    """
    chance, apart = random.Random(stride), max(1, stride * 4 // KILLS)
    step = 0
    while step < MOST_STEPS:
        step += chance.randint(1, 2 * apart - 1)
        if not killed_at(work, step):
            yield 0
            return
        yield step
    raise AssertionError("it never came to its end")


def moments(work: Callable[[], object]) -> Iterator[float]:
    """`KILLS` moments, in seconds from its beginning, of a work that takes as long as it does now."""
    begun = time.perf_counter()
    assert not killed_after(work, 60)
    took = time.perf_counter() - begun
    chance = random.Random(KILLS)
    yield from (max(0.001, took * chance.random()) for _ in range(KILLS))
