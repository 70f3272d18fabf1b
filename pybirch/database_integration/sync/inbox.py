"""One inbox for commands: taken in the order in which they were numbered, each once.

The Socket.IO client hands every message to a thread of its own, so two commands may arrive the
wrong way round; a short wait for the missing number puts them right. What ends something (`abort`,
`stop_everything`) waits for nobody: it is done at once, and what was asked before it and has not
begun is not done any more.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pybirch.database_integration.sync.clock import ServerClock
from pybirch.errors import FieldError, PyBirchError

log = logging.getLogger(__name__)

GAP_PATIENCE = 0.1
"""Seconds to wait for a command whose number is missing."""

REMEMBERED = 1_000
STOP_EVERYTHING = "stop_everything"
URGENT = ("abort", STOP_EVERYTHING)

TOO_LATE = "too late: the command's time had passed, nothing was done"
OVERTAKEN = "overtaken by {}, which was asked after it; nothing was done"

Answer = dict[str, Any]


@dataclass(order=True)
class _Command:
    """One command on its way, and where its answer is waited for."""

    seq: int
    given: Mapping[str, Any] = field(compare=False)
    arrived: float = field(compare=False, default_factory=time.monotonic)
    answered: threading.Event = field(compare=False, default_factory=threading.Event)
    answer: Answer = field(compare=False, default_factory=dict)

    @property
    def action(self) -> str:
        return str(self.given.get("action"))

    @property
    def timeout(self) -> float:
        return float(self.given.get("timeout", 5.0))

    def settle(self, answer: Answer) -> None:
        log.info("command %s %s: %s", self.seq, self.action, "done" if answer["ok"] else answer["error"])
        self.answer = answer
        self.answered.set()

    def overtakes(self, other: _Command) -> bool:
        """Whether this end makes void what was asked before it."""
        if other.seq >= self.seq or other.action in URGENT:
            return False
        if self.action == STOP_EVERYTHING:
            return True
        of = "queue_id" if self.given.get("scan_id") is None else "scan_id"
        return self.given.get(of) == other.given.get(of)


class Inbox:
    """Performs commands in one thread, and those that end something in their caller's.

    Args:
        perform: does one command, returns what came of it.
        epoch: commands for another life of this station are refused.
        clock: the server's, by which deadlines are meant.
    """

    def __init__(
        self,
        perform: Callable[[Mapping[str, Any]], Answer],
        epoch: str,
        clock: ServerClock | None = None,
    ) -> None:
        self._perform = perform
        self._epoch = epoch
        self._clock = clock or ServerClock()
        self._heap: list[_Command] = []
        self._known: OrderedDict[str, _Command] = OrderedDict()
        self._ends: deque[_Command] = deque(maxlen=REMEMBERED)
        self._next: int | None = None
        self._under_way: _Command | None = None
        self._open = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def take(self, given: Mapping[str, Any]) -> Answer:
        """Do a command in its turn and answer; the same command_id again answers the same."""
        command_id = str(given.get("command_id", ""))
        if not command_id:
            return {"ok": False, "error": "command_id: is missing"}
        with self._changed:
            command = self._known.get(command_id)
            new = command is None
            if command is None:
                command = self._known[command_id] = _Command(int(given.get("seq", 0)), given)
                self._line_up(command)
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        if new and command.action in URGENT:
            self._end(command)
        if not command.answered.wait(command.timeout):
            return {"ok": False, "error": "the station did not get to it in time; look at the state"}
        return command.answer

    def reset(self) -> None:
        """A new connection: numbers may begin anywhere."""
        with self._changed:
            self._next = None
            self._ends.clear()
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(2.0)

    def _line_up(self, command: _Command) -> None:
        if command.action in URGENT:
            self._ends.append(command)
        elif (end := self._end_after(command)) is not None:
            command.settle({"ok": False, "error": OVERTAKEN.format(end.action)})
        elif self._next is not None and command.seq < self._next:
            command.settle({"ok": False, "error": OVERTAKEN.format("a later command")})
        else:
            heapq.heappush(self._heap, command)
        self._changed.notify_all()

    def _end_after(self, command: _Command) -> _Command | None:
        return next((end for end in self._ends if end.overtakes(command)), None)

    def _end(self, command: _Command) -> None:
        """Do it now, and once more after a command that was under way and may have begun something."""
        under_way = self._clear_the_way(command)
        answer = self._answer(command)
        if under_way is not None and under_way.answered.wait(command.timeout):
            answer = self._answer(command)
        command.settle(answer)

    def _clear_the_way(self, end: _Command) -> _Command | None:
        """Answer what `end` makes void; gives the command under way if that is such a one."""
        with self._changed:
            void = [command for command in self._heap if end.overtakes(command)]
            self._heap = [command for command in self._heap if not end.overtakes(command)]
            heapq.heapify(self._heap)
            under_way = self._under_way
        for command in void:
            command.settle({"ok": False, "error": OVERTAKEN.format(end.action)})
        return under_way if under_way is not None and end.overtakes(under_way) else None

    def _run(self) -> None:
        while (command := self._take_next()) is not None:
            answer = self._answer(command)
            with self._changed:
                self._under_way = None
            command.settle(answer)

    def _take_next(self) -> _Command | None:
        with self._changed:
            while self._open:
                if not self._heap:
                    self._changed.wait()
                elif self._is_gap() and not self._changed.wait_for(
                    lambda: not self._open or not self._is_gap(), self._gap_left()
                ):
                    self._next = self._heap[0].seq
                elif self._open and self._heap:
                    self._under_way = heapq.heappop(self._heap)
                    self._next = max(self._under_way.seq + 1, self._next or 0)
                    return self._under_way
        return None

    def _is_gap(self) -> bool:
        """Whether a number is missing before the next command."""
        while self._next is not None and any(end.seq == self._next for end in self._ends):
            self._next += 1
        return bool(self._heap) and self._next is not None and self._heap[0].seq > self._next

    def _gap_left(self) -> float:
        return max(0.0, self._heap[0].arrived + GAP_PATIENCE - time.monotonic())

    def _answer(self, command: _Command) -> Answer:
        if command.given.get("epoch") not in (None, self._epoch):
            return {"ok": False, "error": "the station has been restarted since; look at the state"}
        if command.action not in URGENT and self._is_past(command):
            return {"ok": False, "error": TOO_LATE}
        try:
            return {"ok": True, **self._perform(command.given)}
        except PyBirchError as error:
            field = {"field": error.field} if isinstance(error, FieldError) else {}
            return {"ok": False, "error": str(error), "refused": type(error).__name__} | field
        except Exception as error:
            log.exception("command %s", command.action)
            return {"ok": False, "error": f"{type(error).__name__}: {error}"}

    def _is_past(self, command: _Command) -> bool:
        """By the server's clock where it is known, as a process that was stopped counts no arrivals."""
        deadline = command.given.get("deadline")
        return time.monotonic() > command.arrived + command.timeout or (
            isinstance(deadline, int | float) and self._clock.is_past(deadline)
        )
