"""Two at the same thing at once: another thread acts while a transaction of this one is under way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from sqlalchemy import event
from sqlalchemy.orm import Session

MOMENT = 0.3
"""Seconds for what need not wait for the other transaction, and for the other to find that it must."""


class Meanwhile:
    """An act of another thread, done once.

    Attributes:
        error: what came of it, if it failed.
    """

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self.error: Exception | None = None
        self.is_begun = False

    def begin(self) -> None:
        """Give it a moment; it may have to wait for the transaction that is under way here."""
        if not self.is_begun:
            self.is_begun = True
            self._thread.start()
            self._thread.join(MOMENT)

    def end(self) -> None:
        assert self.is_begun, "there was no such step"
        self._thread.join(30)
        assert not self._thread.is_alive(), "each waits for the other"

    def _run(self) -> None:
        try:
            self._act()
        except Exception as error:
            self.error = error


@contextmanager
def meanwhile(
    act: Callable[[], object], before: Literal["flush", "commit"] = "flush", number: int = 1
) -> Iterator[Meanwhile]:
    """Have `act` done by another thread before the `number`-th flush, or commit, of this thread in the block:
    it has looked and writes next, or has written and others cannot see it yet.
    """
    here, other, seen = threading.get_ident(), Meanwhile(act), 0

    def reached(session: Session, *_: Any) -> None:
        nonlocal seen
        if threading.get_ident() != here or other.is_begun:
            return
        seen += 1
        if seen == number:
            if before == "commit":
                session.flush()
            other.begin()

    event.listen(Session, f"before_{before}", reached)
    try:
        yield other
    finally:
        event.remove(Session, f"before_{before}", reached)
    other.end()


def at_once(*acts: Callable[[], object]) -> list[Exception]:
    """All begun at the same moment, each by a thread; gives what failed."""
    begin = threading.Barrier(len(acts))
    failed: list[Exception] = []

    def run(act: Callable[[], object]) -> None:
        begin.wait(10)
        try:
            act()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return failed
