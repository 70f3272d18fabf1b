"""The `broadcast_…` calls, for whatever can publish an event."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np

from pybirch.events import (
    DataPoint,
    Event,
    InstrumentPosition,
    InstrumentStatus,
    QueueLog,
    QueueStatus,
    Readings,
    ScanStatus,
)
from pybirch.states import InstrumentState, QueueState, ScanState
from pybirch.wire import split_column


class Broadcasts:
    """Turns plain arguments into events; a subclass gives `publish`."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._counting = threading.Lock()

    def publish(self, event: Event) -> None:
        raise TypeError(f"{type(self).__name__} must give publish()")

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
        """One reading: `data` is column (with or without its unit) -> number or array.

        Without an index it counts on from the last point sent of this measurement.
        """
        key = (str(scan_id), measurement_name)
        with self._counting:
            index = self._counts.get(key, 0) if sequence_index is None else sequence_index
            self._counts[key] = index + 1
        self.publish(_one_reading(*key, data, index))

    def broadcast_instrument_status(
        self,
        instrument_id: int,
        instrument_name: str,
        status: str,
        error: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """`settings` may carry position, target and value; other settings stay in the record."""
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


def _one_reading(scan_id: str, measurement: str, data: dict[str, Any], index: int) -> Readings | DataPoint:
    try:
        values = {name: np.asarray([value], dtype=np.float64) for name, value in data.items()}
    except (TypeError, ValueError):
        bare = {split_column(name)[0]: value for name, value in data.items()}
        return DataPoint(
            scan_id=scan_id, measurement=measurement, data=bare, position={}, sequence_index=index
        )
    return Readings(
        scan_id=scan_id,
        measurement=measurement,
        first_index=index,
        steps=np.asarray([index], dtype=np.int64),
        times=np.asarray([time.time()]),
        positions={},
        values=values,
    )
