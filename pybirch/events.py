"""The facts that travel: from a scan to the record, the browser, the window and the terminal.

Each class is one event of the wire (`kind` is its name there) and its fields are the wire's keys.
`Readings` is the one exception: it carries arrays inside the process; `pybirch.wire` turns it into
a `data_block`. The `EventBus` hands events to observers, which can never slow or fail a scan.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from pybirch.states import InstrumentState, QueueState, ScanState, Wish

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)


def utc_now() -> str:
    """The present moment, UTC, ISO 8601 with microseconds and a Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact with the time at which its source saw it."""

    kind: ClassVar[str] = ""
    timestamp: str = field(default_factory=utc_now)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanStatus(Event):
    kind: ClassVar[str] = "scan_status"
    scan_id: str
    status: ScanState
    progress: float | None = None
    message: str | None = None
    requested: Wish | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus(Event):
    kind: ClassVar[str] = "queue_status"
    queue_id: str
    status: QueueState
    current_scan: str | None = None
    completed_scans: int | None = None
    total_scans: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLog(Event):
    kind: ClassVar[str] = "queue_log"
    queue_id: str
    level: str
    message: str
    scan_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentStatus(Event):
    kind: ClassVar[str] = "instrument_status"
    instrument_id: int
    instrument_name: str
    status: InstrumentState
    position: dict[str, float] | None = None
    target: dict[str, float] | None = None
    value: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentPosition(Event):
    kind: ClassVar[str] = "instrument_position"
    instrument_id: int
    instrument_name: str
    position: dict[str, float]
    target: dict[str, float] | None = None
    is_moving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPoint(Event):
    """One reading; `data` and `position` by bare column name, values scalars or lists.

    `replaces` is the index of the reading it repeats after a rewind; on the wire only where it does.
    """

    kind: ClassVar[str] = "data_point"
    scan_id: str
    measurement: str
    data: dict[str, Any]
    position: dict[str, float]
    sequence_index: int
    stride: int = 1
    replaces: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBlock(Event):
    """Consecutive readings of one measurement, as they go over the wire (see `pybirch.wire`).

    `replaces` tells which repeat which, ``[[first_index, count, replaces], …]``, only where some do.
    """

    kind: ClassVar[str] = "data_block"
    scan_id: str
    measurement: str
    first_index: int
    count: int
    columns: list[dict[str, Any]]
    encoding: str
    replaces: list[list[int]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings(Event):
    """Consecutive readings of one measurement, inside the process.

    The reading `i` of the block is known for ever as (scan_id, measurement, first_index + i).

    Attributes:
        steps: ordinal of each reading's step in the traversal, int64, shape (n,).
        times: when each reading was taken, seconds since 1970 UTC, float64, shape (n,).
        positions: column ``"name (unit)"`` -> float64, shape (n,).
        values: column ``"name (unit)"`` -> float64, shape (n,) or, for readings that are
            arrays, (n, k); a list of n arrays where their lengths differ.
        replaces: of each reading, the index of the one it repeats after a rewind, -1 where it repeats
            none, int64, shape (n,); None where no reading does.
    """

    kind: ClassVar[str] = "data_block"
    scan_id: str
    measurement: str
    first_index: int
    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    positions: dict[str, NDArray[np.float64]]
    values: dict[str, Any]
    replaces: NDArray[np.int64] | None = None

    @property
    def count(self) -> int:
        return len(self.times)

    @property
    def end_index(self) -> int:
        """One past the last index."""
        return self.first_index + len(self.times)


AnyEvent = (
    ScanStatus
    | QueueStatus
    | QueueLog
    | InstrumentStatus
    | InstrumentPosition
    | DataPoint
    | DataBlock
    | Readings
)
_MAY_BE_DROPPED = (Readings, DataPoint, DataBlock, InstrumentPosition)
Observer = Callable[[Any], None]


class Subscription:
    """One observer: a thread of its own, a bounded queue before it.

    When the observer is too slow, the oldest readings and positions are dropped (they can be read
    from the record); statuses and log lines never are. What the observer raises is logged.
    """

    def __init__(
        self, observer: Observer, kinds: Iterable[type[Event]] | None, limit: int, name: str
    ) -> None:
        self._observer = observer
        self._kinds = tuple(kinds) if kinds is not None else None
        self._limit = limit
        self._queue: deque[Event] = deque()
        self._droppable = 0
        self._idle = True
        self._open = True
        self._changed = threading.Condition()
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=f"observer {name}", daemon=True)
        self._thread.start()

    def offer(self, event: Event) -> None:
        if self._kinds is not None and not isinstance(event, self._kinds):
            return
        with self._changed:
            if not self._open:
                return
            self._queue.append(event)
            if isinstance(event, _MAY_BE_DROPPED):
                self._droppable += 1
                if self._droppable > self._limit:
                    self._drop_oldest()
            self._changed.notify_all()

    def _drop_oldest(self) -> None:
        for position, event in enumerate(self._queue):
            if isinstance(event, _MAY_BE_DROPPED):
                del self._queue[position]
                self._droppable -= 1
                self.dropped += 1
                return

    def _run(self) -> None:
        while True:
            with self._changed:
                self._idle = not self._queue
                if self._idle:
                    self._changed.notify_all()
                while not self._queue and self._open:
                    self._changed.wait()
                if not self._queue:
                    return
                self._idle = False
                event = self._queue.popleft()
                self._droppable -= isinstance(event, _MAY_BE_DROPPED)
            try:
                self._observer(event)
            except BaseException:  # SystemExit too: it would end this thread, and lose statuses, unheard
                log.exception("%s: observer failed on %s", self._thread.name, event.kind)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until everything offered so far was handled; True if it was."""
        if threading.current_thread() is self._thread:
            return False
        with self._changed:
            return self._changed.wait_for(lambda: self._idle and not self._queue, timeout)

    def close(self, timeout: float | None = 2.0) -> None:
        """Handle what is queued, then end the thread. Harmless when called twice."""
        with self._changed:
            self._open = False
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)


class EventBus:
    """Hands each event to every subscription; publishing costs an append and never waits."""

    def __init__(self) -> None:
        self._subscriptions: tuple[Subscription, ...] = ()
        self._lock = threading.Lock()

    def subscribe(
        self,
        observer: Observer,
        *,
        kinds: Iterable[type[Event]] | None = None,
        limit: int = 2_000,
        name: str = "",
    ) -> Subscription:
        """Call `observer(event)` in a thread of its own for every event (of `kinds`, if given)."""
        subscription = Subscription(observer, kinds, limit, name or getattr(observer, "__name__", "observer"))
        with self._lock:
            self._subscriptions = (*self._subscriptions, subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)
        subscription.close()

    def publish(self, event: Event) -> None:
        for subscription in self._subscriptions:
            subscription.offer(event)

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until every observer has handled what was published so far."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for subscription in self._subscriptions:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not subscription.flush(left):
                return False
        return True

    def close(self) -> None:
        for subscription in self._subscriptions:
            self.unsubscribe(subscription)
