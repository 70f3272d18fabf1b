"""The newest status of each scan, queue and instrument, for those who come later."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from pybirch.events import Event, InstrumentPosition, InstrumentStatus, QueueStatus, ScanStatus
from pybirch.states import InstrumentState

MOST_SCANS = 2_000
Status = TypeVar("Status", ScanStatus, QueueStatus, InstrumentStatus)


class Latest:
    """Statuses merged as they come: a key that an event leaves open keeps what was said before.

    Not thread safe: its owner has the lock.
    """

    def __init__(self) -> None:
        self.scans: dict[str, ScanStatus] = {}
        self.queues: dict[str, QueueStatus] = {}
        self.instruments: dict[int, InstrumentStatus] = {}

    def keep(self, event: Event) -> None:
        match event:
            case ScanStatus():
                self.scans[event.scan_id] = _merge(self.scans.pop(event.scan_id, None), event, ("progress",))
                self._prune()
            case QueueStatus():
                before = self.queues.get(event.queue_id)
                self.queues[event.queue_id] = _merge(before, event, ("completed_scans", "total_scans"))
            case InstrumentStatus():
                before = self.instruments.get(event.instrument_id)
                self.instruments[event.instrument_id] = _merge(before, event, ("position", "target", "value"))
            case InstrumentPosition():
                self._keep_position(event)
            case _:
                pass

    def _keep_position(self, event: InstrumentPosition) -> None:
        before = self.instruments.get(event.instrument_id)
        resting = (
            before.status if before and before.status is not InstrumentState.MOVING else InstrumentState.IDLE
        )
        self.instruments[event.instrument_id] = InstrumentStatus(
            instrument_id=event.instrument_id,
            instrument_name=event.instrument_name,
            status=InstrumentState.MOVING if event.is_moving else resting,
            position=event.position,
            target=event.target,
            value=before.value if before else None,
            error=before.error if before else None,
            timestamp=event.timestamp,
        )

    def _prune(self) -> None:
        if len(self.scans) <= MOST_SCANS:
            return
        for scan_id in [s for s, status in self.scans.items() if status.status.is_finished][
            : MOST_SCANS // 2
        ]:
            del self.scans[scan_id]


def _merge(before: Status | None, event: Status, keys: tuple[str, ...]) -> Status:
    if before is None:
        return event
    kept = {key: getattr(before, key) for key in keys if getattr(event, key) is None}
    return replace(event, **kept)
