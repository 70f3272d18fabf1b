"""Text ids to numbers, within a transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from database.models.base import Base
from database.models.queue import Queue
from database.models.scan import Scan
from pybirch.errors import NotFoundError, UnknownReferenceError


def number_of(
    session: Session, model: type[Base], text: InstrumentedAttribute[str], key: str | int, field: str = ""
) -> int:
    """The number of the row whose text id, or number, is `key`.

    Raises:
        NotFoundError: there is none; an UnknownReferenceError, where a `field` names it.
    """
    number: Any = model.__table__.c.id
    found = session.scalar(select(number).where(text == key if isinstance(key, str) else number == key))
    if found is None:
        missing = f"there is no {model.__name__.lower()} {key!r}"
        raise UnknownReferenceError(field, missing) if field else NotFoundError(missing)
    return found


def queue_number(session: Session, key: str | int) -> int:
    return number_of(session, Queue, Queue.queue_id, key)


def scan_text(session: Session, key: str | int | None) -> str | None:
    """A scan's text id; a text is taken as it is."""
    if key is None or isinstance(key, str):
        return key
    found = session.scalar(select(Scan.scan_id).where(Scan.id == key))
    if found is None:
        raise NotFoundError(f"there is no scan {key!r}")
    return found


def next_order(session: Session, queue: int) -> int:
    """The place behind the last scan of a queue; no other scan is put there before the transaction ends."""
    session.execute(select(Queue.id).where(Queue.id == queue).with_for_update(key_share=True))
    last = session.scalar(select(func.max(Scan.queue_order)).where(Scan.queue_id == queue))
    return 0 if last is None else last + 1
