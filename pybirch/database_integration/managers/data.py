"""Readings in the record, for scripts that measure without a scan's engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from database.models import MeasurementDataArray
from database.services import DatabaseService
from database.services.arrays import Axes
from pybirch.database_integration.config import IntegrationConfig
from pybirch.errors import FieldError
from pybirch.events import Readings
from pybirch.frames import newest_frame, to_frame

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

Key = int | str
Point = tuple[float, dict[str, "NDArray[np.float64]"]]
"""When it was taken, and column -> number or array."""


class DataManager:
    """Adds readings to a scan's record and reads them back.

    Single points are gathered and stored `buffer_size` (MAX_BUFFER_SIZE) at a time; `flush` stores
    what waits, and `get_data` does so first. What could not be stored goes on waiting. A scan is
    named by its `.id` or `.scan_id` alike.
    """

    def __init__(self, db: DatabaseService, buffer_size: int | None = None) -> None:
        self._db = db
        config = IntegrationConfig.from_environment()
        self._chunks = config.chunks()
        self._buffer_size = buffer_size or config.max_buffer_size
        self._waiting: dict[tuple[str, str], list[Point]] = {}
        self._texts: dict[Key, str] = {}
        self._lock = threading.RLock()

    def save_data_point(self, scan_id: Key, measurement_name: str, values: Mapping[str, Any]) -> None:
        """One reading: column ``"name (unit)"`` -> number or array.

        Raises:
            FieldError: a column holds no numbers, or its columns are not those of the points before.
            NotFoundError: no such scan.
        """
        point = (time.time(), _numbers(values))
        with self._lock:
            text = self._text(scan_id)
            waiting = self._waiting.setdefault((text, measurement_name), [])
            if waiting and waiting[0][1].keys() != point[1].keys():
                other = min(waiting[0][1].keys() ^ point[1].keys())
                raise FieldError(f"values[{other!r}]", f"the points of {measurement_name} have other columns")
            waiting.append(point)
            if len(waiting) >= self._buffer_size:
                self._store(text, measurement_name)

    def save_dataframe(self, scan_id: Key, measurement_name: str, frame: pd.DataFrame) -> int:
        """A reading per row; how many were stored."""
        values = {str(column): frame[column].to_numpy(dtype=np.float64) for column in frame.columns}
        with self._lock:
            text = self._text(scan_id)
            self._store(text, measurement_name)
            return self._append(text, measurement_name, np.full(len(frame), time.time()), values)

    def save_array(
        self,
        scan_id: Key,
        measurement_name: str,
        array: ArrayLike,
        name: str = "array",
        *,
        sequence_index: int | None = None,
        unit: str = "",
        axes: Axes = (),
    ) -> MeasurementDataArray:
        """An array of any shape beside the measurement's readings.

        Args:
            sequence_index: of the reading it belongs to.
            unit: of its numbers.
            axes: of each dimension ``{name, unit, values}``, all optional.

        Raises:
            FieldError: these are no numbers, or the axes are not those of such an array.
        """
        with self._lock:
            self._store(self._text(scan_id), measurement_name)
            known = {row.name: row.id for row in self._db.readings.measurements(scan_id)}
            number = known.get(measurement_name)
            if number is None:
                number = self._db.create_measurement_object(scan_id, measurement_name).id
            return self._db.arrays.create(
                number, array, name=name, sequence_index=sequence_index, unit=unit, axes=axes
            )

    def flush(self) -> None:
        """Store everything that waits."""
        with self._lock:
            for scan_id, measurement in list(self._waiting):
                self._store(scan_id, measurement)

    def get_data(self, scan_id: Key, measurement_name: str, *, all_readings: bool = False) -> pd.DataFrame:
        """The readings: positions, then data, a row each, by sequence index.

        Of what was measured again after a rewind the newest, unless `all_readings` are wanted.
        """
        self.flush()
        readings = self._db.readings.read(scan_id, measurement_name)
        return to_frame(readings) if all_readings else newest_frame(readings)

    def _text(self, scan_id: Key) -> str:
        if scan_id not in self._texts:
            self._texts[scan_id] = self._db.scans.get(scan_id).scan_id
        return self._texts[scan_id]

    def _store(self, scan_id: str, measurement: str) -> None:
        waiting = self._waiting.get((scan_id, measurement))
        if waiting:
            times = np.array([moment for moment, _ in waiting])
            values = {column: _stacked([row[column] for _, row in waiting]) for column in waiting[0][1]}
            self._append(scan_id, measurement, times, values)
        self._waiting.pop((scan_id, measurement), None)

    def _append(self, scan_id: str, measurement: str, times: Any, values: dict[str, Any]) -> int:
        block = Readings(
            scan_id=scan_id,
            measurement=measurement,
            first_index=0,
            steps=np.arange(len(times), dtype=np.int64),
            times=times,
            positions={},
            values=values,
        )
        return self._db.readings.add(scan_id, block, **self._chunks)


def _numbers(values: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    if not values:
        raise FieldError("values", "has no columns")
    made: dict[str, NDArray[np.float64]] = {}
    for column, value in values.items():
        try:
            made[column] = np.array(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise FieldError(f"values[{column!r}]", f"must be a number or an array ({error})") from error
        if made[column].ndim > 1:
            raise FieldError(f"values[{column!r}]", "has more than one dimension; use save_array")
    return made


def _stacked(cells: list[NDArray[np.float64]]) -> Any:
    """A column: an array where the readings have one shape, else a list of arrays."""
    if len({cell.shape for cell in cells}) == 1:
        return np.stack(cells)
    return [np.atleast_1d(cell) for cell in cells]
