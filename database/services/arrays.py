"""Arrays of any shape and number type, kept beside a measurement's readings."""

from __future__ import annotations

from typing import Any

from database.models.measurement import MeasurementDataArray
from database.services.readings import ReadingsService
from database.services.records import Records
from database.session import Database


class Arrays(Records[MeasurementDataArray]):
    def __init__(self, database: Database, readings: ReadingsService) -> None:
        super().__init__(database, MeasurementDataArray, search=("name",))
        self._readings = readings

    def create(  # type: ignore[override]
        self,
        measurement_object_id: int,
        data: Any,
        *,
        name: str = "",
        sequence_index: int | None = None,
    ) -> MeasurementDataArray:
        """Store one array; `.data` of the row gives it back."""
        return self._readings.add_array(measurement_object_id, data, name=name, sequence_index=sequence_index)
