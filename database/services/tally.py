"""How far a queue is: its scans by state, and what still waits in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from database.models.queue import Queue
from database.models.scan import Scan
from pybirch.states import QueueState, ScanState


@dataclass(frozen=True, slots=True)
class Waiting:
    """The queued scans of one type.

    Attributes:
        points: of all of them; None where one does not know its own.
        seconds_per_point: what a point took in the queue's completed scans of this type; None
            where there is none.
    """

    scan_type: str
    scans: int
    points: int | None
    seconds_per_point: float | None


@dataclass(frozen=True, slots=True)
class Tally:
    """One queue's scans, counted.

    Attributes:
        states: how many are in which state; states without any are left out.
        progress: share of the queue that is measured, 0..1; what failed, was aborted or
            interrupted counts as not done.
        waiting: told while the queue runs.
    """

    states: dict[str, int]
    progress: float
    waiting: tuple[Waiting, ...] = ()

    @property
    def completed(self) -> int:
        return self.states.get(ScanState.COMPLETED, 0)

    @property
    def total(self) -> int:
        return sum(self.states.values())

    def shape(self) -> dict[str, Any]:
        return {
            "completed_scans": self.completed,
            "total_scans": self.total,
            "scan_states": self.states,
            "progress": self.progress,
            "waiting": [asdict(one) for one in self.waiting],
        }


def tallies(session: Session, queues: Sequence[Queue]) -> dict[int, Tally]:
    """The tally of each queue, by its number."""
    counted = _counted(session, [queue.id for queue in queues])
    return {
        queue.id: _tally(counted[queue.id], _waiting(session, queue.id) if _goes_on(queue) else ())
        for queue in queues
    }


def _goes_on(queue: Queue) -> bool:
    return queue.status is QueueState.RUNNING


def _counted(session: Session, numbers: list[int]) -> dict[int, dict[ScanState, tuple[int, float]]]:
    """Scans and the sum of their progress, by queue and state."""
    query = (
        select(Scan.queue_id, Scan.status, func.count(Scan.id), func.sum(Scan.progress))
        .where(Scan.queue_id.in_(numbers), Scan.archived_at.is_(None))
        .group_by(Scan.queue_id, Scan.status)
    )
    counted: dict[int, dict[ScanState, tuple[int, float]]] = {number: {} for number in numbers}
    for number, state, scans, progress in session.execute(query):
        if number is not None:
            counted[number][state] = (scans, float(progress or 0.0))
    return counted


def _tally(counted: dict[ScanState, tuple[int, float]], waiting: Iterable[Waiting]) -> Tally:
    total = sum(scans for scans, _ in counted.values())
    done = sum(
        scans if state is ScanState.COMPLETED else progress
        for state, (scans, progress) in counted.items()
        if state is ScanState.COMPLETED or state.is_active
    )
    states = {state.value: scans for state, (scans, _) in counted.items()}
    return Tally(states, done / total if total else 0.0, tuple(waiting))


def _waiting(session: Session, number: int) -> list[Waiting]:
    mine = (Scan.queue_id == number, Scan.archived_at.is_(None))
    queued = (
        select(
            Scan.scan_type, func.count(Scan.id), func.count(Scan.points_total), func.sum(Scan.points_total)
        )
        .where(*mine, Scan.status == ScanState.QUEUED)
        .group_by(Scan.scan_type)
        .order_by(Scan.scan_type)
    )
    rows = session.execute(queued).all()
    if not rows:
        return []
    paces = _paces(session, mine)
    return [
        Waiting(kind, scans, int(points or 0) if known == scans else None, paces.get(kind))
        for kind, scans, known, points in rows
    ]


def _paces(session: Session, mine: Any) -> dict[str, float]:
    """Seconds a point of the completed scans took, by type."""
    query = select(Scan.scan_type, Scan.points_done, Scan.started_at, Scan.finished_at).where(
        *mine, Scan.status == ScanState.COMPLETED, Scan.points_done > 0
    )
    spent: dict[str, tuple[float, int]] = {}
    for kind, points, begun, ended in session.execute(query):
        if begun is not None and ended is not None:
            seconds, done = spent.get(kind, (0.0, 0))
            spent[kind] = (seconds + (ended - begun).total_seconds(), done + points)
    return {kind: seconds / points for kind, (seconds, points) in spent.items()}
