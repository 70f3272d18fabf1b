"""A recorded scan's data, to be taken out as pandas, xarray or Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from database.models.scan import Scan
from database.services.arrays import Arrays
from database.services.conditions import Conditions
from database.services.readings import ReadingsService
from database.services.records import Key
from database.services.scans import Scans
from pybirch.dataset.facts import ColumnFacts, MeasurementFacts, ScanFacts, StoredArray
from pybirch.dataset.scan import ScanData
from pybirch.events import Readings


class DatabaseSource:
    """One scan of the database (see `pybirch.dataset.source.Source`).

    Raises:
        NotFoundError: there is no such scan.
    """

    gives_new_arrays = True

    def __init__(
        self, scans: Scans, readings: ReadingsService, arrays: Arrays, conditions: Conditions, scan_id: Key
    ) -> None:
        self._scans = scans
        self._readings = readings
        self._arrays = arrays
        self._conditions = conditions
        self._scan_id = scans.get(scan_id).scan_id

    def facts(self) -> ScanFacts:
        return facts_of(self._scans.get(self._scan_id), self._conditions.newest(self._scan_id))

    def measurements(self) -> list[MeasurementFacts]:
        return [
            MeasurementFacts(
                row.name,
                tuple(ColumnFacts.from_json(column) for column in row.layout),
                row.count,
                row.replaced,
            )
            for row in self._readings.measurements(self._scan_id)
        ]

    def blocks(
        self, measurement: str, start: int, end: int, columns: Sequence[str] | None, newest: bool
    ) -> Iterator[Readings]:
        return self._readings.iter_blocks(self._scan_id, measurement, start, end, columns, newest=newest)

    def arrays(self, measurement: str) -> Iterator[StoredArray]:
        found = {row.name: row.id for row in self._readings.measurements(self._scan_id)}
        for number in self._arrays.numbers(found[measurement]):
            row = self._arrays.get(number)
            yield StoredArray(row.name, row.sequence_index, row.data, row.unit, tuple(row.axes))


def facts_of(row: Scan, conditions: dict[str, Any] | None = None) -> ScanFacts:
    """What the record knows of a scan besides its readings; `conditions` are what it ran under last."""
    sample = row.sample
    extra = row.extra_data or {}
    return ScanFacts(
        scan_id=row.scan_id,
        name=row.scan_name,
        project=row.project_name,
        scan_type=row.scan_type,
        job_type=row.job_type,
        status=row.status.value,
        error=row.error,
        owner=row.owner,
        sample=sample
        and {"ID": sample.sample_id, "material": sample.material, "tags": list(sample.additional_tags or ())},
        tags=tuple(row.additional_tags or ()),
        user_fields=extra.get("user_fields", {}),
        settings=row.settings,
        conditions=conditions or {},
        restarted_from=row.restarted_from,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def data_of(
    scans: Scans, readings: ReadingsService, arrays: Arrays, conditions: Conditions, scan_id: Key
) -> ScanData:
    """The data of the scan with that text id or number.

    Raises:
        NotFoundError: there is none.
    """
    return ScanData(DatabaseSource(scans, readings, arrays, conditions, scan_id))
