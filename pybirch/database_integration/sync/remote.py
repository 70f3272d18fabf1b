"""A server in another process, seen from a script or station: to show through, and to store with."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any

from pybirch.blocks import in_parts, numbers_in
from pybirch.database_integration.sync.broadcasts import Broadcasts
from pybirch.database_integration.sync.frames import MOST_BYTES, Frames, Item
from pybirch.database_integration.sync.link import ServerLink
from pybirch.errors import FieldError
from pybirch.events import (
    Event,
    QueueLog,
    QueueStatus,
    Readings,
    ScanStatus,
)
from pybirch.queue.handles import ScanHandle
from pybirch.scan.outlet import Pace
from pybirch.scan.scan import Scan
from pybirch.wire import to_block, to_wire

TO_BEGIN = 5.0
"""Seconds the server has to take in a new queue or scan; then it is refused."""


FRAME_NUMBERS = 2**20
"""A tick with more numbers than that is stored in several frames; a number is 11 bytes on the wire."""
MOST_NUMBERS = MOST_BYTES // 11


class RemoteUpdateServer(Broadcasts):
    """`ScanUpdateServer`'s methods for a server that runs elsewhere; nothing waits for it.

    Args:
        url: the server's address.
        token: bearer token with the scope "station".
        station: under which name this process speaks; by default one that no other process has.
        link: a line that is open already, instead of a new one.
    """

    def __init__(
        self, url: str = "", token: str = "", station: str = "", *, link: ServerLink | None = None
    ) -> None:
        super().__init__()
        self.link = link or ServerLink(lambda: (url, token), station or _own_name())

    def publish(self, event: Event) -> None:
        self.link.publish(event)

    def close(self) -> None:
        self.link.close()


def _own_name() -> str:
    return f"script {socket.gethostname()} {os.getpid()}"


class RemoteStore:
    """A `Store` behind the server's ingest: scans and their readings are committed when it returns.

    What a queue writes about itself is sent in the same order and not waited for.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._pace = Pace(0.25)

    def open_queue(self, queue: Any) -> None:
        self._keep(("queue_opened", queue.get_status()), patience=TO_BEGIN)

    def open_scan(self, scan: Scan, queue_id: str | None) -> None:
        shape = ScanHandle(scan).describe() | {
            "settings": scan.settings.serialize(),
            "queue_id": queue_id,
        }
        unknown = [i for i in scan.instruments if not getattr(i, "instrument_id", 1)]
        answer = self._keep(
            *(("instrument_seen", instrument.describe()) for instrument in unknown),
            ("scan_opened", shape),
            patience=TO_BEGIN,
        )
        numbers = {seen["name"]: seen["instrument_id"] for seen in answer.get("instruments", ())}
        for instrument in unknown:
            instrument.instrument_id = numbers.get(instrument.name, 0)

    def claim(self, scan_id: str) -> None:
        """Nothing to do: the server fences writers by station and epoch."""

    def drop_scan(self, scan: Scan, queue_id: str) -> None:
        self._post("scan_dropped", {"scan_id": scan.scan_id, "queue_id": queue_id})

    def reorder(self, queue_id: str, scan_ids: Sequence[str]) -> None:
        self._post("queue_ordered", {"queue_id": queue_id, "scan_ids": list(scan_ids)})

    def save_terms(self, scan_id: str, terms: dict[str, Any]) -> None:
        self._post("scan_terms", {"scan_id": scan_id, "terms": terms})

    def save_queue(self, queue: Any) -> None:
        rules = {"mode": str(queue.mode), "policy": queue.policy.as_json(), "revision": queue.revision}
        self._post("queue_rules", {"queue_id": queue.queue_id, **rules})

    def save_readings(self, readings: Sequence[Readings], status: ScanStatus) -> None:
        parts = in_parts(readings, FRAME_NUMBERS)
        for blocks in parts:
            check_size(blocks)
            items = [("data_block", to_wire(to_block(block, "float64"))) for block in blocks]
            if blocks is parts[-1] and self._pace.due():
                items.append(("scan_status", to_wire(status)))
            self._keep(*items)

    def save_status(self, status: ScanStatus) -> None:
        self._keep(("scan_status", to_wire(status)))

    def save_rewind(self, scan_id: str, step: int) -> None:
        self._keep(("scan_rewound", {"scan_id": scan_id, "step": step}))

    def owe_status(self, status: ScanStatus) -> None:
        self._post("scan_status", to_wire(status))

    def save_log(self, line: QueueLog) -> None:
        self._post("queue_log", to_wire(line))

    def save_queue_status(self, status: QueueStatus) -> None:
        self._post("queue_status", to_wire(status))

    def _keep(self, *items: tuple[str, dict[str, Any]], patience: float = 60.0) -> dict[str, Any]:
        frame: list[Item] = [{"kind": kind, "payload": payload} for kind, payload in items]
        return self._frames.keep(frame, patience)

    def _post(self, kind: str, payload: dict[str, Any]) -> None:
        """In its turn, without waiting: a queue that writes its log must still hear an abort."""
        self._frames.post([{"kind": kind, "payload": payload}])


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
