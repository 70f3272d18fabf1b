"""The one state machine of a scan in the record, and who may write it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.scan import Scan
from database.models.station import Station
from database.services.append import ENDED
from database.services.belonging import check_beginning
from database.services.fields import plain_text
from pybirch.errors import FieldError, IllegalTransitionError, StaleWriterError
from pybirch.states import TRANSITIONS, ScanState

ACTIVE = (ScanState.RUNNING, ScanState.PAUSED)
BROADCAST = "broadcast"
"""The writer of scans that exist by their broadcasts only; nothing else moves their state."""


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


def take_step(
    session: Session, row: Scan, new: ScanState, at: datetime, message: str | None, *, is_done: bool = False
) -> None:
    """`move`, once what a scan that begins needs has been looked at."""
    old = row.status
    move(row, new, at, message)
    if new is ScanState.RUNNING and old in (ScanState.QUEUED, ScanState.INTERRUPTED):
        check_beginning(session, row, at, is_done=is_done)


def check_free(row: Scan, writer: str) -> None:
    """Whether `writer` may take up the scan.

    Raises:
        StaleWriterError: another writer is at it, or was until it ended for good.
    """
    if row.status in ACTIVE and row.writer not in (None, writer):
        raise StaleWriterError(f"scan {row.scan_id} is being written by {row.writer}")
    if not TRANSITIONS[row.status] and row.writer != writer:
        raise StaleWriterError(f"scan {row.scan_id} is {row.status}; it is not taken up again")


def check_life(session: Session, writer: str) -> None:
    """Whether `writer` (``"bench:5f3a…"``) may still write: its station has not begun another life, and
    begins none before the transaction ends. Comes before scans are locked, as another life's beginning does.

    Raises:
        StaleWriterError: it has.
    """
    name, _, epoch = writer.partition(":")
    query = select(Station).where(Station.name == name).with_for_update(read=True)
    station = session.scalars(query).first() if epoch else None
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
