"""The queues of a lab: taken up from the record, or filled with the scans of the lab's file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from database.services import DatabaseService
from pybirch.database_integration.database_queue import DatabaseQueue
from pybirch.errors import FieldError, LabFileError, NotFoundError
from pybirch.events import EventBus, QueueLog
from pybirch.lab_file import check_scan, scans_in
from pybirch.queue.lab import Lab
from pybirch.queue.leases import Leases
from pybirch.scan.scan import Scan

log = logging.getLogger(__name__)


class LabQueues:
    """Opens a lab's queues, and says in terminal and log what is not as the lab's file has it.

    Args:
        lab: what the file defines.
        db: where the queues are recorded.
        bus: of the queues, and of what is remarked.
        station: who owns them, and the name of its present life.
        epoch: see `station`.
        file: the lab's own file, for messages; that it was not asked for scans is said of a file only.

    Attributes:
        remarks: what was said; in the record already, and to be published once somebody listens.
    """

    def __init__(
        self,
        lab: Lab,
        db: DatabaseService,
        bus: EventBus,
        *,
        station: str,
        epoch: str,
        file: Path | None = None,
    ) -> None:
        self.remarks: list[QueueLog] = []
        self._lab = lab
        self._db = db
        self._station = station
        self._file = file
        self._options: dict[str, Any] = {"bus": bus, "leases": Leases(), "writer": f"{station}:{epoch}"}

    def take_up(self, queue_id: str, *, again: bool) -> DatabaseQueue:
        """The queue, with the lab's scans in it if it is new, or `again` if all in it have ended."""
        try:
            queue = DatabaseQueue.from_database(self._db, queue_id, self._lab.instruments, **self._options)
        except NotFoundError:
            queue = DatabaseQueue(self._db, queue_id, **self._options)
        self._db.queues.attach(queue_id, self._station)
        ended = all(handle.is_finished() for handle in queue.handles)
        if queue.is_empty() or (again and ended):
            self._fill(queue)
        elif self._file is not None:
            self._say_whose_scans(queue, self._file.name)
        return queue

    def _fill(self, queue: DatabaseQueue) -> None:
        """Queue the lab's scans that could run; of the others it is said why not."""
        try:
            scans = scans_in(self._lab, queue.queue_id, self._file)
        except LabFileError as error:
            self._remark(
                queue, "ERROR", f"the scans of queue {queue.queue_id} cannot be made: {error}", error
            )
            return
        for number, scan in enumerate(scans):
            try:
                check_scan(scan, self._file)
                queue.enqueue(scan)
            except FieldError as error:
                name = _name_of(scan, number)
                self._remark(queue, "ERROR", f"{name} of queue {queue.queue_id} is left out: {error}", error)

    def _say_whose_scans(self, queue: DatabaseQueue, file: str) -> None:
        """That those of the record are meant, not those of the file, which may have been edited since."""
        given = self._lab.queues[queue.queue_id]
        if callable(given):
            name = getattr(given, "__name__", "")
            told = f"{name if name.isidentifier() else 'scans'}() of {file} was not called"
        elif _has_others(queue, given):
            told = f"its scans in {file} differ and were not queued"
        else:
            return
        over = "give the queue a new name to start over"
        self._remark(queue, "INFO", f"queue {queue.queue_id} is taken from the record; {told} – {over}")

    def _remark(
        self, queue: DatabaseQueue, level: str, message: str, error: FieldError | None = None
    ) -> None:
        """One line for the terminal, which hears warnings and worse, and the queue's log."""
        show = error.__cause__ if isinstance(error, LabFileError) and error.is_surprising else None
        log.log(logging.ERROR if level == "ERROR" else logging.WARNING, "%s", message, exc_info=show)
        line = QueueLog(queue_id=queue.queue_id, level=level, message=message)
        self._db.logs.add(line.queue_id, line.level, line.message, timestamp=line.timestamp)
        self.remarks.append(line)


def _has_others(queue: DatabaseQueue, scans: Sequence[Scan]) -> bool:
    """Whether one of the scans is none that the queue has."""
    known = [handle.scan.settings.serialize() for handle in queue.handles]
    return any(isinstance(scan, Scan) and scan.settings.serialize() not in known for scan in scans)


def _name_of(scan: Any, number: int) -> str:
    """What people call a scan that may be none."""
    if isinstance(scan, Scan):
        return f"scan {scan.settings.scan_name!r}"
    return f"scans[{number}]"
