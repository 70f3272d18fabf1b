"""Instruments of the lab and how they are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from database.models.base import now
from database.models.equipment import Equipment, EquipmentStatusChange, EquipmentType, InstrumentStatus
from database.services.fields import checked, plain_text
from database.services.records import Key, Records, Rows
from database.session import Database
from pybirch.errors import FieldError
from pybirch.states import InstrumentState

HISTORY_KEPT = 1000
"""Changes of status kept for each instrument."""


class EquipmentService(Records[Equipment]):
    def __init__(self, database: Database) -> None:
        super().__init__(
            database,
            Equipment,
            text_key="name",
            search=(
                "name",
                "nickname",
                "adapter",
                "pybirch_class",
                "manufacturer",
                "model",
                "serial_number",
                "location",
            ),
            options=(selectinload(Equipment.status_history),),
        )

    def register(self, instrument: Any, lab_id: int | None = None) -> Equipment:
        """The row of an instrument (or of its `describe()`); same name and address, same row."""
        described = describe(instrument)

        def work(session: Session) -> Equipment:
            query = select(Equipment).where(
                Equipment.name == described["name"], Equipment.adapter == described["adapter"]
            )
            row = session.scalars(query).unique().first()
            fields = checked(Equipment, described | ({"lab_id": lab_id} if lab_id else {}), new=True)
            if row is None:
                row = Equipment(**fields)
                row.status = InstrumentStatus(status=InstrumentState.DISCONNECTED)
                session.add(row)
            for name, value in fields.items():
                setattr(row, name, value)
            row.archived_at = None
            return self._loaded(session, row)

        try:
            return self._db.transact(work, repeatable=True)
        except IntegrityError:  # somebody registered it in the same moment
            return self._db.transact(work, repeatable=True)

    def keep_timing(self, equipment_id: Key, timing: dict[str, Any]) -> None:
        """Store what the instrument was found to take."""

        def work(session: Session) -> None:
            self._load(session, equipment_id).timing = timing

        self._db.transact(work, repeatable=True)

    def set_status(
        self,
        equipment_id: Key,
        status: InstrumentState | str,
        position: dict[str, Any] | None = None,
        target: dict[str, Any] | None = None,
        value: dict[str, Any] | None = None,
        error: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> InstrumentStatus:
        """Store how an instrument is now; what is not given stays, except `error` and `target`."""
        try:
            new = InstrumentState(status)
        except ValueError as problem:
            choices = ", ".join(member.value for member in InstrumentState)
            raise FieldError("status", f"{status!r} is not one of {choices}") from problem

        error = None if error is None else plain_text(error)

        def work(session: Session) -> InstrumentStatus:
            equipment = self._alone(session, equipment_id)
            row = equipment.status
            if row is None:
                row = equipment.status = InstrumentStatus(equipment_id=equipment.id)
            if row.status is not new:
                self._remember(session, equipment.id, new, error)
            given = {"position": position, "value": value, "current_settings": settings}
            for name, what in given.items():
                if what is not None:
                    setattr(row, name, what)
            row.status, row.target, row.error_message, row.updated_at = new, target, error, now()
            if new not in (InstrumentState.DISCONNECTED, InstrumentState.ERROR):
                row.last_connected = row.updated_at
            session.flush()
            return row

        return self._db.transact(work, repeatable=True)

    def by_type(self, kind: EquipmentType | str) -> Rows[Equipment]:
        """All instruments of a type, movement or measurement."""
        try:
            return self.list(type=EquipmentType(kind), limit=1000)
        except ValueError as error:
            raise FieldError("type", f"{kind!r} is not one of movement, measurement") from error

    def snapshot(self) -> Rows[dict[str, Any]]:
        """Every instrument as screens show it."""
        return [shown(row) for row in self.list(limit=1000)]

    def _remember(self, session: Session, number: int, new: InstrumentState, error: str | None) -> None:
        session.add(EquipmentStatusChange(equipment_id=number, status=new, error_message=error))
        session.flush()
        mine = EquipmentStatusChange.equipment_id == number
        oldest_kept = (
            select(EquipmentStatusChange.id)
            .where(mine)
            .order_by(EquipmentStatusChange.id.desc())
            .offset(HISTORY_KEPT)
            .limit(1)
        )
        newest = session.scalar(select(func.max(EquipmentStatusChange.id)).where(mine)) or 0
        if newest % 64 == 0:
            session.execute(
                delete(EquipmentStatusChange).where(
                    mine, EquipmentStatusChange.id <= oldest_kept.scalar_subquery()
                )
            )


def describe(instrument: Any) -> dict[str, Any]:
    """The fields of an instrument, from itself or from its `describe()`.

    Raises:
        FieldError: neither a name, nor whether it moves or measures.
    """
    told: dict[str, Any] = dict(instrument) if isinstance(instrument, Mapping) else _told_by(instrument)
    if not told.get("name"):
        raise FieldError("name", "an instrument needs a name")
    kind = told.get("kind") or told.get("type")
    if kind is None:
        kind = "movement" if "position_units" in told else "measurement" if "data_columns" in told else None
    if kind is None:
        raise FieldError("kind", f"{told['name']}: is it a movement or a measurement?")
    own = ("name", "nickname", "adapter", "class", "pybirch_class", "kind", "type", "id", "instrument_id")
    more = told.get("specifications") or {name: what for name, what in told.items() if name not in own}
    return {
        "name": str(told["name"]),
        "nickname": str(told.get("nickname") or told["name"]),
        "adapter": str(told.get("adapter") or ""),
        "type": kind,
        "pybirch_class": str(told.get("class") or told.get("pybirch_class") or ""),
        "specifications": dict(more),
    }


def shown(row: Equipment) -> dict[str, Any]:
    """The instrument as screens show it."""
    status, specifications = row.status, row.specifications or {}
    return {
        "instrument_id": row.id,
        "name": row.name,
        "nickname": row.nickname or row.name,
        "kind": row.type.value,
        "adapter": row.adapter,
        "pybirch_class": row.pybirch_class,
        "units": specifications.get("position_units") or specifications.get("data_units") or "",
        "limits": specifications.get("limits"),
        "status": (status.status if status else InstrumentState.DISCONNECTED).value,
        "position": status.position if status else None,
        "target": status.target if status else None,
        "value": status.value if status else None,
        "error": status.error_message if status else None,
        "updated_at": status.updated_at.isoformat().replace("+00:00", "Z") if status else None,
    }


def _told_by(instrument: Any) -> dict[str, Any]:
    if hasattr(instrument, "describe"):
        told = dict(instrument.describe())
    else:
        told = {"name": getattr(instrument, "name", ""), "adapter": getattr(instrument, "adapter", "")}
    told.setdefault("nickname", getattr(instrument, "nickname", ""))
    told.setdefault("class", type(instrument).__name__)
    settings = getattr(instrument, "settings", None)
    if settings:
        told.setdefault("settings", dict(settings))
    if "kind" not in told and "type" not in told:
        if hasattr(instrument, "perform_measurement"):
            told["kind"] = "measurement"
        elif hasattr(instrument, "move_to") or hasattr(type(instrument), "position"):
            told["kind"] = "movement"
    return told
