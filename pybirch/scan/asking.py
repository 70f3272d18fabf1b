"""An instrument asked what it is set to, in a thread of its own: the hardware may never answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

STILL_ASKED = "not asked: it has not answered since it was asked before"

_asked: dict[int, threading.Thread] = {}
"""Instrument's id -> the thread that waits for its answer, which keeps the instrument, too."""
_lock = threading.Lock()


def ask(instrument: Any, question: Callable[[Any], object], patience: float) -> str | None:
    """Put the question, and wait so long for its end; tells what was wrong.

    An instrument has one such thread at most, which ends when its driver returns: while that hangs, it is
    not asked again.

    Args:
        question: is given the instrument.
        patience: seconds.
    """
    done = threading.Event()

    def put() -> None:
        try:
            question(instrument)
        finally:
            with _lock:
                del _asked[id(instrument)]
            done.set()

    with _lock:
        if id(instrument) in _asked:
            return STILL_ASKED
        thread = threading.Thread(target=put, name=f"settings of {instrument.name}", daemon=True)
        _asked[id(instrument)] = thread
        try:
            thread.start()
        except RuntimeError as error:  # the system has no thread for it
            del _asked[id(instrument)]
            return f"not asked: {error}"
    return None if done.wait(patience) else f"did not tell within {patience:g} s"
