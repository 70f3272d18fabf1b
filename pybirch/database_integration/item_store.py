"""What a `Store` is told, as items: for a server's ingest, or for a spool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pybirch.blocks import in_parts, numbers_in
from pybirch.errors import FieldError
from pybirch.events import QueueLog, QueueStatus, Readings, ScanStatus
from pybirch.queue.handles import ScanHandle
from pybirch.scan.outlet import Pace
from pybirch.scan.scan import Scan
from pybirch.wire import to_block, to_wire

TO_BEGIN = 5.0
"""Seconds the server has to take in a new queue or scan."""

PUT_NUMBERS = 2**20
"""A tick with more numbers than that is put down in several pieces; a number is 11 bytes on the wire."""
MOST_NUMBERS = 60 * 2**20 // 11

Item = Mapping[str, Any]
"""``{"kind": event or fact, "payload": …}``"""


class ItemStore:
    """A `Store` that makes items of everything.

    Args:
        given: project and sample of scans that name none, by their numbers.
        progress_every: seconds between two reports of progress alone.
    """

    def __init__(self, given: Mapping[str, int] | None = None, progress_every: float = 0.25) -> None:
        self._given = dict(given or {})
        self._pace = Pace(progress_every)

    def put(self, items: Sequence[Item], patience: float = 60.0) -> dict[str, Any]:
        """Keep these items, in one piece if that is possible; the answer, where there is one.

        Raises:
            PyBirchError: they are not kept.
        """
        raise NotImplementedError

    def open_queue(self, queue: Any) -> None:
        self._put(("queue_opened", queue.get_status()), patience=TO_BEGIN)

    def open_scan(self, scan: Scan, queue_id: str | None) -> None:
        shape = ScanHandle(scan).describe() | {
            "settings": scan.settings.serialize(),
            "queue_id": queue_id,
        }
        if self._given:
            shape["given"] = self._given
        unknown = [i for i in scan.instruments if not getattr(i, "instrument_id", 1)]
        answer = self._put(
            *(("instrument_seen", instrument.describe()) for instrument in unknown),
            ("scan_opened", shape),
            patience=TO_BEGIN,
        )
        numbers = {seen["name"]: seen["instrument_id"] for seen in answer.get("instruments", ())}
        for instrument in unknown:
            instrument.instrument_id = numbers.get(instrument.name, 0)

    def claim(self, scan_id: str) -> None:
        """Nothing to do for a server: it fences writers by station and epoch."""

    def drop_scan(self, scan: Scan, queue_id: str) -> None:
        self._put(("scan_dropped", {"scan_id": scan.scan_id, "queue_id": queue_id}))

    def reorder(self, queue_id: str, scan_ids: Sequence[str]) -> None:
        self._put(("queue_ordered", {"queue_id": queue_id, "scan_ids": list(scan_ids)}))

    def save_terms(self, scan_id: str, terms: dict[str, Any]) -> None:
        self._put(("scan_terms", {"scan_id": scan_id, "terms": terms}))

    def save_queue(self, queue: Any) -> None:
        rules = {"mode": str(queue.mode), "policy": queue.policy.as_json(), "revision": queue.revision}
        self._put(("queue_rules", {"queue_id": queue.queue_id, **rules}))

    def save_readings(self, readings: Sequence[Readings], status: ScanStatus) -> None:
        parts = in_parts(readings, PUT_NUMBERS)
        for blocks in parts:
            check_size(blocks)
            items = [("data_block", to_wire(to_block(block, "float64"))) for block in blocks]
            if blocks is parts[-1] and self._pace.due():
                items.append(("scan_status", to_wire(status)))
            self._put(*items)

    def save_status(self, status: ScanStatus) -> None:
        self._put(("scan_status", to_wire(status)))

    def save_rewind(self, scan_id: str, step: int) -> None:
        self._put(("scan_rewound", {"scan_id": scan_id, "step": step}))

    def save_conditions(self, scan_id: str, conditions: dict[str, Any]) -> None:
        self._put(("scan_conditions", {"scan_id": scan_id, "conditions": conditions}))

    def owe_status(self, status: ScanStatus) -> None:
        self.save_status(status)

    def save_act(self, act: Mapping[str, Any]) -> None:
        self._put(("acted", dict(act)))

    def save_log(self, line: QueueLog, origin: str | None = None) -> None:
        self._put(("queue_log", to_wire(line) | ({} if origin is None else {"origin": origin})))

    def save_queue_status(self, status: QueueStatus) -> None:
        self._put(("queue_status", to_wire(status)))

    def _put(self, *items: tuple[str, dict[str, Any]], patience: float = 60.0) -> dict[str, Any]:
        return self.put([{"kind": kind, "payload": payload} for kind, payload in items], patience)


def check_size(blocks: Sequence[Readings]) -> None:
    """Whether one frame may hold these blocks.

    Raises:
        FieldError: a single step is larger than what the server takes at a time; names the largest.
    """
    if numbers_in(blocks) > MOST_NUMBERS:
        largest = max(blocks, key=lambda block: numbers_in([block]))
        raise FieldError(
            largest.measurement,
            f"one step reads {numbers_in(blocks):,} numbers; through the server at most {MOST_NUMBERS:,} can "
            "be stored at a time. Give the queue a database of its own (DatabaseQueue), or read less",
        )
