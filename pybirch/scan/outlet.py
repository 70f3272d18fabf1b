"""Where a scan's readings leave the engine: to the sinks first, then to everybody who watches.

The engine appends each reading to `pending`; the outlet's thread pulls, at once when it was idle and
else every 50 ms, stacks what it took into blocks, hands them to the sinks (recorder and
extensions, in list order) and, when these have taken them, to observers. States and wishes pass
through the same thread in the same order, so nobody hears "completed" before the last row is kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pybirch.events import Event, Readings, ScanStatus, utc_now
from pybirch.extensions.base import BaseExtension
from pybirch.scan.pending import Batch, Pending
from pybirch.scan.rewinding import Earlier
from pybirch.scan.stacking import Layout, stack

log = logging.getLogger(__name__)

PULL_EVERY = 0.05
"""Seconds between pulls while readings keep coming."""

BACKLOG_BYTES = 64 * 2**20
"""About this much may wait for the sinks; then the scan waits."""

_READING_BYTES = 150
_NUMBER_BYTES = 32


@dataclass(frozen=True)
class _Told:
    after: int
    """Number of readings that come before it."""
    status: ScanStatus
    hook: str | None
    rewind: int | None = None


class Outlet:
    """One thread between a scan and the world.

    Args:
        scan_id: names the blocks.
        layouts: columns of each measurement, by number.
        sinks: extensions in list order; may fail the scan.
        publish: hands an event to the observers; never raises or waits.
        on_failure: called once, with the first error a sink raised.
        after_tick: called with the blocks of each pull after they were published.
        calls: held while a sink is called, so that no two of its hooks run at the same time; a
            hook that waits in `flush` lets the outlet call meanwhile.
        counts: readings there are already, by measurement; the index goes on after them.
        axes: number of axes.

    Attributes:
        shown: the status that was handed on last.
    """

    def __init__(
        self,
        scan_id: str,
        layouts: Sequence[Layout],
        sinks: list[Any],
        publish: Callable[[Event], None],
        on_failure: Callable[[BaseException], None],
        after_tick: Callable[[list[Readings]], None] = lambda blocks: None,
        calls: threading.RLock | None = None,
        counts: Mapping[str, int] | None = None,
        axes: int = 0,
    ) -> None:
        self.pending = Pending(axes)
        self.idle = True
        self.error: BaseException | None = None
        self.shown: ScanStatus | None = None
        self._drained = 0
        self._lost = 0
        self._scan_id = scan_id
        self._layouts = layouts
        self._sinks = sinks
        self._broken: set[int] = set()
        self._pull_every = min(
            (getattr(sink, "pull_every", PULL_EVERY) for sink in sinks), default=PULL_EVERY
        )
        self._publish = publish
        self._on_failure = on_failure
        self._after_tick = after_tick
        self._next_index = dict(counts or {})
        self._before = sum(self._next_index.values())
        self._earlier: Earlier | None = None
        self._told: deque[_Told] = deque()
        self._extra: deque[tuple[str, Callable[[int], Readings]]] = deque()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._calls = calls or threading.RLock()
        self._done = threading.Condition(self._calls)
        self._asked = self._answered = 0
        self._closing = self._closed = self._ended = self._unreadable = False
        self._thread = threading.Thread(target=self._run, name=f"outlet {scan_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """For the engine: something was appended while the outlet was idle."""
        self._wake.set()

    @property
    def taken(self) -> int:
        """Readings taken so far, less those that were none."""
        with self._lock:
            return self._before + self._drained + len(self.pending) - self._lost

    def backlog(self) -> tuple[int, int]:
        """How many readings wait for the sinks, and about how many bytes they are."""
        waiting = self.pending.values[:]
        return len(waiting), sum(_READING_BYTES + _weight(values) for values in waiting)

    def tell(self, status: ScanStatus, hook: str | None = None) -> None:
        """A state or wish, to be kept and shown after all readings so far."""
        with self._lock:
            self._told.append(_Told(self._drained + len(self.pending), status, hook))
        self._hurry.set()
        self._wake.set()

    def rewind(self, step: int, status: ScanStatus, earlier: Earlier) -> None:
        """For the engine, when all it has measured is handed on: the walk goes back to `step`.

        Everybody hears it in its turn.
        """
        self.go_on_after(earlier)
        with self._lock:
            self._told.append(_Told(self._drained + len(self.pending), status, None, step))
        self.flush()

    def go_on_after(self, earlier: Earlier) -> None:
        """From now on readings name those of `earlier` that they repeat."""
        self._earlier = earlier

    def add(self, measurement: str, make_block: Callable[[int], Readings]) -> bool:
        """A block from elsewhere than the tree; `make_block` is given the first free index.

        Returns:
            False when it comes too late.
        """
        with self._lock:
            if self._closed:
                return False
            self._extra.append((measurement, make_block))
        self._wake.set()
        return True

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything appended so far has been handed on; False when time ran out."""
        if threading.current_thread() is self._thread or self._thread.ident is None:
            return False
        with self._done:
            self._asked += 1
            mine = self._asked
            self._hurry.set()
            self._wake.set()
            return self._done.wait_for(lambda: self._ended or self._answered >= mine, timeout)

    def close(self) -> None:
        """Hand on what is left and end the thread."""
        self._closing = True
        self._hurry.set()
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._hand_on_until_closed()
        finally:
            with self._done:
                self._ended = True
                self._done.notify_all()

    def _hand_on_until_closed(self) -> None:
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
            try:
                self._pull()
            except BaseException as error:  # whatever it was: those who wait in flush must not wait for ever
                self._fail(error)
            with self._done:
                self._answered = asked
                self._done.notify_all()
            if closing and self._is_empty():
                return
            self._hurry.wait(self._pull_every)

    def _is_empty(self) -> bool:
        """Whether this was all; if so, nothing is taken in any more."""
        with self._lock:
            self._closed = not (self.pending or self._told or self._extra)
            return self._closed

    def _pull(self) -> None:
        with self._lock:
            batch = self.pending.take()
            before, self._drained = self._drained, self._drained + len(batch)
            told = [self._told.popleft() for _ in range(len(self._told))]
        start = 0
        for message in told:
            upto = min(message.after - before, len(batch))
            self._hand_on(batch.part(start, upto))
            start = max(start, upto)
            self._hand_on_status(message)
        self._hand_on(batch.part(start, len(batch)))
        while self._extra:
            measurement, make_block = self._extra.popleft()
            self._save([make_block(self._next_index.get(measurement, 0))])

    def _hand_on(self, batch: Batch) -> None:
        """Stack and save; of a batch with a reading that is none, the steps before it."""
        if self._unreadable:
            self._lost += len(batch)
            return
        try:
            blocks = self._blocks(batch)
        except Exception as error:
            self._unreadable = True
            sound = self._sound_steps(batch)
            self._lost += len(batch) - len(sound)
            self._save(self._blocks(sound))
            self._fail(error)
        else:
            self._save(blocks)

    def _sound_steps(self, batch: Batch) -> Batch:
        for place, step in enumerate(batch.steps):
            try:
                self._blocks(batch.part(place, place + 1))
            except Exception:
                return batch.before_step(step)
        return batch.part(0, 0)

    def _blocks(self, batch: Batch) -> list[Readings]:
        return [self._block(number, readings) for number, readings in batch.by_measurement().items()]

    def _block(self, number: int, batch: Batch) -> Readings:
        layout = self._layouts[number]
        block = stack(self._scan_id, layout, batch, self._next_index.get(layout.measurement, 0))
        if self._earlier is None:
            return block
        return replace(block, replaces=self._earlier.repeated_by(layout.measurement, block.steps))

    def _save(self, blocks: list[Readings]) -> None:
        """To every sink, whatever another did; to observers only when all sinks took it."""
        if not blocks:
            return
        for block in blocks:
            self._next_index[block.measurement] = block.end_index
        self._each_sink("save_readings", blocks)
        if self.error is None:
            for block in blocks:
                self._publish(block)
        self._after_tick(blocks)

    def _hand_on_status(self, message: _Told) -> None:
        if message.rewind is not None:
            self.shown = None  # the one time that progress falls
            self._each_sink("on_rewind", message.rewind)
        status = self._show(message.status)
        self._each_sink("save_status", status)
        if message.hook is not None:
            self._each_sink(message.hook)
        self._publish(status)

    def publish_progress(self, progress: float) -> None:
        """From `after_tick`: the state that was handed on last, with this progress."""
        if self.shown is not None:
            self._publish(self._show(replace(self.shown, progress=progress, timestamp=utc_now())))

    def _show(self, status: ScanStatus) -> ScanStatus:
        """The status, its progress not below what was said before."""
        said = self.shown.progress if self.shown is not None else None
        if said is not None and status.progress is not None and status.progress < said:
            status = replace(status, progress=said)
        self.shown = status
        return status

    def _each_sink(self, hook: str, *args: Any) -> None:
        for sink in tuple(self._sinks):
            if id(sink) in self._broken:
                continue
            try:
                with self._calls:
                    getattr(sink, hook, getattr(BaseExtension, hook).__get__(sink))(*args)
            except BaseException as error:  # SystemExit too: it would end this thread unheard
                self._broken.add(id(sink))
                self._fail(error, f"{type(sink).__name__}.{hook}")

    def _fail(self, error: BaseException, where: str = "outlet") -> None:
        log.error("scan %s: %s failed: %s", self._scan_id, where, error)
        if self.error is None:
            self.error = error
            self._on_failure(error)


def _weight(values: Any) -> int:
    """About the bytes of a reading's values."""
    if isinstance(values, list | tuple):
        return sum(map(_weight, values))
    return getattr(values, "nbytes", _NUMBER_BYTES)


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
