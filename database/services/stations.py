"""Stations and their lives: who may write, and what a station that is gone leaves behind."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.queue import Queue
from database.models.scan import Scan
from database.models.station import Station
from database.services.append import ENDED
from database.services.records import Records
from database.services.scan_states import ACTIVE, interrupt, written_by
from database.session import Database
from pybirch.errors import FieldError, NotFoundError, StaleWriterError
from pybirch.states import QueueState, ScanState

_REMEMBERED_EPOCHS = 100
_TO_COME = (ScanState.QUEUED, ScanState.RUNNING, ScanState.PAUSED, ScanState.INTERRUPTED)


class Stations(Records[Station]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, Station, text_key="name", search=("name", "host"))

    def attach(self, name: str, *, pid: int | None = None, host: str = "", epoch: str) -> Station:
        """Take note of a station's life; of the earlier one, active scans become interrupted.

        Returns:
            The station; `.interrupted` are the ids of those scans.

        Raises:
            StaleWriterError: `epoch` is a life that has ended.
        """
        if not name or ":" in name:
            raise FieldError("name", f"{name!r}: a station's name is not empty and has no colon")
        if not epoch:
            raise FieldError("epoch", "must not be empty")

        def work(session: Session) -> Station:
            row = self._locked(session, name)
            if row is None:
                row = Station(name=name, epoch="", past_epochs=[])
                session.add(row)
            if epoch in row.past_epochs:
                raise StaleWriterError(
                    f"station {name}: life {epoch} has ended, {row.epoch} is its present one"
                )
            interrupted = []
            if epoch != row.epoch:
                interrupted = self._end_lives(session, name, epoch, f"station {name} was started anew")
                if row.epoch:
                    row.past_epochs = [*row.past_epochs, row.epoch][-_REMEMBERED_EPOCHS:]
                row.epoch, row.attached_at = epoch, now()
            row.detached_at = row.detach_reason = None
            row.pid, row.host = pid, host
            session.flush()
            row.interrupted = interrupted
            return row

        try:
            return self._db.transact(work, repeatable=True)
        except IntegrityError:  # it came by two ways in the same moment
            return self._db.transact(work, repeatable=True)

    def detach(self, name: str, epoch: str, reason: str = "") -> Station:
        """Take note that this life has ended; its active scans become interrupted.

        Of an earlier life nothing is left to end; then nothing changes.
        """

        def work(session: Session) -> Station:
            row = self._locked(session, name)
            if row is None:
                raise NotFoundError(f"there is no station {name!r}")
            interrupted = []
            if row.epoch == epoch:
                row.detached_at, row.detach_reason = now(), reason
                self._idle_queues(session, name)
                why = reason or f"station {name} has ended"
                interrupted = self._interrupt(session, f"{name}:{epoch}", why)
            session.flush()
            row.interrupted = interrupted
            return row

        return self._db.transact(work, repeatable=True)

    def is_living(self, writer: str | None) -> bool:
        """Whether `writer` (``"bench:5f3a…"``) is the present life of an attached station."""
        name, _, epoch = (writer or "").partition(":")
        row = self.find(name) if name and epoch else None
        return row is not None and row.is_attached and row.epoch == epoch

    def _end_lives(self, session: Session, name: str, epoch: str, message: str) -> list[str]:
        self._idle_queues(session, name)
        return self._interrupt(session, name, message, but=f"{name}:{epoch}")

    def _interrupt(self, session: Session, prefix: str, message: str, but: str = "") -> list[str]:
        """End what these writers do; of what they have taken up and not begun, or not gone on with, they
        are the writers no more. All of it is locked, so that a step being taken just now is seen."""
        taken = (Scan.status.in_(_TO_COME), written_by(prefix), Scan.writer != but)
        query = select(Scan).where(*taken, Scan.writer.not_like(f"%{ENDED}")).order_by(Scan.id)
        rows = session.scalars(query.with_for_update(of=Scan)).unique().all()
        for row in rows:
            if row.status is ScanState.QUEUED:
                row.writer = None
            elif row.status is ScanState.INTERRUPTED:
                row.writer = f"{row.writer}{ENDED}"
        return interrupt(session, [row for row in rows if row.status in ACTIVE], message)

    def _idle_queues(self, session: Session, name: str) -> None:
        queues = select(Queue).where(Queue.station == name).order_by(Queue.id)
        for queue in session.scalars(queues.with_for_update(key_share=True)):
            if queue.status is not QueueState.IDLE:
                queue.status, queue.current_scan, queue.finished_at = QueueState.IDLE, None, now()

    def _locked(self, session: Session, name: str) -> Station | None:
        return session.scalars(select(Station).where(Station.name == name).with_for_update()).first()
