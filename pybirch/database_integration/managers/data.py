"""Readings in the record, for scripts that measure without a scan's engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from database.models import MeasurementDataArray
from database.services import DatabaseService
from pybirch.errors import FieldError
from pybirch.events import Readings
from pybirch.frames import join_frames

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

Key = int | str


class DataManager:
    """Adds readings to a scan's record and reads them back.

    Single points are gathered and stored `buffer_size` at a time; `flush` stores what waits, and
    `get_data` does so first.
    """

    def __init__(self, db: DatabaseService, buffer_size: int = 1000) -> None:
        self._db = db
        self._buffer_size = buffer_size
        self._waiting: dict[tuple[Key, str], list[tuple[float, Mapping[str, Any]]]] = {}
        self._lock = threading.RLock()

    def save_data_point(self, scan_id: Key, measurement_name: str, values: Mapping[str, Any]) -> None:
        """One reading: column ``"name (unit)"`` -> number or array."""
        if not values:
            raise FieldError("values", "has no columns")
        with self._lock:
            waiting = self._waiting.setdefault((scan_id, measurement_name), [])
            waiting.append((time.time(), dict(values)))
            if len(waiting) >= self._buffer_size:
                self._store(scan_id, measurement_name)

    def save_dataframe(self, scan_id: Key, measurement_name: str, frame: pd.DataFrame) -> int:
        """A reading per row; how many were stored."""
        with self._lock:
            self._store(scan_id, measurement_name)
            values = {str(column): frame[column].to_numpy(dtype=np.float64) for column in frame.columns}
            return self._append(scan_id, measurement_name, np.full(len(frame), time.time()), values)

    def save_array(
        self, scan_id: Key, measurement_name: str, array: ArrayLike, name: str = "array"
    ) -> MeasurementDataArray:
        """An array of any shape beside the measurement's readings."""
        with self._lock:
            self._store(scan_id, measurement_name)
            known = {row.name: row.id for row in self._db.readings.measurements(scan_id)}
            number = known.get(measurement_name)
            if number is None:
                number = self._db.create_measurement_object(scan_id, measurement_name).id
            return self._db.readings.add_array(number, np.asarray(array), name=name)

    def flush(self) -> None:
        """Store everything that waits."""
        with self._lock:
            for scan_id, measurement in list(self._waiting):
                self._store(scan_id, measurement)

    def get_data(self, scan_id: Key, measurement_name: str) -> pd.DataFrame:
        """All readings: positions, then data, a row each, by sequence index."""
        self.flush()
        return join_frames([self._db.readings.read(scan_id, measurement_name)])

    def _store(self, scan_id: Key, measurement: str) -> None:
        waiting = self._waiting.pop((scan_id, measurement), [])
        if not waiting:
            return
        times = np.array([moment for moment, _ in waiting])
        columns = waiting[0][1].keys()
        values = {
            column: np.array([row[column] for _, row in waiting], dtype=np.float64) for column in columns
        }
        self._append(scan_id, measurement, times, values)

    def _append(self, scan_id: Key, measurement: str, times: Any, values: dict[str, Any]) -> int:
        row = self._db.scans.get(scan_id)
        first = self._db.readings.last_indexes(scan_id).get(measurement, -1) + 1
        steps = np.arange(first, first + len(times), dtype=np.int64)
        block = Readings(
            scan_id=row.scan_id,
            measurement=measurement,
            first_index=first,
            steps=steps,
            times=times,
            positions={},
            values=values,
        )
        return self._db.readings.append(scan_id, [block])
