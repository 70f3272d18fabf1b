"""Scans: made, moved from state to state by the one state machine, claimed by one writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.project import Project
from database.models.queue import Queue
from database.models.rewind import ScanRewind
from database.models.sample import Sample
from database.models.scan import Scan
from database.models.station import Station
from database.services.append import ENDED, check_writer, targets
from database.services.fields import checked, moment, plain_text
from database.services.protocols import ScanLike
from database.services.records import Key, Records, Rows
from database.services.resolve import next_order, number_of
from database.services.samples import keep_sample
from database.session import Database
from pybirch.errors import FieldError, IllegalTransitionError, NotFoundError, StaleWriterError
from pybirch.states import TRANSITIONS, ScanState

BLOCKS = "_blocks"
"""Ends the name of the live room of another scan's blocks; an id with it would share that room."""
_ACTIVE = (ScanState.RUNNING, ScanState.PAUSED)
_EXTRA = ("error", "user_fields", "extensions", "on_pause")


class Scans(Records[Scan]):
    def __init__(self, database: Database) -> None:
        super().__init__(
            database,
            Scan,
            text_key="scan_id",
            search=("scan_id", "scan_name", "project_name", "scan_type", "owner"),
        )

    def create_from_pybirch(
        self, scan: ScanLike, queue_id: Key | None = None, *, writer: str | None = None, **fields: Any
    ) -> Scan:
        """Store a core scan; the same scan_id again gives the row there is, brought up to date.

        Raises:
            StaleWriterError: `writer` is given and another is at it.
        """

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
                described["sample_id"] = keep_sample(session, scan.sample).id
            if row is not None:
                return self._brought_up(session, row, described)
            return self._make(session, described)

        return self._db.transact(work)

    def create(self, **fields: Any) -> Scan:
        """Store a new scan; with a queue, as its last unless `queue_order` says otherwise."""
        return self._db.transact(lambda session: self._make(session, fields))

    def update(self, key: Key, **fields: Any) -> Scan:
        """Change fields; a change of `status` must be a legal one.

        `error`, `user_fields`, `extensions` and `on_pause` go where they are kept, into `extra_data`.
        """
        status = fields.pop("status", None)

        def work(session: Session) -> Scan:
            row = self._locked(session, key)
            if status is not None:
                move(row, state_of(status), now(), None)
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
        **fields: Any,
    ) -> Scan:
        """Move a scan to `state`; the state it has is no move and no error.

        Args:
            message: kept as the scan's message and, when it failed or was interrupted, as its error.
            writer: who says so; must hold the scan.
            fields: further fields to set with it.

        Raises:
            IllegalTransitionError: the present state does not allow it.
            StaleWriterError: the scan is not the writer's.
        """
        new = state_of(state)
        at = moment(timestamp)

        def work(session: Session) -> Scan:
            row = self._locked(session, scan_id)
            if writer is not None:
                check_writer(row.scan_id, row.writer, writer)
            move(row, new, at, message)
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
            row = self._locked(session, scan_id)
            check_life(session, writer)
            if not force:
                check_free(row, writer)
            row.writer = writer
            return self._loaded(session, row)

        return self._db.transact(work, repeatable=True)

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

    def mark_interrupted(self, who: str | Iterable[Key], message: str = "") -> Rows[str]:
        """Mark running and paused scans interrupted; writes of their writers are refused from now.

        Args:
            who: a writer or its beginning (``"bench"``, ``"bench:5f3a"``), or ids of scans.

        Returns:
            The text ids of the scans that were marked.
        """

        def work(session: Session) -> Rows[str]:
            query = select(Scan).where(Scan.status.in_(_ACTIVE))
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
            return interrupt(session, Rows(session.scalars(query.with_for_update(of=Scan)).unique()), message)

        return self._db.transact(work, repeatable=True)

    def give_up(self, scan_ids: Iterable[Key], message: str) -> int:
        """Mark scans failed that nobody will bring to their end; late writes of who ran them are refused.

        Returns:
            How many were running, paused or interrupted.
        """
        scan_ids = Rows(scan_ids)

        def work(session: Session) -> int:
            rows = [self._locked(session, key) for key in scan_ids]
            left = [row for row in rows if row.status in (*_ACTIVE, ScanState.INTERRUPTED)]
            interrupt(session, [row for row in left if row.status in _ACTIVE], message)
            for row in left:
                move(row, ScanState.FAILED, now(), message)
            return len(left)

        return self._db.transact(work, repeatable=True)

    def active(self) -> Rows[Scan]:
        """All scans that run or are paused."""
        return self.list(status=_ACTIVE, limit=1000)

    def count(
        self, *, search: str | None = None, archived: bool = False, state: Any = None, **filters: Any
    ) -> int:
        return super().count(search=search, archived=archived, **_with_state(filters, state))

    def list(
        self,
        *,
        search: str | None = None,
        sort: str | None = None,
        limit: int = 100,
        offset: int = 0,
        archived: bool = False,
        state: Any = None,
        **filters: Any,
    ) -> Rows[Scan]:
        """A page of scans, newest first unless `sort` or a `queue_id` (queue order) says otherwise.

        Args:
            state: one `ScanState` or several.
        """
        if sort is None:
            sort = "queue_order" if filters.get("queue_id") is not None else "-created_at"
        return super().list(
            search=search,
            sort=sort,
            limit=limit,
            offset=offset,
            archived=archived,
            **_with_state(filters, state),
        )

    def _make(self, session: Session, fields: Mapping[str, Any]) -> Scan:
        fields = self._resolved(session, fields)
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

    def _resolved(self, session: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
        resolved = dict(fields)
        for name, model, text in (
            ("queue_id", Queue, Queue.queue_id),
            ("sample_id", Sample, Sample.sample_id),
            ("project_id", Project, Project.name),
        ):
            if isinstance(resolved.get(name), str):
                resolved[name] = number_of(session, model, text, resolved[name])
        return resolved


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
        extra["error"] = str(error)
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


def state_of(state: ScanState | str) -> ScanState:
    try:
        return ScanState(state)
    except ValueError as error:
        choices = ", ".join(member.value for member in ScanState)
        raise FieldError("status", f"{state!r} is not one of {choices}") from error


def move(row: Scan, new: ScanState, at: datetime, message: str | None) -> None:
    """Take the step to `new` on a loaded row.

    Raises:
        IllegalTransitionError: the present state does not allow it.
    """
    old = row.status
    if new is not old and new not in TRANSITIONS[old]:
        raise IllegalTransitionError(f"scan {row.scan_id} is {old} and cannot become {new}")
    row.status = new
    if message is not None:
        message = row.message = plain_text(message)
    if new is old:
        return
    row.requested = None
    if new is ScanState.RUNNING:
        row.started_at = row.started_at or at
        row.finished_at = None
        row.extra_data = {key: value for key, value in (row.extra_data or {}).items() if key != "error"}
        row.message = message
    if new.is_finished:
        row.finished_at = at
        if new is ScanState.COMPLETED:
            row.progress = 1.0
        if new is ScanState.INTERRUPTED and row.writer is not None:
            row.writer += ENDED
        if message and new in (ScanState.FAILED, ScanState.INTERRUPTED):
            row.extra_data = (row.extra_data or {}) | {"error": message}


def check_free(row: Scan, writer: str) -> None:
    """Whether `writer` may take up the scan.

    Raises:
        StaleWriterError: another writer is at it, or was until it ended for good.
    """
    if row.status in _ACTIVE and row.writer not in (None, writer):
        raise StaleWriterError(f"scan {row.scan_id} is being written by {row.writer}")
    if not TRANSITIONS[row.status] and row.writer != writer:
        raise StaleWriterError(f"scan {row.scan_id} is {row.status}; it is not taken up again")


def check_life(session: Session, writer: str) -> None:
    """Whether `writer` (``"bench:5f3a…"``) may still write: its station has not begun another life.

    Raises:
        StaleWriterError: it has.
    """
    name, _, epoch = writer.partition(":")
    station = session.scalars(select(Station).where(Station.name == name)).first() if epoch else None
    if station is not None and epoch in station.past_epochs:
        raise StaleWriterError(f"station {name}: its life {epoch} is over, another has taken its place")


def written_by(prefix: str) -> Any:
    """The test that a scan's writer is `prefix`, or begins with it up to a colon."""
    beginning = prefix if prefix.endswith(":") else f"{prefix}:"
    return or_(Scan.writer == prefix, Scan.writer.startswith(beginning, autoescape=True))


def interrupt(session: Session, rows: Iterable[Scan], message: str) -> list[str]:
    """Mark these scans interrupted; gives their text ids."""
    marked = []
    for row in rows:
        move(row, ScanState.INTERRUPTED, now(), message or "the station that ran it is gone")
        marked.append(row.scan_id)
    session.flush()
    return marked


def _with_state(filters: Mapping[str, Any], state: Any) -> dict[str, Any]:
    if state is None:
        return dict(filters)
    several = not isinstance(state, str)
    return dict(filters) | {"status": [state_of(s) for s in state] if several else state_of(state)}
