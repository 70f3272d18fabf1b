"""The lines of a queue's log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from database.models.queue import QueueLog
from database.services.fields import moment, plain_text
from database.services.records import Key, Records, Rows
from database.services.resolve import queue_number, scan_text
from database.session import Database
from pybirch.errors import FieldError


class Logs(Records[QueueLog]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, QueueLog, search=("message",))

    def add(
        self,
        queue_id: Key,
        level: str,
        message: str,
        scan_id: Key | None = None,
        timestamp: datetime | str | None = None,
        origin: str | None = None,
    ) -> QueueLog:
        """Write one line.

        Args:
            origin: its place in what was sent from afar; a line that comes again is there already.
        """
        if origin is not None and (known := self._from(origin)) is not None:
            return known
        try:
            return self.create(
                queue_id=queue_id,
                level=level.upper(),
                message=plain_text(message),
                scan_id=scan_id,
                timestamp=moment(timestamp),
                origin=origin,
            )
        except FieldError:
            if origin is None or (known := self._from(origin)) is None:
                raise
            return known  # it came twice in the same moment

    def _from(self, origin: str) -> QueueLog | None:
        with self._db.read() as session:
            return session.scalars(select(QueueLog).where(QueueLog.origin == origin)).first()

    def list(  # type: ignore[override]
        self,
        queue_id: Key | None = None,
        limit: int = 200,
        after_id: int | None = None,
        *,
        level: str | None = None,
        scan_id: Key | None = None,
    ) -> Rows[QueueLog]:
        """The last `limit` lines, or the first ones after `after_id`; oldest first either way."""
        with self._db.read() as session:
            query = select(QueueLog)
            if queue_id is not None:
                query = query.where(QueueLog.queue_id == queue_number(session, queue_id))
            if level is not None:
                query = query.where(QueueLog.level == level.upper())
            if scan_id is not None:
                query = query.where(QueueLog.scan_id == scan_text(session, scan_id))
            if after_id is not None:
                query = query.where(QueueLog.id > after_id).order_by(QueueLog.id)
                return Rows(session.scalars(query.limit(limit)))
            return Rows(session.scalars(query.order_by(QueueLog.id.desc()).limit(limit)))[::-1]

    def _resolved(self, session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
        resolved = dict(fields)
        if resolved.get("queue_id") is not None:
            resolved["queue_id"] = queue_number(session, resolved["queue_id"])
        if resolved.get("scan_id") is not None:
            resolved["scan_id"] = scan_text(session, resolved["scan_id"])
        return resolved
