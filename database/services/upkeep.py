"""Calibrations and maintenance of equipment, and which of them is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from database.models.base import now
from database.models.equipment import Equipment
from database.models.upkeep import Calibration, Maintenance
from database.services.fields import moment
from database.services.records import Key, Records, Rows
from database.session import Database
from pybirch.errors import FieldError, NotFoundError

SOON = timedelta(days=30)
W = TypeVar("W", Calibration, Maintenance)


@dataclass(frozen=True)
class Due:
    """Something that is to be done to an instrument, and by when.

    Attributes:
        kind: ``"calibration"`` or ``"maintenance"``.
        what: the kind of maintenance; empty for a calibration.
    """

    equipment_id: int
    name: str
    kind: str
    what: str
    due_at: datetime
    overdue: bool


class Works(Records[W]):
    """What was done to equipment, of one kind."""

    def create(self, **fields: Any) -> W:
        return super().create(**_checked(fields))

    def of(self, equipment: int) -> Rows[W]:
        """All of one instrument, the newest first."""
        return self.list(equipment_id=equipment, sort="-performed_at", limit=1_000)

    def take_back(self, equipment: int, number: int) -> W:
        """Archive an entry that was made by mistake.

        Raises:
            NotFoundError: that instrument has no such entry.
        """
        if self.get(number).equipment_id != equipment:
            raise NotFoundError(f"equipment {equipment} has no {self._noun.lower()} {number}")
        return self.archive(number)


class Upkeep:
    def __init__(self, database: Database) -> None:
        self._db = database
        self.calibrations: Works[Calibration] = Works(
            database, Calibration, search=("certificate", "notes", "performed_by")
        )
        self.maintenance: Works[Maintenance] = Works(
            database, Maintenance, search=("what", "notes", "performed_by")
        )

    def due(self, within: timedelta = SOON, equipment: Key | None = None) -> list[Due]:
        """What is overdue or will be due within that time, the most urgent first.

        The newest calibration of an instrument counts, and of each kind of maintenance the newest;
        archived instruments need nothing.
        """
        until = now() + within
        found = self._newest(Calibration, None, until, equipment)
        found += self._newest(Maintenance, Maintenance.what, until, equipment)
        return sorted(found, key=lambda one: (one.due_at, one.name, one.kind, one.what))

    def _newest(
        self,
        model: type[Calibration] | type[Maintenance],
        what: InstrumentedAttribute[str] | None,
        until: datetime,
        equipment: Key | None,
    ) -> list[Due]:
        groups: list[Any] = [model.equipment_id] + ([func.lower(what)] if what is not None else [])
        rank = func.row_number().over(
            partition_by=groups, order_by=[model.performed_at.desc(), model.id.desc()]
        )
        ranked = select(model.id, rank.label("rank")).where(model.archived_at.is_(None)).subquery()
        query = (
            select(model, Equipment.name, Equipment.nickname)
            .join(ranked, ranked.c.id == model.id)
            .join(Equipment, Equipment.id == model.equipment_id)
            .where(ranked.c.rank == 1, model.due_at <= until, Equipment.archived_at.is_(None))
        )
        if equipment is not None:
            column = Equipment.name if isinstance(equipment, str) else Equipment.id
            query = query.where(column == equipment)
        at = now()
        with self._db.read() as session:
            return [
                Due(
                    row.equipment_id,
                    nickname or name,
                    model.__name__.lower(),
                    row.what if isinstance(row, Maintenance) else "",
                    row.due_at,
                    row.due_at <= at,
                )
                for row, name, nickname in session.execute(query)
                if row.due_at is not None
            ]


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields whose due time comes after the work."""
    done, due = fields.get("performed_at"), fields.get("due_at")
    if done is None:
        fields = {name: value for name, value in fields.items() if name != "performed_at"}
    if due is not None and moment(due, "due_at") <= moment(done, "performed_at"):
        raise FieldError("due_at", "must be after the work it follows")
    what = fields.get("what")
    if isinstance(what, str) and not what.strip():
        raise FieldError("what", "must not be empty")
    return fields
