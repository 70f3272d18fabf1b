"""Where a scan's readings leave the engine: to the sinks first, then to everybody who watches.

The engine appends one tuple per reading to `pending`; the outlet's thread pulls, at once when it
was idle and else every 50 ms, stacks the tuples into blocks, hands them to the sinks (recorder and
extensions, in list order) and, when these have taken them, to observers. States and wishes pass
through the same thread in the same order, so nobody hears "completed" before the last row is kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pybirch.events import Event, Readings, ScanStatus
from pybirch.extensions.base import BaseExtension
from pybirch.scan.stacking import Layout, Reading, stack

log = logging.getLogger(__name__)

PULL_EVERY = 0.05
"""Seconds between pulls while readings keep coming."""

BACKLOG_BYTES = 64 * 2**20
"""About this much may wait for the sinks; then the scan waits."""

_TUPLE_BYTES = 250


@dataclass(frozen=True)
class _Told:
    after: int
    """Number of readings that come before it."""
    status: ScanStatus
    hook: str | None


class Outlet:
    """One thread between a scan and the world.

    Args:
        scan_id: names the blocks.
        layouts: columns of each measurement, by number.
        sinks: extensions in list order; may fail the scan.
        publish: hands an event to the observers; never raises or waits.
        on_failure: called once, with the first error a sink raised.
        after_tick: called with the blocks of each pull after they were published.
    """

    def __init__(
        self,
        scan_id: str,
        layouts: Sequence[Layout],
        sinks: list[Any],
        publish: Callable[[Event], None],
        on_failure: Callable[[BaseException], None],
        after_tick: Callable[[list[Readings]], None] = lambda blocks: None,
    ) -> None:
        self.pending: list[Reading] = []
        self.idle = True
        self.error: BaseException | None = None
        self.drained = 0
        self._scan_id = scan_id
        self._layouts = layouts
        self._sinks = sinks
        self._broken: set[int] = set()
        self._publish = publish
        self._on_failure = on_failure
        self._after_tick = after_tick
        self._next_index: dict[str, int] = {}
        self._told: deque[_Told] = deque()
        self._extra: deque[Callable[[int], Readings]] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._done = threading.Condition()
        self._asked = self._answered = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"outlet {scan_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """For the engine: something was appended while the outlet was idle."""
        self._wake.set()

    def backlog_limit(self, reading: Reading) -> int:
        """How many readings like this one may wait."""
        size = _TUPLE_BYTES + int(getattr(reading[4], "nbytes", 100))
        return max(100, BACKLOG_BYTES // size)

    def tell(self, status: ScanStatus, hook: str | None = None) -> None:
        """A state or wish, to be kept and shown after all readings so far."""
        with self._lock:
            self._told.append(_Told(self.drained + len(self.pending), status, hook))
        self._hurry.set()
        self._wake.set()

    def add(self, make_block: Callable[[int], Readings]) -> None:
        """A block from elsewhere than the tree; `make_block` is given the first free index."""
        self._extra.append(make_block)
        self._wake.set()

    def next_index(self, measurement: str) -> int:
        return self._next_index.get(measurement, 0)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything appended so far has been handed on; False when time ran out."""
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            return False
        with self._done:
            self._asked += 1
            mine = self._asked
            self._hurry.set()
            self._wake.set()
            return self._done.wait_for(lambda: self._answered >= mine or not self._thread.is_alive(), timeout)

    def close(self) -> None:
        """Hand on what is left and end the thread."""
        self._closing = True
        self._hurry.set()
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            self.idle = True
            if not (
                self.pending or self._told or self._extra or self._closing or self._asked > self._answered
            ):
                self._wake.wait()
            self.idle = False
            self._wake.clear()
            self._hurry.clear()
            asked, closing = self._asked, self._closing
            self._pull()
            with self._done:
                self._answered = asked
                self._done.notify_all()
            if closing and not (self.pending or self._told or self._extra):
                return
            self._hurry.wait(PULL_EVERY)

    def _pull(self) -> None:
        with self._lock:
            batch = self.pending[:]
            del self.pending[: len(batch)]
            before, self.drained = self.drained, self.drained + len(batch)
            told = [self._told.popleft() for _ in range(len(self._told))]
        try:
            start = 0
            for message in told:
                upto = min(message.after - before, len(batch))
                self._hand_on(batch[start:upto])
                start = max(start, upto)
                self._hand_on_status(message)
            self._hand_on(batch[start:])
            while self._extra:
                self._save([self._index(self._extra.popleft())])
        except Exception as error:
            self._fail(error)

    def _hand_on(self, batch: list[Reading]) -> None:
        if not batch:
            return
        if len(self._layouts) == 1:
            self._save([self._block(0, batch)])
            return
        numbers = {reading[0] for reading in batch}
        self._save([self._block(n, [r for r in batch if r[0] == n]) for n in sorted(numbers)])

    def _block(self, number: int, batch: list[Reading]) -> Readings:
        layout = self._layouts[number]
        return self._index(lambda first: stack(self._scan_id, layout, batch, first), layout.measurement)

    def _index(self, make_block: Callable[[int], Readings], measurement: str | None = None) -> Readings:
        block = make_block(self._next_index.get(measurement, 0) if measurement else 0)
        if measurement is None:
            block = make_block(self._next_index.get(block.measurement, 0))
        self._next_index[block.measurement] = block.end_index
        return block

    def _save(self, blocks: list[Readings]) -> None:
        """To every sink, whatever another did; to observers only when all sinks took it."""
        self._each_sink("save_readings", blocks)
        if self.error is None:
            for block in blocks:
                self._publish(block)
        self._after_tick(blocks)

    def _hand_on_status(self, message: _Told) -> None:
        self._each_sink("save_status", message.status)
        if message.hook is not None:
            self._each_sink(message.hook)
        self._publish(message.status)

    def _each_sink(self, hook: str, *args: Any) -> None:
        for number, sink in enumerate(tuple(self._sinks)):
            if number in self._broken:
                continue
            try:
                getattr(sink, hook, getattr(BaseExtension, hook).__get__(sink))(*args)
            except Exception as error:
                self._broken.add(number)
                self._fail(error, f"{type(sink).__name__}.{hook}")

    def _fail(self, error: Exception, where: str = "outlet") -> None:
        log.error("scan %s: %s failed: %s", self._scan_id, where, error)
        if self.error is None:
            self.error = error
            self._on_failure(error)


class Pace:
    """Says yes at most every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = -1e9

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
