"""Queues and the scans in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from database.models.project import Project
from database.models.queue import Queue
from database.models.sample import Sample
from database.services.fields import checked, moment
from database.services.protocols import QueueLike
from database.services.records import Key, Records
from database.services.resolve import number_of, scan_text
from database.services.tally import Tally, tallies
from database.session import Database
from pybirch.errors import FieldError
from pybirch.states import QueueState


class Queues(Records[Queue]):
    """A single queue comes with its `logs`; its `scans` with `get_with_scans`."""

    def __init__(self, database: Database) -> None:
        super().__init__(
            database,
            Queue,
            text_key="queue_id",
            search=("queue_id", "name", "operator", "station"),
            options=(selectinload(Queue.logs),),
        )

    def attach(self, queue_id: str, station: str | None = None, **fields: Any) -> Queue:
        """The queue of that QID, made where there is none; `station` is who runs it from now."""

        def work(session: Session) -> Queue:
            row = session.scalars(select(Queue).where(Queue.queue_id == queue_id)).first()
            if row is None:
                row = Queue(**checked(Queue, {"name": queue_id, "queue_id": queue_id}, new=True))
                session.add(row)
            changes = fields if station is None else fields | {"station": station}
            for name, value in checked(Queue, self._resolved(session, changes), new=False).items():
                setattr(row, name, value)
            return self._loaded(session, row)

        try:
            return self._db.transact(work, repeatable=True)
        except IntegrityError:  # somebody made it in the same moment
            return self._db.transact(work, repeatable=True)

    def create_from_pybirch(self, queue: QueueLike, **fields: Any) -> Queue:
        """Store a core queue (not its scans); the same QID gives the row there is."""
        parallel = getattr(queue, "max_parallel_scans", 4)
        fields.setdefault("max_parallel_scans", parallel)
        return self.attach(queue.QID, **fields)

    def get_with_scans(self, key: Key) -> Queue:
        """The queue with its scans, in queue order, and its log."""
        with self._db.read() as session:
            return self._load(session, key, selectinload(Queue.scans), *self._options)

    def counts(self, key: Key) -> tuple[int, int]:
        """(scans completed, scans in all)."""
        return self.counts_of([key])[key]

    def counts_of(self, keys: list[Key]) -> dict[Key, tuple[int, int]]:
        """`counts` of many queues at once."""
        return {key: (tally.completed, tally.total) for key, tally in self.tallies_of(keys).items()}

    def tallies_of(self, keys: list[Key]) -> dict[Key, Tally]:
        """How far each of these queues is."""
        query = select(Queue).where(
            Queue.queue_id.in_([k for k in keys if isinstance(k, str)])
            | Queue.id.in_([k for k in keys if not isinstance(k, str)])
        )
        by_key: dict[Key, Tally] = {}
        with self._db.read() as session:
            rows = session.scalars(query).all()
            counted = tallies(session, rows)
            for row in rows:
                by_key[row.id] = by_key[row.queue_id] = counted[row.id]
        return {key: by_key.get(key, Tally({}, 0.0)) for key in keys}

    def set_status(
        self,
        queue_id: Key,
        state: QueueState | str,
        current_scan: Key | None = None,
        *,
        timestamp: datetime | str | None = None,
        **fields: Any,
    ) -> Queue:
        """Store the queue's state; `current_scan` is the scan that runs, none when not given."""
        try:
            new = QueueState(state)
        except ValueError as error:
            choices = ", ".join(member.value for member in QueueState)
            raise FieldError("status", f"{state!r} is not one of {choices}") from error
        at = moment(timestamp)

        def work(session: Session) -> Queue:
            row = self._alone(session, queue_id)
            if new is QueueState.RUNNING and row.status is QueueState.IDLE:
                row.started_at, row.finished_at = at, None
            if new is QueueState.IDLE and row.status is not QueueState.IDLE:
                row.finished_at = at
            row.status = new
            row.current_scan = scan_text(session, current_scan)
            for name, value in checked(Queue, self._resolved(session, fields), new=False).items():
                setattr(row, name, value)
            session.flush()
            return row

        return self._db.transact(work, repeatable=True)

    def order(self, queue_id: Key, scan_ids: list[Key]) -> None:
        """Put the queue's scans in this order; those not named come behind, as they were."""

        def work(session: Session) -> None:
            queue = self._alone(session, queue_id, selectinload(Queue.scans))
            wanted = {key: place for place, key in enumerate(scan_ids)}
            behind = len(scan_ids)
            for old, scan in enumerate(queue.scans):
                scan.queue_order = wanted.get(scan.scan_id, wanted.get(scan.id, behind + old))

        self._db.transact(work, repeatable=True)

    def _resolved(self, session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
        resolved = dict(fields)
        if isinstance(resolved.get("sample_id"), str):
            resolved["sample_id"] = number_of(
                session, Sample, Sample.sample_id, resolved["sample_id"], "sample_id"
            )
        if isinstance(resolved.get("project_id"), str):
            resolved["project_id"] = number_of(
                session, Project, Project.name, resolved["project_id"], "project_id"
            )
        return resolved
