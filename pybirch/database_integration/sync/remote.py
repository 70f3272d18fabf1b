"""A server in another process, seen from a script or station: to show through, and to store with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pybirch.database_integration.sync.frames import Frames, Item
from pybirch.database_integration.sync.link import ServerLink
from pybirch.events import (
    Event,
    InstrumentPosition,
    InstrumentStatus,
    QueueLog,
    QueueStatus,
    Readings,
    ScanStatus,
    utc_now,
)
from pybirch.queue.handles import ScanHandle
from pybirch.scan.outlet import Pace
from pybirch.scan.scan import Scan
from pybirch.states import InstrumentState, QueueState, ScanState
from pybirch.wire import to_block, to_wire

TO_BEGIN = 5.0
"""Seconds the server has to take in a new queue or scan; then it is refused."""


class RemoteUpdateServer:
    """`ScanUpdateServer`'s methods for a server that runs elsewhere; nothing waits for it.

    Args:
        url: the server's address.
        token: bearer token with the scope "station".
        station: under which name this process speaks.
        link: a line that is open already, instead of a new one.
    """

    def __init__(
        self, url: str = "", token: str = "", station: str = "script", *, link: ServerLink | None = None
    ) -> None:
        self.link = link or ServerLink(lambda: (url, token), station)
        self._counts: dict[tuple[str, str], int] = {}

    def publish(self, event: Event) -> None:
        self.link.publish(event)

    def broadcast_scan_status(
        self, scan_id: str, status: str, progress: float | None = None, message: str | None = None
    ) -> None:
        self.publish(
            ScanStatus(scan_id=str(scan_id), status=ScanState(status), progress=progress, message=message)
        )

    def broadcast_queue_status(
        self,
        queue_id: str,
        status: str,
        current_scan: str | None = None,
        completed_scans: int | None = None,
        total_scans: int | None = None,
    ) -> None:
        self.publish(
            QueueStatus(
                queue_id=str(queue_id),
                status=QueueState(status),
                current_scan=current_scan,
                completed_scans=completed_scans,
                total_scans=total_scans,
            )
        )

    def broadcast_data_point(
        self, scan_id: str, measurement_name: str, data: dict[str, Any], sequence_index: int | None = None
    ) -> None:
        key = (str(scan_id), measurement_name)
        index = self._counts.get(key, 0) if sequence_index is None else sequence_index
        self._counts[key] = index + 1
        self.publish(
            Readings(
                scan_id=key[0],
                measurement=measurement_name,
                first_index=index,
                steps=np.asarray([index], dtype=np.int64),
                times=np.asarray([np.datetime64(utc_now()[:-1], "us").astype(float) / 1e6]),
                positions={},
                values={name: np.asarray([value], dtype=np.float64) for name, value in data.items()},
            )
        )

    def broadcast_instrument_status(
        self,
        instrument_id: int,
        instrument_name: str,
        status: str,
        error: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        told = {key: settings[key] for key in ("position", "target", "value") if settings and key in settings}
        self.publish(
            InstrumentStatus(
                instrument_id=int(instrument_id),
                instrument_name=instrument_name,
                status=InstrumentState(status),
                error=error,
                **told,
            )
        )

    def broadcast_instrument_position(
        self,
        instrument_id: int,
        instrument_name: str,
        position: dict[str, float],
        target_position: dict[str, float] | None = None,
        is_moving: bool = False,
    ) -> None:
        self.publish(
            InstrumentPosition(
                instrument_id=int(instrument_id),
                instrument_name=instrument_name,
                position=position,
                target=target_position,
                is_moving=is_moving,
            )
        )

    def broadcast_queue_log(
        self, queue_id: str, level: str, message: str, scan_id: str | None = None
    ) -> None:
        self.publish(QueueLog(queue_id=str(queue_id), level=level, message=message, scan_id=scan_id))

    def close(self) -> None:
        self.link.close()


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

    def save_readings(self, readings: Sequence[Readings], status: ScanStatus) -> None:
        items = [("data_block", to_wire(to_block(block, "float64"))) for block in readings]
        if self._pace.due():
            items.append(("scan_status", to_wire(status)))
        self._keep(*items)

    def save_status(self, status: ScanStatus) -> None:
        self._keep(("scan_status", to_wire(status)))

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
