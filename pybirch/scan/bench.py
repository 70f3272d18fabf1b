"""The instruments of one scan: brought up together, told to hold, made safe on every way out."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

from pybirch.events import Event, InstrumentStatus, Readings
from pybirch.scan.tree import Item, instruments_of, walk
from pybirch.states import InstrumentState

log = logging.getLogger(__name__)


class Bench:
    """Everything a scan uses.

    Args:
        tree: the scan's items.
        publish: hears states and positions of the instruments.
    """

    def __init__(self, tree: Sequence[Item], publish: Callable[[Event], None]) -> None:
        self.instruments = instruments_of(tree)
        self._tree = tree
        self._publish = publish
        self._touched: list[Any] = []
        self._last: dict[str, Readings] = {}
        self._news: set[str] = set()

    def connect(self, check: Callable[[], None]) -> None:
        """Connect, apply settings and initialize; `check` may raise between two instruments."""
        for instrument in self.instruments:
            check()
            self._touched.append(instrument)
            with contextlib.suppress(AttributeError):
                instrument.listener = self._publish
            instrument.connect()
        for _, item in walk(self._tree):
            if item.settings:
                item.instrument.settings = item.settings
        for instrument in self.instruments:
            check()
            instrument.initialize()

    def interrupt(self) -> None:
        """Cut short moves and waits under way."""
        for instrument in tuple(self._touched):
            interrupt = getattr(instrument, "interrupt", None)
            if interrupt is None:
                continue
            try:
                interrupt()
            except Exception:
                log.exception("%s could not be interrupted", instrument.name)

    def make_safe(self) -> list[BaseException]:
        """Shut down every instrument that was touched, last first; the errors met on the way."""
        errors: list[BaseException] = []
        while self._touched:
            instrument = self._touched[-1]  # stays until it is safe, even if Ctrl-C cuts this short
            clear = getattr(getattr(instrument, "_interrupted", None), "clear", None)
            if clear is not None:
                clear()  # an abort cuts moves short, not the way to the safe state
            try:
                instrument.shutdown()
            except Exception as error:
                log.exception("%s could not be put in its safe state", instrument.name)
                error.add_note(f"while putting {instrument.name} in its safe state")
                errors.append(error)
                if hasattr(instrument, "report_error"):
                    instrument.report_error(error)
            with contextlib.suppress(AttributeError):
                instrument.listener = None
            self._touched.pop()
        return errors

    def show(self, state: InstrumentState, instruments: Sequence[Any]) -> None:
        """Mark instruments as being in `state`."""
        for instrument in instruments:
            with contextlib.suppress(AttributeError):
                instrument.status = state

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


def _last(values: Any) -> Any:
    """The newest value; of an array its size and range."""
    newest = values[-1]
    if getattr(newest, "ndim", 0) == 0:
        return float(newest)
    return {"size": len(newest), "min": float(newest.min()), "max": float(newest.max())}
