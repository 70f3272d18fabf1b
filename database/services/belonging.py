"""What a scan is for (its project) and of (its sample): looked up and checked before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.project import Project
from database.models.queue import Queue
from database.models.sample import Sample
from database.models.scan import Scan
from database.models.template import QueueTemplate, ScanTemplate
from database.services.records import Key, Records
from pybirch.errors import ArchivedError, FieldError, NotFoundError, UnknownReferenceError
from pybirch.states import ScanState

Thing = TypeVar("Thing", Project, Sample)


def usable(records: Records[Thing], key: Key, field: str) -> Thing:
    """The row that `field` names, if new scans may be made for it.

    Raises:
        UnknownReferenceError, ArchivedError: they may not.
    """
    try:
        row = records.get(key)
    except NotFoundError as error:
        raise UnknownReferenceError(field, str(error)) from None
    refuse_archived(row, field)
    return row


_NOUNS = {Project: "project", Sample: "sample", ScanTemplate: "template", QueueTemplate: "template"}


def refuse_archived(
    row: Project | Sample | ScanTemplate | QueueTemplate, field: str, at: datetime | None = None
) -> None:
    """Whether it may be used at that moment.

    Raises:
        ArchivedError: it was archived before.
    """
    if row.archived_at is None or row.archived_at > (at or now()):
        return
    name = row.sample_id if isinstance(row, Sample) else row.name
    raise ArchivedError(field, f"{_NOUNS[type(row)]} {name!r} is archived; name another, or have it restored")


def settled(
    session: Session, fields: Mapping[str, Any], fallback: Mapping[str, int], *, is_done: bool = False
) -> dict[str, Any]:
    """The fields of a new scan with its project and sample.

    A `project_name` that is no project's is only text. Without a project of its own a scan is for
    that of the scan it repeats, else of `fallback`, else of its queue. One that is done already may be for
    what was archived meanwhile.

    Raises:
        UnknownReferenceError, ArchivedError: what it names is not there, or archived.
        FieldError: `project_name` and `project_id` are two projects.
    """
    made = dict(fields)
    project, field = _named(session, made) or _inherited(session, made, fallback) or (None, "")
    if project is not None:
        if not is_done:
            refuse_archived(project, field)
        made["project_id"] = project.id
        made["project_name"] = made.get("project_name") or project.name
    number = made.get("sample_id") or fallback.get("sample_id")
    if number is not None:
        sample = _existing(session, Sample, number, "sample_id")
        if not is_done:
            refuse_archived(sample, "sample_id")
        made["sample_id"] = number
    return made


def check_beginning(
    session: Session, row: Scan, at: datetime, *, sample_only: bool = False, is_done: bool = False
) -> None:
    """Whether a stored scan may begin, or go on; gives it the project that its name has become.

    One that `is_done` began while nobody could ask.

    Raises:
        ArchivedError: its project or sample was archived meanwhile.
    """
    own = {"project_id": row.project_id, "project_name": row.project_name, "queue_id": row.queue_id}
    project, field = _named(session, own, strict=False) or _inherited(session, own, {}) or (None, "")
    if project is not None and not sample_only:
        if not is_done:
            refuse_archived(project, field, at)
        row.project_id = project.id
    if row.sample is not None and not is_done:
        refuse_archived(row.sample, "sample_id", at)


def with_archived(queue: Queue) -> Select[Scan]:
    """The queued scans of a queue whose project or sample is archived."""
    by_number = Project.id == func.coalesce(Scan.project_id, queue.project_id)
    by_name = and_(Scan.project_id.is_(None), Project.name == Scan.project_name)
    return (
        select(Scan)
        .outerjoin(Project, or_(by_number, by_name))
        .outerjoin(Sample, Sample.id == Scan.sample_id)
        .where(Scan.queue_id == queue.id, Scan.status == ScanState.QUEUED, Scan.archived_at.is_(None))
        .where(or_(Project.archived_at.is_not(None), Sample.archived_at.is_not(None)))
        .order_by(Scan.queue_order, Scan.id)
    )


def _named(session: Session, fields: Mapping[str, Any], strict: bool = True) -> tuple[Project, str] | None:
    """The project that a scan names, and the field it does so with."""
    name, number = fields.get("project_name"), fields.get("project_id")
    by_name = session.scalars(select(Project).where(Project.name == name)).first() if name else None
    if number is None:
        return None if by_name is None else (by_name, "project_name")
    project = _existing(session, Project, number, "project_id")
    if strict and by_name is not None and by_name.id != project.id:
        raise FieldError(
            "project_name", f"{name!r} is another project than project_id says, {project.name!r}"
        )
    return project, "project_id" if by_name is None else "project_name"


def _inherited(
    session: Session, fields: Mapping[str, Any], fallback: Mapping[str, int]
) -> tuple[Project, str] | None:
    """The project of a scan that names none."""
    before, queue = fields.get("restarted_from"), fields.get("queue_id")
    number = session.scalar(select(Scan.project_id).where(Scan.scan_id == before)) if before else None
    number = number or fallback.get("project_id")
    if number is None and queue is not None:
        number = session.scalar(select(Queue.project_id).where(Queue.id == queue))
    return None if number is None else (_existing(session, Project, number, "project_id"), "project_id")


def _existing(session: Session, model: type[Thing], number: int, field: str) -> Thing:
    row = session.get(model, number)
    if row is None:
        raise UnknownReferenceError(field, f"there is no {model.__name__.lower()} {number!r}")
    return row
