"""Which sample was made from which: no sample from itself, however many steps lie between."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, exists, select, text
from sqlalchemy.orm import Session

from database.models.sample import Sample, SampleOrigin
from pybirch.errors import FieldError

_LOCK = 0x5079_4F72_6967_696E  # "PyOrigin"


def parents(session: Session, child: int) -> list[Sample]:
    query = select(Sample).join(SampleOrigin, SampleOrigin.parent_id == Sample.id)
    return list(session.scalars(query.where(SampleOrigin.child_id == child).order_by(Sample.sample_id)))


def children(session: Session, parent: int) -> list[Sample]:
    query = select(Sample).join(SampleOrigin, SampleOrigin.child_id == Sample.id)
    return list(session.scalars(query.where(SampleOrigin.parent_id == parent).order_by(Sample.sample_id)))


def set_parents(session: Session, child: Sample, keys: Iterable[str | int]) -> None:
    """Make these, and no others, what a sample was made from.

    Raises:
        FieldError: ``parents[i]`` does not exist, or was itself made from this sample.
    """
    if session.get_bind().dialect.name == "postgresql":  # two edits at once could close a ring between them
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    wanted: list[int] = []
    for i, key in enumerate(keys):
        parent = _parent(session, f"parents[{i}]", key)
        _check_no_ring(session, f"parents[{i}]", child, parent)
        wanted.append(parent.id)
    session.execute(delete(SampleOrigin).where(SampleOrigin.child_id == child.id))
    for number in dict.fromkeys(wanted):
        session.add(SampleOrigin(child_id=child.id, parent_id=number))
    session.flush()


def _parent(session: Session, field: str, key: str | int) -> Sample:
    column = Sample.sample_id if isinstance(key, str) else Sample.id
    row = session.scalars(select(Sample).where(column == key)).first()
    if row is None:
        raise FieldError(field, f"there is no sample {key!r}")
    return row


def _check_no_ring(session: Session, field: str, child: Sample, parent: Sample) -> None:
    if parent.id == child.id:
        raise FieldError(field, f"{child.sample_id!r} cannot be made from itself")
    start = select(SampleOrigin.parent_id.label("id")).where(SampleOrigin.child_id == parent.id)
    above = start.cte("above", recursive=True)
    step = select(SampleOrigin.parent_id).join(above, SampleOrigin.child_id == above.c.id)
    above = above.union(step)
    if session.scalar(select(exists().where(above.c.id == child.id))):
        raise FieldError(field, f"{parent.sample_id!r} was itself made from {child.sample_id!r}")
