"""Measurement objects: what a scan measured under one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models.measurement import MeasurementObject
from database.models.scan import Scan
from database.services.fields import text_of
from database.services.layout import LONGEST_NAME
from database.services.points import columns_of
from database.services.records import Key, Records
from database.services.resolve import number_of
from database.session import Database


class Measurements(Records[MeasurementObject]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, MeasurementObject, search=("name",))

    def create(  # type: ignore[override]
        self,
        scan_id: Key,
        name: str,
        columns: Sequence[str] | None = None,
        units: Sequence[str] | Mapping[str, str] | None = None,
    ) -> MeasurementObject:
        """The scan's measurement of that name, made where there is none.

        Args:
            columns: bare names or ``"name (unit)"``; without, the first readings tell.
            units: as long as `columns`, or unit by name.
        """
        for column in columns or ():
            text_of("columns", column)
        layout = columns_of(columns, units)
        name = text_of("name", name, LONGEST_NAME)

        def work(session: Session) -> MeasurementObject:
            scan = number_of(session, Scan, Scan.scan_id, scan_id)
            session.execute(select(Scan.id).where(Scan.id == scan).with_for_update())
            query = select(MeasurementObject).where(
                MeasurementObject.scan_id == scan, MeasurementObject.name == name
            )
            row = session.scalars(query).first()
            if row is None:
                row = MeasurementObject(scan_id=scan, name=name, layout=layout)
                session.add(row)
            elif not row.next_index and layout:
                row.layout = layout
            return self._loaded(session, row)

        return self._db.transact(work, repeatable=True)

    def _resolved(self, session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
        resolved = dict(fields)
        if isinstance(resolved.get("scan_id"), str):
            resolved["scan_id"] = number_of(session, Scan, Scan.scan_id, resolved["scan_id"])
        return resolved
