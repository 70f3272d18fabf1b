"""The lab's record of its instruments: who they are, and the state each was last seen in."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from database.services import DatabaseService
from pybirch.events import EventBus, InstrumentStatus
from pybirch.instruments.timing import Timing
from pybirch.states import InstrumentState

KEEP_VALUES_EVERY = 1.0
"""Seconds between two values of one instrument in the record; states are kept at once."""


class InstrumentBook:
    """Registers instruments and keeps the state they report.

    Args:
        db: the record.
        instruments: get their `instrument_id` from it.
        bus: where their states are heard.
    """

    def __init__(self, db: DatabaseService, instruments: Sequence[Any], bus: EventBus) -> None:
        self._db = db
        self._instruments = list(instruments)
        self._bus = bus
        self._kept: dict[int, tuple[InstrumentState, str | None, float]] = {}
        self._lock = threading.Lock()
        for instrument in self._instruments:
            row = db.equipment.register(instrument)
            instrument.instrument_id = row.id
            if row.timing:
                instrument.timing = Timing.of(row.timing)
            db.equipment.set_status(instrument.instrument_id, InstrumentState.DISCONNECTED)
        self._subscription = bus.subscribe(self._hear, kinds=(InstrumentStatus,), name="instrument book")

    def close(self) -> None:
        """Write down that nothing is connected any more."""
        self._bus.unsubscribe(self._subscription)
        for instrument in self._instruments:
            self._db.equipment.set_status(instrument.instrument_id, InstrumentState.DISCONNECTED)

    def _hear(self, event: InstrumentStatus) -> None:
        if not event.instrument_id:
            return
        with self._lock:
            state, error, at = self._kept.get(event.instrument_id, (None, None, 0.0))
            now = time.monotonic()
            last_word = event.status is InstrumentState.DISCONNECTED
            same = event.status is state and event.error == error and not last_word
            if same and now - at < KEEP_VALUES_EVERY:
                return
            self._kept[event.instrument_id] = (event.status, event.error, now)
        if last_word:
            self._keep_timing(event.instrument_id)
        self._db.equipment.set_status(
            event.instrument_id,
            event.status,
            position=event.position,
            target=event.target,
            value=event.value,
            error=event.error,
        )

    def _keep_timing(self, instrument_id: int) -> None:
        for instrument in self._instruments:
            timing = getattr(instrument, "timing", None)
            if instrument.instrument_id == instrument_id and timing is not None:
                self._db.equipment.keep_timing(instrument_id, timing.as_json())
