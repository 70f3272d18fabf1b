"""The instruments of one scan: brought up together, told to hold, made safe on every way out."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from pybirch.errors import InstrumentError
from pybirch.events import Event, InstrumentStatus, Readings
from pybirch.instruments.base import TIME_LIMIT
from pybirch.scan.stacks import calls_into
from pybirch.scan.tree import Item, SettingsItem, instruments_of, users
from pybirch.scan.watch import limit_of
from pybirch.states import InstrumentState

log = logging.getLogger(__name__)

TRY_AGAIN = 1.0
"""Seconds between two tries to connect an instrument."""

LONG = 5.0
"""Seconds one instrument may take to become safe before the others go on without it."""


LOOK_AGAIN = 0.02
"""Seconds between two looks at those that are still at work, when a scan ends without one that hangs."""

HANDS = 1.0
"""Seconds an instrument has to take note that it is interrupted; its driver may hang in that too."""


class Bench:
    """Everything a scan uses.

    Args:
        tree: the scan's items.
        publish: hears states and positions of the instruments.

    Attributes:
        is_up: they are connected and initialized, all of them.
    """

    def __init__(self, tree: Sequence[Item], publish: Callable[[Event], None]) -> None:
        self.instruments = instruments_of(tree)
        self._tree = tree
        self._publish = publish
        self._touched: list[Any] = []
        self._errors: list[BaseException] = []
        self._ending = False
        self.is_up = False
        self._held: list[Any] = []
        self._helpers: list[tuple[Any, threading.Thread]] = []
        self._hands = threading.Lock()
        self._last: dict[str, Readings] = {}
        self._news: set[str] = set()

    def connect(self, check: Callable[[], None], wait: Callable[[float], None]) -> None:
        """Connect, apply settings and initialize; also once more, after `make_safe`.

        Args:
            check: may raise between two instruments.
            wait: lets time pass between two tries, and may raise.
        """
        with self._hands:
            self._ending = False
        for instrument in self.instruments:
            check()
            self._touch(instrument)
            with contextlib.suppress(AttributeError):
                instrument.listener = self._publish
            self._connect(instrument, wait)
        check()
        for _, item in users(self._tree):
            if not isinstance(item, SettingsItem) and getattr(item, "settings", None):
                item.instrument.settings = getattr(item, "settings")  # noqa: B009
        for instrument in self.instruments:
            check()
            instrument.initialize()
        self.is_up = True

    def _touch(self, instrument: Any) -> None:
        if not any(instrument is other for other in self._touched):
            self._touched.append(instrument)

    def _connect(self, instrument: Any, wait: Callable[[float], None]) -> None:
        """Connect, as often as the instrument's `reconnect_attempts` allow."""
        for left in range(getattr(instrument, "reconnect_attempts", 0), -1, -1):
            try:
                instrument.connect()
            except InstrumentError as error:
                if not left:
                    raise
                log.warning("%s (%d more tries)", error, left)
                wait(TRY_AGAIN)
            else:
                return

    def interrupt(self) -> None:
        """Cut short moves and waits under way; never the way to the safe state."""
        for instrument in tuple(self._touched):
            with self._hands:
                if self._ending:
                    return
                _interrupt(instrument).wait(HANDS)

    def make_safe(self) -> list[BaseException]:
        """Shut down every instrument that was touched, last first; the errors met on the way.

        When one takes longer than `LONG`, the others do not wait for it.
        """
        self._begin_ending()
        self.is_up = False
        watch = threading.Timer(LONG, self._make_rest_safe)
        watch.daemon = True
        if self._touched:
            watch.start()
        while (instrument := self._take()) is not None:
            try:
                self._shut_down(instrument)
            except BaseException:  # Ctrl-C cuts this short: it is still to be done
                self._touched.append(instrument)
                raise
        watch.cancel()
        if watch.ident is not None:
            watch.join()
        for _, helper in tuple(self._helpers):
            helper.join()
        self._helpers.clear()
        return self._errors

    def make_rest_safe(self) -> None:
        """From another thread, when the scan's own hangs in a driver: shut down what it has not yet.

        The instrument it hangs in is left to it, for when it comes back: two threads in one driver
        would do more harm.
        """
        self._begin_ending()
        self._make_rest_safe()

    def leave(self, stuck: Any) -> list[Any]:
        """From another thread, when the scan ends without `stuck`: shut down the others.

        What goes on side by side is interrupted, and has its time limit to come back in.

        Returns:
            Those that did not come back, and were left as they are.
        """
        others = [one for one in self._touched if one is not stuck]
        for call in calls_into(others):
            _interrupt(call.instrument)
        self._begin_ending()
        begun = time.monotonic()
        while True:
            self._make_rest_safe()
            late = [one for one in self._at_work() if one is not stuck]
            patience = max((limit_of(one) or TIME_LIMIT for one in late), default=0.0)
            if time.monotonic() - begun >= patience:
                return [one for one in (stuck, *late) if calls_into([one])]
            time.sleep(LOOK_AGAIN)

    @property
    def threads(self) -> set[int]:
        """Those that shut instruments down beside the scan's own."""
        return {helper.ident for _, helper in tuple(self._helpers) if helper.ident and helper.is_alive()}

    @property
    def is_ending(self) -> bool:
        """On the way to the safe state, which nothing cuts short."""
        return self._ending

    def interrupt_one(self, instrument: Any) -> None:
        """Cut short what it does; never the way to the safe state. Waits for nothing."""
        if not self._ending:
            _interrupt(instrument)

    def _begin_ending(self) -> None:
        """No interruption from here on; one under way is waited for, unless it hangs itself."""
        free = self._hands.acquire(timeout=HANDS)
        self._ending = True
        if free:
            self._hands.release()

    def _at_work(self) -> list[Any]:
        """Instruments that are not safe yet."""
        return [*self._touched, *(one for one, helper in tuple(self._helpers) if helper.is_alive())]

    def _make_rest_safe(self) -> None:
        busy: list[Any] = []
        while (instrument := self._take()) is not None:
            if calls_into([instrument]):
                busy.append(instrument)
                continue
            helper = threading.Thread(
                target=self._shut_down, args=(instrument,), name=f"safe {instrument.name}", daemon=True
            )
            self._helpers.append((instrument, helper))
            helper.start()
        self._touched.extend(busy)

    def _take(self) -> Any:
        """The next instrument to shut down; None when all are, or are about to be."""
        try:
            return self._touched.pop()
        except IndexError:
            return None

    def _shut_down(self, instrument: Any) -> None:
        try:
            getattr(instrument, "clear_interrupt", _nothing)()
            instrument.shutdown()
        except Exception as error:
            log.exception("%s could not be put in its safe state", instrument.name)
            error.add_note(f"while putting {instrument.name} in its safe state")
            self._errors.append(error)
            if hasattr(instrument, "report_error"):
                instrument.report_error(error)
        with contextlib.suppress(AttributeError):
            instrument.listener = None

    def show(self, state: InstrumentState, instruments: Sequence[Any]) -> None:
        """Mark instruments as being in `state`."""
        for instrument in instruments:
            with contextlib.suppress(AttributeError):
                instrument.status = state

    def hold(self) -> None:
        """A pause: nothing is read now."""
        self._held = [
            one for one in self.instruments if getattr(one, "status", None) is InstrumentState.MEASURING
        ]
        self.show(InstrumentState.IDLE, self._held)

    def go_on(self) -> None:
        """After `hold`."""
        held, self._held = self._held, []
        self.show(InstrumentState.MEASURING, held)

    def note_values(self, blocks: Sequence[Readings]) -> None:
        """Remember what was just moved and read, for `report_values`."""
        for block in blocks:
            self._last[block.measurement] = block
            self._news.add(block.measurement)

    def report_values(self, *, all_of_them: bool = False) -> None:
        """Tell the last position and value of what was moved and read since the last report, or at all."""
        told = set(self._last) if all_of_them else self._news
        self._news = set()
        for block in [block for name, block in self._last.items() if name in told]:
            for instrument in self.instruments:
                if instrument.name == block.measurement:
                    self._report(instrument, value={c: _last(v) for c, v in block.values.items()})
                    continue
                column = instrument.column() if hasattr(instrument, "column") else None
                if column in block.positions:
                    self._report(instrument, position={column: float(block.positions[column][-1])})

    def _report(
        self, instrument: Any, position: dict[str, float] | None = None, value: dict[str, Any] | None = None
    ) -> None:
        self._publish(
            InstrumentStatus(
                instrument_id=getattr(instrument, "instrument_id", 0),
                instrument_name=instrument.name,
                status=getattr(instrument, "status", InstrumentState.BUSY),
                position=position,
                value=value,
            )
        )


def _interrupt(instrument: Any) -> threading.Event:
    """Cut short what it does, in a thread of its own; set when it has taken note."""
    noted = threading.Event()

    def work() -> None:
        try:
            getattr(instrument, "interrupt", _nothing)()
        except Exception:
            log.exception("%s could not be interrupted", instrument.name)
        noted.set()

    try:
        threading.Thread(target=work, name=f"interrupt {instrument.name}", daemon=True).start()
    except RuntimeError:  # the system has no thread for it
        work()
    return noted


def _nothing() -> None: ...


def _last(values: Any) -> Any:
    """The newest value; of an array its size and range."""
    newest = values[-1]
    if getattr(newest, "ndim", 0) == 0:
        return float(newest)
    return {"size": len(newest), "min": float(newest.min()), "max": float(newest.max())}
