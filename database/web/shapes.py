"""Rows of the database as the JSON that the API, the pages and the events speak."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pybirch.queue.policy import QueuePolicy

if TYPE_CHECKING:
    from database.models import AuditEntry, MeasurementObject, Project, Queue, QueueLog, Sample, Scan
    from database.services import DatabaseService
    from database.services.tally import Tally
    from pybirch.database_integration.sync.websocket_server import ScanUpdateServer

Shape = dict[str, Any]


def moment(time: datetime | None) -> str | None:
    """UTC, ISO 8601 with a Z."""
    if time is None:
        return None
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def scan_shape(row: Scan, updates: ScanUpdateServer | None = None) -> Shape:
    """A scan as in lists; `updates` knows the wish that is not in the record."""
    told = updates.latest_scan(row.scan_id) if updates else None
    now = told if told and told.status == row.status else None
    wish = row.requested or (now.requested if now else None)
    return {
        "scan_id": row.scan_id,
        "id": row.id,
        "name": row.scan_name,
        "project": row.project_name,
        "scan_type": row.scan_type,
        "job_type": row.job_type,
        "status": row.status.value,
        "requested": wish.value if wish and row.status.is_active else None,
        "progress": row.progress,
        "message": row.message or (now.message if now else None),
        "error": row.error,
        "owner": row.owner,
        "sample": sample_shape(row.sample) if row.sample else None,
        "queue_id": row.queue.queue_id if row.queue else None,
        "created_at": moment(row.created_at),
        "archived_at": moment(row.archived_at),
        "started_at": moment(row.started_at),
        "finished_at": moment(row.finished_at),
        "points_done": row.points_done,
        "points_replaced": row.points_replaced,
        "points_total": row.points_total,
        "points_vary": bool((row.extra_data or {}).get("points_vary")),
        "restarted_from": row.restarted_from,
        "tags": list(row.additional_tags or ()),
        "terms": row.terms or {},
        "user_fields": (row.extra_data or {}).get("user_fields", {}),
    }


def whole_scan_shape(db: DatabaseService, row: Scan, updates: ScanUpdateServer | None = None) -> Shape:
    """A scan with its settings and what it measured."""
    measurements = [measurement_shape(m) for m in db.readings.measurements(row.scan_id)]
    projects = [project_ref(one) for one in db.projects.of(row)]
    more = {"settings": row.settings, "measurements": measurements, "projects": projects}
    return scan_shape(row, updates) | more


def project_ref(row: Project) -> Shape:
    return {"id": row.id, "name": row.name, "archived_at": moment(row.archived_at)}


def measurement_shape(row: MeasurementObject) -> Shape:
    return {
        "name": row.name,
        "columns": row.layout,
        "count": row.count,
        "last_index": row.last_index,
        "replaced": row.replaced,
    }


def sample_shape(row: Sample) -> Shape:
    return {
        "id": row.id,
        "ID": row.sample_id,
        "material": row.material,
        "tags": list(row.additional_tags or ()),
        "archived_at": moment(row.archived_at),
    }


def queue_shape(row: Queue, tally: Tally) -> Shape:
    """A queue as in lists, with how far it is."""
    return {
        "queue_id": row.queue_id,
        "id": row.id,
        "name": row.name,
        "status": row.status.value,
        "mode": row.mode.value,
        "current_scan": row.current_scan,
        "station": row.station,
        "policy": QueuePolicy.from_json(row.policy).as_json(),
        "revision": row.revision,
        "created_at": moment(row.created_at),
    } | tally.shape()


def whole_queue_shape(
    row: Queue, tally: Tally, scans: Iterable[Scan], updates: ScanUpdateServer | None = None
) -> Shape:
    """A queue with its scans in order."""
    return queue_shape(row, tally) | {"scans": [scan_shape(scan, updates) for scan in scans]}


def audit_shape(row: AuditEntry) -> Shape:
    names = ("id", "actor", "action", "thing", "address", "token", "detail")
    return {name: getattr(row, name) for name in names} | {"timestamp": moment(row.timestamp)}


def log_shape(row: QueueLog) -> Shape:
    return {
        "id": row.id,
        "timestamp": moment(row.timestamp),
        "level": row.level,
        "message": row.message,
        "scan_id": row.scan_id,
    }
