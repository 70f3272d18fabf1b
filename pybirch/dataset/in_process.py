"""A scan of this program, as far as it has come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pybirch.blocks import part
from pybirch.dataset.facts import ColumnFacts, MeasurementFacts, ScanFacts, StoredArray
from pybirch.dataset.scan import ScanData
from pybirch.replacing import hidden, newest_parts, runs_of
from pybirch.wire import split_column

if TYPE_CHECKING:
    from typing import Any

    from pybirch.events import Readings
    from pybirch.scan.scan import Scan


def data_of(scan: Scan) -> ScanData:
    """What the scan has measured so far, whether or not it is recorded."""
    scan.flush()
    return ScanData(InProcess(scan))


class InProcess:
    """See `pybirch.dataset.source.Source`."""

    gives_new_arrays = False

    def __init__(self, scan: Scan) -> None:
        self._scan = scan

    def facts(self) -> ScanFacts:
        scan, settings = self._scan, self._scan.settings
        sample = scan.sample
        return ScanFacts(
            scan_id=scan.scan_id,
            name=settings.scan_name,
            project=settings.project_name,
            scan_type=settings.scan_type,
            job_type=settings.job_type,
            status=scan.state.value,
            error=scan.error,
            owner=scan.owner,
            sample=sample and {"ID": str(sample.ID), "material": sample.material, "tags": list(sample.tags)},
            tags=tuple(settings.additional_tags or ()),
            user_fields=dict(settings.user_fields or {}),
            settings=settings.serialize(),
        )

    def measurements(self) -> list[MeasurementFacts]:
        return [_described(self._scan.readings(name)) for name in self._scan.counts]

    def blocks(
        self, measurement: str, start: int, end: int, columns: Sequence[str] | None, newest: bool
    ) -> Iterator[Readings]:
        whole = self._scan.readings(measurement)
        gone = hidden(runs_of(whole)) if newest else hidden(())
        for first, last in newest_parts(gone, start, min(end, whole.end_index)):
            yield part(whole, first - whole.first_index, last - whole.first_index)

    def arrays(self, measurement: str) -> Iterator[StoredArray]:
        return iter(())


def _described(readings: Readings) -> MeasurementFacts:
    columns = [_column(name, "position", values) for name, values in readings.positions.items()]
    columns += [_column(name, "data", values) for name, values in readings.values.items()]
    gone = sum(int(last - first) for first, last in hidden(runs_of(readings)))
    return MeasurementFacts(readings.measurement, tuple(columns), readings.end_index, gone)


def _column(full: str, role: str, values: Any) -> ColumnFacts:
    name, unit = split_column(full)
    shape = (None,) if isinstance(values, list) else values.shape[1:]
    return ColumnFacts(name, unit, role, shape)
