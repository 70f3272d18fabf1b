"""Scans: made, moved from state to state by the one state machine, claimed by one writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.queue import Queue
from database.models.rewind import ScanRewind
from database.models.scan import Scan
from database.services.append import ENDED, check_writer, targets
from database.services.belonging import check_beginning, settled, with_archived
from database.services.differences import Comparisons
from database.services.fields import checked, moment, plain_text
from database.services.protocols import ScanLike
from database.services.records import Key, Rows
from database.services.resolve import next_order, number_of
from database.services.samples import keep_sample
from database.services.scan_lists import ScanLists
from database.services.scan_states import (
    ACTIVE,
    check_free,
    check_life,
    interrupt,
    move,
    state_of,
    take_step,
    written_by,
)
from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError, StaleWriterError
from pybirch.states import ScanState

BLOCKS = "_blocks"
"""Ends the name of the live room of another scan's blocks; an id with it would share that room."""
_EXTRA = ("error", "user_fields", "extensions", "on_pause")


class Scans(ScanLists, Comparisons):
    def create_from_pybirch(
        self,
        scan: ScanLike,
        queue_id: Key | None = None,
        *,
        writer: str | None = None,
        fallback: Mapping[str, int] | None = None,
        **fields: Any,
    ) -> Scan:
        """Store a core scan; the same scan_id again gives the row there is, brought up to date.

        Args:
            fallback: project_id and sample_id for a scan that names none.

        Raises:
            UnknownReferenceError, ArchivedError: its project or sample is not there, or archived.
            StaleWriterError: `writer` is given and another is at it.
        """
        otherwise = dict(fallback or {})

        def work(session: Session) -> Scan:
            same = select(Scan).where(Scan.scan_id == scan.scan_id).with_for_update(of=Scan)
            row = session.scalars(same).unique().first()
            if row is not None and writer is not None:
                check_free(row, writer)
            described = describe(scan) | fields
            if writer is not None:
                described["writer"] = writer
            if queue_id is not None:
                described["queue_id"] = queue_id
            if scan.sample is not None and described.get("sample_id") is None:
                kept = row.sample_id if row is not None else None
                described["sample_id"] = keep_sample(session, scan.sample, kept).id
            if row is not None:
                missing = {name: key for name, key in otherwise.items() if getattr(row, name) is None}
                return self._brought_up(session, row, missing | described)
            return self.make(session, described, otherwise)

        try:
            return self._db.transact(work)
        except FieldError as error:
            if not isinstance(error.__cause__, IntegrityError) or self.find(scan.scan_id) is None:
                raise
            return self._db.transact(work)  # somebody stored it in the same moment

    def create(
        self, *, fallback: Mapping[str, int] | None = None, is_done: bool = False, **fields: Any
    ) -> Scan:
        """Store a new scan; with a queue, as its last unless `queue_order` says otherwise.

        Args:
            fallback: project_id and sample_id for a scan that names none.
            is_done: it was asked for while nobody could look; what is archived is no reason against it.

        Raises:
            UnknownReferenceError, ArchivedError: its project or sample is not there, or archived.
        """
        return self._db.transact(lambda session: self.make(session, fields, fallback, is_done=is_done))

    def update(self, key: Key, **fields: Any) -> Scan:
        """Change fields; a change of `status` must be a legal one.

        `error`, `user_fields`, `extensions` and `on_pause` go where they are kept, into `extra_data`.
        """
        status = fields.pop("status", None)

        def work(session: Session) -> Scan:
            row = self._locked(session, key)
            if status is not None:
                take_step(session, row, state_of(status), now(), None)
            for name, value in self._checked(session, _with_extra(row, fields)).items():
                setattr(row, name, value)
            self._flush(session, fields)
            return self._loaded(session, row)

        return self._db.transact(work)

    def set_status(
        self,
        scan_id: Key,
        state: ScanState | str,
        *,
        message: str | None = None,
        progress: float | None = None,
        writer: str | None = None,
        timestamp: datetime | str | None = None,
        is_done: bool = False,
        **fields: Any,
    ) -> Scan:
        """Move a scan to `state`; the state it has is no move and no error.

        Args:
            message: kept as the scan's message and, when it failed or was interrupted, as its error.
            writer: who says so; must hold the scan.
            is_done: it was in that state already, when nobody could be told.
            fields: further fields to set with it.

        Raises:
            IllegalTransitionError: the present state does not allow it.
            ArchivedError: it is to begin, and its project or sample is archived.
            StaleWriterError: the scan is not the writer's.
        """
        new = state_of(state)
        at = moment(timestamp)

        def work(session: Session) -> Scan:
            row = self._locked(session, scan_id)
            if writer is not None:
                check_writer(row.scan_id, row.writer, writer)
            take_step(session, row, new, at, message, is_done=is_done)
            more = fields if progress is None else fields | {"progress": progress}
            for name, value in self._checked(session, _with_extra(row, more)).items():
                setattr(row, name, value)
            return self._loaded(session, row)

        return self._db.transact(work, repeatable=True)

    def claim(self, scan_id: Key, writer: str, *, force: bool = False) -> Scan:
        """Make `writer` the only one who may add readings; `force` takes it from a living one.

        Raises:
            StaleWriterError: another writer is at it, or `writer` is a life of a station that is over.
        """

        def work(session: Session) -> Scan:
            check_life(session, writer)
            row = self._locked(session, scan_id)
            if not force:
                check_free(row, writer)
            row.writer = writer
            return self._loaded(session, row)

        return self._db.transact(work, repeatable=True)

    def claim_late(self, scan_id: Key, writer: str) -> Scan:
        """For what a writer measured that may be gone by now: the scan as it is, if it is still its own, or
        claimed, if nobody has begun it.

        Raises:
            StaleWriterError: another has taken it up.
        """

        def work(session: Session) -> Scan:
            row = self._locked(session, scan_id)
            if row.writer not in (writer, writer + ENDED):
                if row.status is not ScanState.QUEUED:
                    raise StaleWriterError(f"scan {row.scan_id} is {row.status}, begun by {row.writer}")
                row.writer = writer
            return self._loaded(session, row)

        return self._db.transact(work, repeatable=True)

    def check_beginning(self, thing: Scan | Queue, *, sample_only: bool = False) -> None:
        """Whether this scan, or every queued scan of this queue, may begin as far as the record knows.

        Raises:
            ArchivedError: its project or sample is archived; says of which scan.
        """
        with self._db.read() as session:
            rows = [thing] if isinstance(thing, Scan) else session.scalars(with_archived(thing)).unique()
            for row in rows:
                check_beginning(session, row, now(), sample_only=sample_only)

    def note_rewind(self, scan_id: Key, step: int, *, writer: str | None = None) -> None:
        """Keep that the scan goes on at an earlier step; once, however often it is said in a row.

        Raises:
            StaleWriterError: the scan is not the writer's.
            FieldError: no such step can be.
        """
        if step < 0:
            raise FieldError("step", f"{step} is negative")

        def work(session: Session) -> None:
            row = self._locked(session, scan_id)
            if writer is not None:
                check_writer(row.scan_id, row.writer, writer)
            if row.status.is_finished:
                raise IllegalTransitionError(f"scan {row.scan_id} is {row.status}; it goes nowhere any more")
            counts = {target.name: target.next_index for target in targets(session.connection(), row.id)}
            last = session.scalars(_rewinds_of(row.id).order_by(ScanRewind.id.desc()).limit(1)).first()
            if last is None or (last.step, last.counts) != (step, counts):
                session.add(ScanRewind(scan_id=row.id, step=step, counts=counts))

        self._db.transact(work, repeatable=True)

    def rewinds(self, scan_id: Key) -> list[ScanRewind]:
        """Every time the scan went back, oldest first."""
        with self._db.read() as session:
            number = number_of(session, Scan, Scan.scan_id, scan_id)
            return list(session.scalars(_rewinds_of(number).order_by(ScanRewind.id)))

    def mark_interrupted(
        self, who: str | Iterable[Key], message: str = "", *, writer: str | None = None
    ) -> Rows[str]:
        """Mark running and paused scans interrupted; writes of their writers are refused from now.

        Args:
            who: a writer or its beginning (``"bench"``, ``"bench:5f3a"``), or ids of scans.
            writer: leave alone what another than this one writes by now.

        Returns:
            The text ids of the scans that were marked.
        """

        def work(session: Session) -> Rows[str]:
            query = select(Scan).where(Scan.status.in_(ACTIVE))
            if isinstance(who, str):
                query = query.where(written_by(who))
            else:
                keys = Rows(who)
                query = query.where(
                    or_(
                        Scan.scan_id.in_([key for key in keys if isinstance(key, str)]),
                        Scan.id.in_([key for key in keys if not isinstance(key, str)]),
                    )
                )
            if writer is not None:
                query = query.where(Scan.writer == writer)
            return interrupt(session, Rows(session.scalars(query.with_for_update(of=Scan)).unique()), message)

        return self._db.transact(work, repeatable=True)

    def give_up(self, scan_ids: Iterable[Key] | Mapping[Key, str | None], message: str) -> int:
        """Mark scans failed that nobody will bring to their end; late writes of who ran them are refused.

        Args:
            scan_ids: with the writer of each, what another than that one writes by now is left alone.

        Returns:
            How many were running, paused or interrupted.
        """
        judged = scan_ids if isinstance(scan_ids, Mapping) else {}
        scan_ids = Rows(scan_ids)

        def work(session: Session) -> int:
            found = [(key, self._locked(session, key)) for key in scan_ids]
            rows = [row for key, row in found if judged.get(key, row.writer) == row.writer]
            left = [row for row in rows if row.status in (*ACTIVE, ScanState.INTERRUPTED)]
            interrupt(session, [row for row in left if row.status in ACTIVE], message)
            for row in left:
                move(row, ScanState.FAILED, now(), message)
            return len(left)

        return self._db.transact(work, repeatable=True)

    def active(self) -> Rows[Scan]:
        """All scans that run or are paused."""
        return self.list(status=ACTIVE, limit=1000)

    def make(
        self,
        session: Session,
        fields: Mapping[str, Any],
        fallback: Mapping[str, int] | None = None,
        *,
        is_done: bool = False,
    ) -> Scan:
        """`create`, within a transaction."""
        fields = settled(session, self._resolved(session, fields), fallback or {}, is_done=is_done)
        if fields.get("queue_id") is not None and "queue_order" not in fields:
            fields["queue_order"] = next_order(session, fields["queue_id"])
        row = Scan(**checked(Scan, fields, new=True))
        if (row.scan_id or "").endswith(BLOCKS):
            raise FieldError("scan_id", f"{row.scan_id!r} must not end with {BLOCKS!r}")
        session.add(row)
        self._flush(session, fields)
        return self._loaded(session, row)

    def _brought_up(self, session: Session, row: Scan, fields: dict[str, Any]) -> Scan:
        kept = {"status", "progress"} if row.status is not ScanState.QUEUED else {"status"}
        fresh = {name: value for name, value in fields.items() if name not in kept}
        before = {name: value for name, value in (row.extra_data or {}).items() if name != "on_pause"}
        fresh["extra_data"] = before | fresh.get("extra_data", {})
        for name, value in self._checked(session, fresh).items():
            setattr(row, name, value)
        return self._loaded(session, row)

    def _checked(self, session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
        return checked(Scan, self._resolved(session, fields), new=False)

    def _locked(self, session: Session, key: Key) -> Scan:
        row = session.scalars(self._select(key).with_for_update(of=Scan)).unique().first()
        if row is None:
            raise NotFoundError(f"there is no scan {key!r}")
        return row


def describe(scan: ScanLike) -> dict[str, Any]:
    """The fields of a core scan; `scan_tree` becomes `scan_tree_data`, the rest by its name."""
    settings = scan.settings.serialize()
    extra = {
        "extensions": settings.get("extensions") or [],
        "user_fields": settings.get("user_fields") or {},
    }
    if settings.get("on_pause", "hold") != "hold":
        extra["on_pause"] = settings["on_pause"]
    if getattr(scan, "points_vary", False):
        extra["points_vary"] = True
    error = getattr(scan, "error", None)
    if error:
        extra["error"] = plain_text(error)
    return {
        "scan_id": scan.scan_id,
        "project_name": settings.get("project_name") or "",
        "scan_name": settings.get("scan_name") or "",
        "scan_type": settings.get("scan_type") or "",
        "job_type": settings.get("job_type") or "",
        "additional_tags": list(settings.get("additional_tags") or ()),
        "scan_tree_data": settings.get("scan_tree"),
        "owner": scan.owner or "",
        "status": state_of(scan.state),
        "progress": float(scan.progress),
        "points_total": getattr(scan, "points_total", None),
        "restarted_from": getattr(scan, "restarted_from", None),
        "extra_data": extra,
    }


def _with_extra(row: Scan, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with those that are kept in `extra_data` put there, beside what is in it."""
    extra = {name: fields[name] for name in _EXTRA if name in fields}
    rest = {name: value for name, value in fields.items() if name not in extra}
    if extra:
        rest["extra_data"] = (row.extra_data or {}) | rest.get("extra_data", {}) | extra
    return rest


def _rewinds_of(scan: int) -> Any:
    return select(ScanRewind).where(ScanRewind.scan_id == scan)
