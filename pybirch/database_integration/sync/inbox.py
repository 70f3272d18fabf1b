"""One inbox for commands: taken in the order in which they were numbered, each once.

The Socket.IO client hands every message to a thread of its own, so two commands may arrive the
wrong way round; a short wait for the missing number puts them right.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from pybirch.errors import PyBirchError

log = logging.getLogger(__name__)

GAP_PATIENCE = 0.1
"""Seconds to wait for a command whose number is missing."""

REMEMBERED = 1_000

Answer = dict[str, Any]


class _Waiting:
    def __init__(self) -> None:
        self.answered = threading.Event()
        self.answer: Answer = {}


class Inbox:
    """Performs commands in one thread.

    Args:
        perform: does one command, returns what came of it.
        epoch: commands for another life of this station are refused.
    """

    def __init__(self, perform: Callable[[Mapping[str, Any]], Answer], epoch: str) -> None:
        self._perform = perform
        self._epoch = epoch
        self._heap: list[tuple[int, str, Mapping[str, Any], float]] = []
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._next: int | None = None
        self._open = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def take(self, command: Mapping[str, Any]) -> Answer:
        """Do a command in its turn and answer; the same command_id again answers the same."""
        command_id, seq = str(command.get("command_id", "")), int(command.get("seq", 0))
        limit = float(command.get("timeout", 5.0))
        if not command_id:
            return {"ok": False, "error": "command_id: is missing"}
        with self._changed:
            waiting = self._waiting.get(command_id)
            if waiting is None:
                waiting = self._waiting[command_id] = _Waiting()
                heapq.heappush(self._heap, (seq, command_id, command, time.monotonic() + limit))
                while len(self._waiting) > REMEMBERED:
                    self._waiting.popitem(last=False)
                self._changed.notify_all()
        if not waiting.answered.wait(limit):
            return {"ok": False, "error": "the station did not get to it in time; look at the state"}
        return waiting.answer

    def reset(self) -> None:
        """A new connection: numbers may begin anywhere."""
        with self._changed:
            self._next = None

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(2.0)

    def _run(self) -> None:
        while (item := self._take_next()) is not None:
            seq, command_id, command, deadline = item
            answer = self._answer(command, deadline)
            log.info(
                "command %s %s: %s", seq, command.get("action"), "done" if answer["ok"] else answer["error"]
            )
            with self._changed:
                waiting = self._waiting.get(command_id)
            if waiting is not None:
                waiting.answer = answer
                waiting.answered.set()

    def _take_next(self) -> tuple[int, str, Mapping[str, Any], float] | None:
        with self._changed:
            while self._open:
                if self._heap:
                    if self._next is not None and self._heap[0][0] > self._next:
                        self._changed.wait_for(
                            lambda: not self._open or self._next is None or self._heap[0][0] <= self._next,
                            GAP_PATIENCE,
                        )
                    if not self._open:
                        break
                    item = heapq.heappop(self._heap)
                    self._next = max(item[0] + 1, self._next or 0)
                    return item
                self._changed.wait()
        return None

    def _answer(self, command: Mapping[str, Any], deadline: float) -> Answer:
        if command.get("epoch") not in (None, self._epoch):
            return {"ok": False, "error": "the station has been restarted since; look at the state"}
        if time.monotonic() > deadline:
            return {"ok": False, "error": "too late: the command's time had passed, nothing was done"}
        try:
            return {"ok": True, **self._perform(command)}
        except PyBirchError as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:
            log.exception("command %s", command.get("action"))
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}
