"""Samples and equipment as the JSON that the API and the pages speak."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from database.services.equipment import shown
from database.web.shapes import Shape, moment, project_ref, sample_shape

if TYPE_CHECKING:
    from database.models import Calibration, Equipment, Maintenance, Sample, SampleImage
    from database.services import DatabaseService
    from database.services.upkeep import Due

HISTORY_SHOWN = 100


def picture_shape(row: SampleImage) -> Shape:
    url = f"/api/sample/{row.sample_id}/picture/{row.id}"
    return {
        "id": row.id,
        "url": url,
        "preview": f"{url}?size=small",
        "media_type": row.media_type,
        "width": row.width,
        "height": row.height,
        "size": row.size,
        "caption": row.caption,
        "added_by": row.added_by,
        "created_at": moment(row.created_at),
    }


def listed_sample(row: Sample, cover: SampleImage | None) -> Shape:
    return sample_shape(row) | {
        "status": row.status,
        "cover": picture_shape(cover) if cover else None,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def listed_samples(db: DatabaseService, rows: Iterable[Sample]) -> list[Shape]:
    """Samples as in lists, with their covers."""
    rows = list(rows)
    covers = db.pictures.covers([row.id for row in rows])
    return [listed_sample(row, covers.get(row.id)) for row in rows]


def whole_sample(db: DatabaseService, row: Sample) -> Shape:
    pictures = db.pictures.of(row.id)
    return listed_sample(row, pictures[0] if pictures else None) | {
        "description": row.description,
        "image": row.image,
        "extra": row.extra_data or {},
        "project": next((project_ref(one) for one in db.projects.of(row)), None),
        "parents": [sample_shape(one) for one in db.samples.parents(row.id)],
        "children": [sample_shape(one) for one in db.samples.children(row.id)],
        "pictures": [picture_shape(one) for one in pictures],
        "scans": db.scans.count(sample_id=row.id),
    }


def due_shape(due: Due) -> Shape:
    return {
        "equipment_id": due.equipment_id,
        "name": due.name,
        "kind": due.kind,
        "what": due.what,
        "due_at": moment(due.due_at),
        "overdue": due.overdue,
    }


def listed_equipment(row: Equipment, due: Due | None) -> Shape:
    return shown(row) | {
        "manufacturer": row.manufacturer,
        "model": row.model,
        "serial_number": row.serial_number,
        "location": row.location,
        "due": due_shape(due) if due else None,
        "created_at": moment(row.created_at),
        "archived_at": moment(row.archived_at),
    }


def whole_equipment(db: DatabaseService, row: Equipment) -> Shape:
    """An instrument with its history and what was done to it; `row` as `equipment.get` gives it."""
    due = db.upkeep.due(equipment=row.id)
    newest = row.status_history[: -HISTORY_SHOWN - 1 : -1]
    history: list[Shape] = [
        {"status": one.status.value, "error": one.error_message, "timestamp": moment(one.timestamp)}
        for one in newest
    ]
    return listed_equipment(row, due[0] if due else None) | {
        "description": row.description,
        "specifications": row.specifications or {},
        "history": history,
        "calibrations": [calibration_shape(one) for one in db.upkeep.calibrations.of(row.id)],
        "maintenance": [maintenance_shape(one) for one in db.upkeep.maintenance.of(row.id)],
        "all_due": [due_shape(one) for one in due],
    }


def calibration_shape(row: Calibration) -> Shape:
    more = {"certificate": row.certificate, "parameters": row.parameters or {}}
    return _work_shape(row) | more


def maintenance_shape(row: Maintenance) -> Shape:
    return _work_shape(row) | {"what": row.what}


def _work_shape(row: Any) -> Shape:
    return {
        "id": row.id,
        "performed_at": moment(row.performed_at),
        "performed_by": row.performed_by,
        "due_at": moment(row.due_at),
        "notes": row.notes,
    }
