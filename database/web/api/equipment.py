"""Equipment: found, made, described, archived; its calibrations and maintenance, and what is due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint

from database.models import Equipment
from database.web.api.lab_schemas import (
    CalibrationIn,
    DueListOut,
    DueQuery,
    EquipmentIn,
    EquipmentQuery,
    ListedEquipmentOut,
    MaintenanceIn,
    NewEquipmentIn,
    WholeEquipmentOut,
)
from database.web.api.schemas import page_of
from database.web.identity import Action, me, needs, require
from database.web.lab_shapes import due_shape, listed_equipment, whole_equipment
from database.web.services import services
from database.web.shapes import Shape

bp = APIBlueprint("api_equipment", __name__, tag="Equipment")

COLUMNS = {"kind": "type"}
"""Names of the shape that are called otherwise in the record."""
WRONG = {400: "A value is wrong; names the field"}


@bp.get("/equipment")
@bp.input(EquipmentQuery, location="query", arg_name="query")
@bp.output(page_of(ListedEquipmentOut))
@needs("read")
def equipment(query: dict[str, Any]) -> Shape:
    """A page of equipment, with its present state"""
    return equipment_page(**query)


@bp.get("/equipment/due")
@bp.input(DueQuery, location="query", arg_name="query")
@bp.output(DueListOut(many=True))
@needs("read")
def due(query: dict[str, Any]) -> list[Shape]:
    """Calibrations and maintenance that are overdue or will be due soon, the most urgent first"""
    return [due_shape(one) for one in services().db.upkeep.due(timedelta(days=query["days"]))]


@bp.post("/equipment")
@bp.input(NewEquipmentIn, arg_name="body")
@bp.output(WholeEquipmentOut)
@bp.doc(responses=WRONG)
@needs("operate")
def create(body: dict[str, Any]) -> Shape:
    """Make an instrument's record; one that a station uses is made by itself"""
    body["nickname"] = body["nickname"] or body["name"]
    row = services().db.equipment.create(**{COLUMNS.get(name, name): value for name, value in body.items()})
    return done("create_equipment", row)


@bp.get("/equipment/<int:number>")
@bp.output(WholeEquipmentOut)
@needs("read")
def one(number: int) -> Shape:
    """An instrument with its history and what was done to it"""
    return whole_equipment(services().db, equipment_row(number, "read"))


@bp.post("/equipment/<int:number>")
@bp.input(EquipmentIn, arg_name="body")
@bp.output(WholeEquipmentOut)
@bp.doc(responses=WRONG)
@needs("operate")
def change(number: int, body: dict[str, Any]) -> Shape:
    """Change what is said of an instrument; name, address and driver are its station's"""
    equipment_row(number, "operate")
    return done("change_equipment", services().db.equipment.update(number, **body), fields=sorted(body))


@bp.post("/equipment/<int:number>/archive")
@bp.output(WholeEquipmentOut)
@needs("operate")
def archive(number: int) -> Shape:
    """Take an instrument out of the lists until a station uses it again"""
    return done("archive_equipment", services().db.equipment.archive(equipment_row(number, "operate").id))


@bp.post("/equipment/<int:number>/restore")
@bp.output(WholeEquipmentOut)
@needs("operate")
def restore(number: int) -> Shape:
    """Take an archived instrument back into the lists"""
    row = equipment_row(number, "operate")
    return done("restore_equipment", services().db.equipment.update(row.id, archived_at=None))


@bp.post("/equipment/<int:number>/calibrations")
@bp.input(CalibrationIn, arg_name="body")
@bp.output(WholeEquipmentOut)
@bp.doc(responses=WRONG)
@needs("operate")
def calibrated(number: int, body: dict[str, Any]) -> Shape:
    """Note a calibration"""
    row = equipment_row(number, "operate")
    made = services().db.upkeep.calibrations.create(**signed(body), equipment_id=row.id)
    return done("calibrate", row, calibration=made.id)


@bp.post("/equipment/<int:number>/calibration/<int:entry>/archive")
@bp.output(WholeEquipmentOut)
@needs("operate")
def calibration_was_wrong(number: int, entry: int) -> Shape:
    """Take back a calibration that was noted by mistake"""
    row = equipment_row(number, "operate")
    services().db.upkeep.calibrations.take_back(row.id, entry)
    return done("archive_calibration", row, calibration=entry)


@bp.post("/equipment/<int:number>/maintenance")
@bp.input(MaintenanceIn, arg_name="body")
@bp.output(WholeEquipmentOut)
@bp.doc(responses=WRONG)
@needs("operate")
def maintained(number: int, body: dict[str, Any]) -> Shape:
    """Note maintenance"""
    row = equipment_row(number, "operate")
    made = services().db.upkeep.maintenance.create(**signed(body), equipment_id=row.id)
    return done("maintain", row, maintenance=made.id)


@bp.post("/equipment/<int:number>/maintenance/<int:entry>/archive")
@bp.output(WholeEquipmentOut)
@needs("operate")
def maintenance_was_wrong(number: int, entry: int) -> Shape:
    """Take back maintenance that was noted by mistake"""
    row = equipment_row(number, "operate")
    services().db.upkeep.maintenance.take_back(row.id, entry)
    return done("archive_maintenance", row, maintenance=entry)


def equipment_page(limit: int = 1_000, offset: int = 0, **wanted: Any) -> Shape:
    db = services().db
    sort = str(wanted.pop("sort", None) or "")
    falling, name = sort.startswith("-"), sort.removeprefix("-")
    if kind := wanted.pop("kind", None):
        wanted["type"] = kind
    order = ("-" if falling else "") + COLUMNS.get(name, name) or None
    rows = db.equipment.list(limit=limit, offset=offset, sort=order, **wanted)
    first = {one.equipment_id: one for one in reversed(db.upkeep.due())}
    items = [listed_equipment(row, first.get(row.id)) for row in rows]
    return {"items": items, "total": db.equipment.count(**wanted)}


def equipment_row(number: int, action: Action) -> Equipment:
    """That instrument, if who asks may do that to it.

    Raises:
        NotFoundError: there is none.
        Forbidden: they may not.
    """
    row = services().db.equipment.get(number)
    require(action, row)
    return row


def signed(body: dict[str, Any]) -> dict[str, Any]:
    """The work, by whoever asks unless it says by whom."""
    return body | {"performed_by": body.get("performed_by") or me().username}


def done(action: str, row: Equipment, **detail: Any) -> Shape:
    """Note it, and show the instrument as it is now."""
    services().audit.note(me(), action, f"equipment:{row.id}", **detail)
    return whole_equipment(services().db, services().db.equipment.get(row.id))
