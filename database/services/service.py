"""`DatabaseService`: the record's small services under one roof.

db = DatabaseService("lab.db")          # or sqlite:///lab.db, postgresql://user@host/lab
db.scans.list(state="running")
db.readings.append(scan_id, [readings])
db.close()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from database.migrations import runner
from database.models.equipment import Equipment, EquipmentType, InstrumentStatus
from database.models.measurement import MeasurementDataPoint, MeasurementObject
from database.models.queue import Queue, QueueLog
from database.models.sample import Sample
from database.models.scan import Scan
from database.services.analyses import Analyses
from database.services.arrays import Arrays
from database.services.audit import Audit
from database.services.conditions import Conditions
from database.services.data import data_of
from database.services.equipment import EquipmentService
from database.services.keepers import QueueKeepers, StationKeepers
from database.services.labs import Labs
from database.services.logs import Logs
from database.services.measurements import Measurements
from database.services.pictures import Pictures
from database.services.points import Points
from database.services.projects import Projects
from database.services.protocols import QueueLike, ScanLike
from database.services.queues import Queues
from database.services.readings import ReadingsService
from database.services.records import Key, Records
from database.services.samples import Samples
from database.services.scans import Scans
from database.services.search import Search
from database.services.sign_ins import SignIns
from database.services.stations import Stations
from database.services.templates import Templates
from database.services.tokens import Tokens
from database.services.upkeep import Upkeep
from database.services.users import Users
from database.session import Database
from pybirch.dataset.scan import ScanData
from pybirch.errors import NotFoundError
from pybirch.states import InstrumentState, ScanState


class DatabaseService:
    """All services on one database. Thread-safe; `close` it, or use it as a context manager.

    Args:
        path_or_url: path of an SQLite file, or a URL of SQLite or PostgreSQL.
        migrate: True makes or migrates the schema; "wait" waits until somebody else has;
            False takes it as it is.
        patience: seconds to wait for somebody else.

    Raises:
        DatabaseUnavailableError: it cannot be opened.
        SchemaError: a newer PyBirch made it, or nobody migrated it in time.
    """

    def __init__(
        self, path_or_url: str | Path, migrate: bool | Literal["wait"] = True, *, patience: float = 60.0
    ) -> None:
        self.database = Database(path_or_url)
        try:
            if migrate == "wait":
                runner.wait_until_current(self.database, patience)
            elif migrate:
                runner.upgrade(self.database)
        except BaseException:
            self.database.dispose()
            raise
        db = self.database
        self.labs = Labs(db)
        self.projects = Projects(db)
        self.users = Users(db)
        self.tokens = Tokens(db)
        self.sign_ins = SignIns(db)
        self.keepers = StationKeepers(db)
        self.samples = Samples(db)
        self.pictures = Pictures(db)
        self.equipment = EquipmentService(db)
        self.upkeep = Upkeep(db)
        self.instrument_statuses: Records[InstrumentStatus] = Records(db, InstrumentStatus)
        self.queues = Queues(db)
        self.queue_keepers = QueueKeepers(db)
        self.logs = Logs(db)
        self.scans = Scans(db)
        self.conditions = Conditions(db)
        self.measurements = Measurements(db)
        self.readings = ReadingsService(db)
        self.points = Points(db, self.readings)
        self.arrays = Arrays(db)
        self.templates = Templates(db)
        self.analyses = Analyses(db)
        self.audit = Audit(db)
        self.search = Search(db)
        self.stations = Stations(db)

    @property
    def url(self) -> str:
        """Where the database is, without password."""
        return self.database.name

    def close(self) -> None:
        """Close all connections; harmless when called twice."""
        self.database.dispose()

    dispose = close

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create_scan_from_pybirch(self, scan: ScanLike, queue_id: Key | None = None) -> Scan:
        return self.scans.create_from_pybirch(scan, queue_id)

    def update_scan(self, scan_id: Key, **fields: Any) -> Scan:
        """`scans.update`."""
        return self.scans.update(scan_id, **fields)

    def update_scan_status(self, scan_id: Key, status: ScanState | str, **fields: Any) -> Scan:
        """`scans.set_status`; `fields` may be message, progress, writer, timestamp or columns."""
        return self.scans.set_status(scan_id, status, **fields)

    def get_active_scans(self) -> list[Scan]:
        """All scans that run or are paused."""
        return self.scans.active()

    def create_measurement_object(
        self,
        scan_id: Key,
        name: str,
        columns: Sequence[str] | None = None,
        units: Sequence[str] | Mapping[str, str] | None = None,
    ) -> MeasurementObject:
        return self.measurements.create(scan_id, name, columns, units)

    def bulk_create_data_points(self, points: Iterable[Mapping[str, Any]]) -> int:
        """Store points ``{measurement_object_id, sequence_index, values, timestamp}``; how many were new."""
        return self.points.store(points)

    def get_measurement_data(
        self,
        measurement_object_id: int,
        start_index: int | None = None,
        end_index: int | None = None,
        all_readings: bool = False,
    ) -> list[MeasurementDataPoint]:
        """The readings ``start_index … end_index - 1`` as points.

        Of what was measured again after a rewind the newest, unless `all_readings` are wanted.
        """
        return self.points.take(measurement_object_id, start_index, end_index, all_readings)

    def create_measurement_data_point(self, **point: Any) -> MeasurementDataPoint:
        """Store one point; see `bulk_create_data_points`. Stored points are never changed."""
        self.points.store([point])
        return self.get_measurement_data_point(point["measurement_object_id"], point["sequence_index"])

    def get_measurement_data_point(
        self, measurement_object_id: int, sequence_index: int
    ) -> MeasurementDataPoint:
        found = self.points.take(measurement_object_id, sequence_index, sequence_index + 1, all_readings=True)
        if not found:
            raise NotFoundError(f"measurement object {measurement_object_id} has no reading {sequence_index}")
        return found[0]

    def list_measurement_data_points(
        self, measurement_object_id: int, *, limit: int = 100, offset: int = 0
    ) -> list[MeasurementDataPoint]:
        return self.points.take(measurement_object_id, offset, offset + limit)

    def data(self, scan: Key | ScanLike) -> ScanData:
        """What a scan measured, read lazily: ``db.data(scan_id).to_pandas()``, `to_xarray`, `to_arrow`.

        Args:
            scan: its text id, its number, or the scan itself.

        Raises:
            NotFoundError: there is no such scan.
        """
        key = scan if isinstance(scan, str | int) else scan.scan_id
        return data_of(self.scans, self.readings, self.arrays, self.conditions, key)

    def get_data_point_count(self, scan_id: Key) -> int:
        """Readings stored of a scan, over all its measurements."""
        return sum(measurement.count for measurement in self.readings.measurements(scan_id))

    def create_queue_from_pybirch(self, queue: QueueLike, **fields: Any) -> Queue:
        return self.queues.create_from_pybirch(queue, **fields)

    def get_queue_with_scans(self, queue_id: Key) -> Queue:
        return self.queues.get_with_scans(queue_id)

    def add_queue_log(self, queue_id: Key, level: str, message: str, scan_id: Key | None = None) -> QueueLog:
        return self.logs.add(queue_id, level, message, scan_id)

    def register_instrument(self, instrument: Any, lab_id: int | None = None) -> Equipment:
        return self.equipment.register(instrument, lab_id)

    def update_instrument_status(
        self, equipment_id: Key, status: InstrumentState | str, **fields: Any
    ) -> InstrumentStatus:
        """`equipment.set_status`; `fields`: position, target, value, error, settings."""
        return self.equipment.set_status(equipment_id, status, **fields)

    def get_instruments_by_type(self, type: EquipmentType | str) -> list[Equipment]:
        return self.equipment.by_type(type)

    def get_sample_by_id(self, sample_id: Key) -> Sample:
        return self.samples.get(sample_id)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]: ...


_NOUNS: dict[str, tuple[str, str]] = {
    "lab": ("labs", "labs"),
    "project": ("projects", "projects"),
    "user": ("users", "users"),
    "token": ("tokens", "tokens"),
    "sample": ("samples", "samples"),
    "equipment": ("equipment", "equipment"),
    "calibration": ("calibrations", "upkeep.calibrations"),
    "maintenance": ("maintenances", "upkeep.maintenance"),
    "instrument_status": ("instrument_statuses", "instrument_statuses"),
    "queue": ("queues", "queues"),
    "queue_log": ("queue_logs", "logs"),
    "scan": ("scans", "scans"),
    "measurement_object": ("measurement_objects", "measurements"),
    "measurement_data_array": ("measurement_data_arrays", "arrays"),
    "scan_template": ("scan_templates", "templates.scans"),
    "queue_template": ("queue_templates", "templates.queues"),
    "analysis": ("analyses", "analyses"),
    "audit_entry": ("audit_entries", "audit"),
    "station": ("stations", "stations"),
}
"""Noun -> its plural and the service that keeps it."""


def _delegate(path: str, verb: str, name: str) -> Callable[..., Any]:
    def method(self: DatabaseService, *args: Any, **fields: Any) -> Any:
        service: Any = self
        for part in path.split("."):
            service = getattr(service, part)
        return getattr(service, verb)(*args, **fields)

    method.__name__ = name
    method.__qualname__ = f"DatabaseService.{name}"
    method.__doc__ = f"`DatabaseService.{path}.{verb}`."
    return method


for _noun, (_plural, _path) in _NOUNS.items():
    for _verb in ("create", "get", "list", "update", "archive"):
        _name = f"{_verb}_{_plural if _verb == 'list' else _noun}"
        if _name not in vars(DatabaseService):
            setattr(DatabaseService, _name, _delegate(_path, _verb, _name))

__all__ = ["DatabaseService", "Templates"]
