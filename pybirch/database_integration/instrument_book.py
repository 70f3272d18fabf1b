"""The lab's record of its instruments: who they are, and the state each was last seen in."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from database.services import DatabaseService
from pybirch.events import EventBus, InstrumentStatus
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
            instrument.instrument_id = db.equipment.register(instrument).id
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
            if event.status is state and event.error == error and now - at < KEEP_VALUES_EVERY:
                return
            self._kept[event.instrument_id] = (event.status, event.error, now)
        self._db.equipment.set_status(
            event.instrument_id,
            event.status,
            position=event.position,
            target=event.target,
            value=event.value,
            error=event.error,
        )
