"""What scans ran under: kept when they start and go on, read to compare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models.conditions import ScanConditions
from database.models.scan import Scan
from database.services.append import check_writer
from database.services.fields import moment
from database.services.records import Key
from database.services.resolve import number_of
from database.session import Database
from pybirch import wire
from pybirch.errors import FieldError, NotFoundError


class Conditions:
    """The records of `pybirch.scan.conditions`; scans of older versions have none."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def keep(self, scan_id: Key, conditions: Mapping[str, Any], *, writer: str | None = None) -> None:
        """Keep what the scan runs under; a record of the same moment is kept once.

        Args:
            conditions: with `at` and `why`, as the scan tells them.

        Raises:
            NotFoundError: there is no such scan.
            StaleWriterError: the scan is not the writer's.
            FieldError: `why` is not one of start, resume.
        """
        rest = wire.clean({name: value for name, value in conditions.items() if name not in ("at", "why")})
        why, at = str(conditions.get("why") or "start"), moment(conditions.get("at"), "at")
        if why not in ("start", "resume"):
            raise FieldError("why", f"{why!r} is not one of start, resume")

        def work(session: Session) -> None:
            key = Scan.scan_id == scan_id if isinstance(scan_id, str) else Scan.id == scan_id
            row = session.scalars(select(Scan).where(key).with_for_update(of=Scan)).unique().first()
            if row is None:
                raise NotFoundError(f"there is no scan {scan_id!r}")
            if writer is not None:
                check_writer(row.scan_id, row.writer, writer)
            same = select(ScanConditions.id).where(
                ScanConditions.scan_id == row.id, ScanConditions.taken_at == at
            )
            if session.scalar(same) is None:
                session.add(ScanConditions(scan_id=row.id, taken_at=at, why=why, conditions=rest))

        self._db.transact(work, repeatable=True)

    def of(self, scan_id: Key) -> list[ScanConditions]:
        """What the scan ran under, oldest first."""
        with self._db.read() as session:
            number = number_of(session, Scan, Scan.scan_id, scan_id)
            query = select(ScanConditions).where(ScanConditions.scan_id == number)
            return list(session.scalars(query.order_by(ScanConditions.taken_at, ScanConditions.id)))

    def newest(self, scan_id: Key) -> dict[str, Any] | None:
        """What the scan ran under last; None where nobody has kept it."""
        rows = self.of(scan_id)
        return rows[-1].conditions if rows else None
