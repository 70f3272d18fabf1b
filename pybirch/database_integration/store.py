"""Where a scan is kept: behind one protocol, the database or the server's ingest."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import orjson
from sqlalchemy.exc import DBAPIError

from database.errors import DatabaseUnavailableError
from database.services import DatabaseService
from database.session import is_unavailable
from pybirch.database_integration.config import IntegrationConfig
from pybirch.database_integration.items import groups, parse
from pybirch.database_integration.spool import Entry
from pybirch.database_integration.storing import Storing
from pybirch.database_integration.writers import is_another_living_script
from pybirch.errors import FieldError, StaleWriterError
from pybirch.events import QueueLog, QueueStatus, Readings, ScanStatus
from pybirch.scan.memory import Record
from pybirch.scan.rewinding import Rewind
from pybirch.scan.scan import Scan
from pybirch.states import ScanState

if TYPE_CHECKING:
    from numpy.typing import NDArray

log = logging.getLogger(__name__)


class Store(Protocol):
    """Everything it returns from is durable."""

    def open_queue(self, queue: Any) -> None:
        """Make or take up the queue's record."""
        ...

    def open_scan(self, scan: Scan, queue_id: str | None) -> None:
        """Make the scan's record, the last of its queue.

        Raises:
            FieldError: the record refuses a field; names it.
        """
        ...

    def claim(self, scan_id: str) -> None:
        """Make this writer the only one who may add to the scan.

        Raises:
            StaleWriterError: another writer is at it.
        """
        ...

    def drop_scan(self, scan: Scan, queue_id: str) -> None: ...

    def reorder(self, queue_id: str, scan_ids: Sequence[str]) -> None: ...

    def save_terms(self, scan_id: str, terms: dict[str, Any]) -> None:
        """On what terms the scan runs in its queue."""
        ...

    def save_queue(self, queue: Any) -> None:
        """The queue's mode, policy and revision."""
        ...

    def save_readings(self, readings: Sequence[Readings], status: ScanStatus) -> None:
        """All of one tick, in one piece; `status` tells how far the scan is.

        Raises:
            StaleWriterError: the scan was taken from this writer.
        """
        ...

    def save_status(self, status: ScanStatus) -> None: ...

    def save_rewind(self, scan_id: str, step: int) -> None:
        """What the scan measures from now on comes from `step` on, after all readings so far.

        Raises:
            StaleWriterError: the scan was taken from this writer.
        """
        ...

    def save_conditions(self, scan_id: str, conditions: dict[str, Any]) -> None:
        """What the scan runs under (see `pybirch.scan.conditions`)."""
        ...

    def owe_status(self, status: ScanStatus) -> None:
        """A scan's end that could not be saved: as soon as that is possible, while this program lives."""
        ...

    def save_log(self, line: QueueLog, origin: str | None = None) -> None:
        """A line of a queue's log; one that comes again with its `origin` is kept once."""
        ...

    def save_queue_status(self, status: QueueStatus) -> None: ...


@runtime_checkable
class Readable(Protocol):
    """A store from which readings can be read again."""

    def record_of(self, scan_id: str) -> Record: ...

    def take_over(self, scan_id: str) -> None:
        """A scan whose program is gone is to go on here; late writes of that program are refused.

        Raises:
            StaleWriterError: a living station runs it.
        """
        ...


class StoredReadings:
    """The readings of one scan in the database (see `pybirch.scan.memory.Record`)."""

    def __init__(self, db: DatabaseService, scan_id: str) -> None:
        self._db = db
        self._scan_id = scan_id

    def steps(self, measurements: Iterable[str]) -> int:
        known, rewinds = self.counts(), self.rewinds()
        last = rewinds[-1] if rewinds else Rewind(0, {})
        since = [name for name in measurements if known.get(name, 0) > last.counts.get(name, 0)]
        ends = [known[name] for name in since]
        steps = [int(self.read(name, n - 1, n).steps[0]) + 1 for name, n in zip(since, ends, strict=True)]
        return max(steps, default=last.step)

    def counts(self) -> dict[str, int]:
        return {name: last + 1 for name, last in self._db.readings.last_indexes(self._scan_id).items()}

    def read(self, measurement: str, start: int, end: int) -> Readings:
        return self._db.readings.read(self._scan_id, measurement, start, end)

    def steps_of(self, measurement: str, start: int, end: int) -> NDArray[np.int64]:
        blocks = self._db.readings.iter_blocks(self._scan_id, measurement, start, end, columns=())
        return np.concatenate([np.empty(0, dtype=np.int64), *(block.steps for block in blocks)])

    def rewinds(self) -> list[Rewind]:
        return [Rewind(row.step, row.counts) for row in self._db.scans.rewinds(self._scan_id)]


class DatabaseStore:
    """Straight into the database.

    Args:
        db: the service.
        writer: who writes, e.g. ``"station:7f3a…"``; a scan taken from it refuses its writes.
        project_id, sample_id: given to scans that name none.
        operator: owner of scans that name none.

    Attributes:
        given: project and sample of scans that name none, by number.
    """

    called = "the database"

    def __init__(
        self,
        db: DatabaseService,
        writer: str,
        *,
        project_id: int | None = None,
        sample_id: int | None = None,
        operator: str = "",
    ) -> None:
        self.db = db
        self.writer = writer
        self.place = place_of(db)
        self._chunks = IntegrationConfig.from_environment().chunks()
        given = {"project_id": project_id, "sample_id": sample_id}
        self.given = {name: number for name, number in given.items() if number is not None}
        self.operator = operator

    def open_queue(self, queue: Any) -> None:
        self.db.create_queue_from_pybirch(queue)
        self.db.queue_keepers.take_up(queue.QID, None)

    def open_scan(self, scan: Scan, queue_id: str | None) -> None:
        if self.operator and not scan.owner:
            scan.owner = self.operator
        as_it_is = _as_it_is(scan)
        for instrument in scan.instruments:
            if not getattr(instrument, "instrument_id", 1):
                instrument.instrument_id = self.db.equipment.register(instrument).id
        self.db.scans.create_from_pybirch(as_it_is, queue_id, writer=self.writer, fallback=self.given)

    def claim(self, scan_id: str) -> None:
        self.db.scans.claim(scan_id, self.writer)

    def record_of(self, scan_id: str) -> Record:
        return StoredReadings(self.db, scan_id)

    def take_over(self, scan_id: str) -> None:
        writer = self.db.scans.get(scan_id).writer
        if writer != self.writer and (self.db.stations.is_living(writer) or is_another_living_script(writer)):
            raise StaleWriterError(f"scan {scan_id} is being written by {writer}")
        self.db.scans.mark_interrupted([scan_id], "the program that ran it was gone", writer=writer)
        row = self.db.scans.get(scan_id)
        if row.status.is_active:  # another was quicker
            raise StaleWriterError(f"scan {scan_id} is being written by {row.writer}")

    def drop_scan(self, scan: Scan, queue_id: str) -> None:
        self.db.update_scan(scan.scan_id, queue_id=None)
        if scan.state is ScanState.QUEUED:
            self.db.archive_scan(scan.scan_id)

    def reorder(self, queue_id: str, scan_ids: Sequence[str]) -> None:
        self.db.queues.order(queue_id, list(scan_ids))

    def save_terms(self, scan_id: str, terms: dict[str, Any]) -> None:
        self.db.scans.update(scan_id, terms=terms)

    def save_queue(self, queue: Any) -> None:
        rules = {"mode": queue.mode, "policy": queue.policy.as_json(), "revision": queue.revision}
        self.db.queues.attach(queue.queue_id, **rules)

    def save_readings(self, readings: Sequence[Readings], status: ScanStatus) -> None:
        self.db.readings.append(
            status.scan_id, readings, writer=self.writer, progress=status.progress, **self._chunks
        )

    def save_status(self, status: ScanStatus) -> None:
        self.db.scans.set_status(
            status.scan_id,
            status.status,
            message=status.message,
            progress=status.progress,
            requested=status.requested,
            writer=self.writer,
            timestamp=status.timestamp,
        )

    def save_rewind(self, scan_id: str, step: int) -> None:
        self.db.scans.note_rewind(scan_id, step, writer=self.writer)

    def save_conditions(self, scan_id: str, conditions: dict[str, Any]) -> None:
        self.db.conditions.keep(scan_id, conditions, writer=self.writer)

    def owe_status(self, status: ScanStatus) -> None:
        self.save_status(status)

    def save_log(self, line: QueueLog, origin: str | None = None) -> None:
        self.db.logs.add(
            line.queue_id,
            line.level,
            line.message,
            scan_id=line.scan_id,
            timestamp=line.timestamp,
            origin=None if origin is None else f"/{origin}",
        )

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Items that waited in a spool, of one writer.

        Raises:
            DatabaseUnavailableError: not now.
            FieldError, StaleWriterError, NotFoundError: the record refuses them.
        """
        items = [{"kind": entry.kind, "payload": orjson.loads(entry.body)} for entry in entries]
        writer = entries[0].writer
        storing = Storing(self.db, None, writer, late=True, past=writer != self.writer, trusted=True)
        try:
            for group in groups(parse(items)):
                storing.store(group, f"{writer}:{entries[0].spool}:{entries[0].number}")
        except DBAPIError as error:
            if is_unavailable(error):
                raise DatabaseUnavailableError(f"{self.db.url}: {error.orig}") from error
            raise FieldError("record", str(error.orig)) from error

    def save_act(self, act: Mapping[str, Any]) -> None:
        """A line of the audit trail, once: ``{actor, action, thing, address, timestamp, detail}``."""
        Storing(self.db, None, self.writer, trusted=True).note_act(act)

    def save_queue_status(self, status: QueueStatus) -> None:
        self.db.queues.set_status(status.queue_id, status.status, current_scan=status.current_scan)


def place_of(db: DatabaseService) -> str:
    """Which database it is, from whatever folder it was named."""
    url = db.database.url
    if db.database.is_sqlite and url.database not in (None, "", ":memory:"):
        return f"sqlite {Path(url.database).absolute()}"
    if db.database.is_sqlite:
        return f"memory {id(db):x} {secrets.token_hex(4)}"
    return url.render_as_string(hide_password=True)


def _as_it_is(scan: Scan) -> Any:
    """What the record needs of a scan, as it is now: a database that is slow writes it down later."""
    names = ("scan_id", "settings", "sample", "owner", "state", "progress", "error", "restarted_from")
    counts = {"points_total": scan.points_total, "points_vary": scan.points_vary}
    return SimpleNamespace(**{name: getattr(scan, name) for name in names}, **counts)
