"""What of the record a station's token may change: its own queues, and the scans in them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from database.services.keepers import Keeper
from database.services.scan_states import BROADCAST
from pybirch.errors import FieldError, NotYoursError

if TYPE_CHECKING:
    from database.models import ApiToken, Queue, Scan
    from database.services import DatabaseService

OF_QUEUES = frozenset({"queue_opened", "queue_ordered", "queue_rules", "queue_log", "queue_status"})
OF_SCANS = frozenset({"scan_opened", "scan_claimed", "scan_dropped", "scan_terms"})
"""What is not let through by the scan's writer alone: that says who measures, not whose the scan is."""


class Fenced(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def payload(self) -> Mapping[str, Any]: ...


class Fence:
    """Lets through what is the bearer's own; what was nobody's becomes it. For one frame.

    Args:
        db: the record.
        station: the name under which the bearer speaks.
        token: the bearer's; None for a person.
        is_open: the bearer may administer, and is refused nothing.
    """

    def __init__(self, db: DatabaseService, station: str, token: ApiToken | None, *, is_open: bool) -> None:
        self._db = db
        self._station = station
        self._token = token
        self._is_open = is_open
        self._keepers: dict[str, Keeper] = {}

    def enter(self, item: Fenced) -> None:
        """Whether the record may be told this.

        Raises:
            NotYoursError: it is about a queue or scan of somebody else; names the field.
            FieldError: an id is none.
        """
        if item.kind in OF_SCANS:
            self._enter_scan(_text(item, "scan_id"))
        if item.kind in OF_QUEUES or (item.kind == "scan_opened" and item.payload.get("queue_id")):
            self._enter_queue(_text(item, "queue_id"))
        if item.kind == "queue_opened":
            for scan in item.payload.get("order") or [s["scan_id"] for s in item.payload.get("scans") or ()]:
                self._enter_scan(scan)

    def check_shown(self, item: Fenced) -> None:
        """Whether the bearer may show this without storing it.

        Raises:
            NotYoursError: it is about a queue or scan that another station has.
        """
        scan_id, queue_id = item.payload.get("scan_id"), item.payload.get("queue_id")
        if self._is_open:
            return
        if isinstance(queue_id, str):
            self._check_shown_of(self._db.queues.find(queue_id), "queue_id", f"queue {queue_id!r}")
        if isinstance(scan_id, str):
            row = self._db.scans.find(scan_id)
            if row is None or self._is_own_writer(row):
                return
            if row.queue is not None:
                self._check_shown_of(row.queue, "scan_id", f"scan {scan_id}")
            elif self._db.keepers.keeper(_station_of(row)) is not None:
                self._check_writer(row)

    def _check_shown_of(self, queue: Queue | None, field: str, what: str) -> None:
        """What has no token may be shown by the station that runs it, which has the database at hand."""
        keeper = None if queue is None else self._db.queue_keepers.keeper(queue.queue_id)
        if queue is None or keeper is None:
            return
        if keeper.token is None and queue.station in (None, self._station):
            return
        self._check(keeper, field, what, queue.queue_id)

    def _enter_queue(self, queue_id: str) -> None:
        self._check(self._keeper(queue_id), "queue_id", f"queue {queue_id!r}", queue_id)

    def _enter_scan(self, scan_id: str | int) -> None:
        row = self._db.scans.find(scan_id)
        if row is None:
            return
        if row.queue is None:
            self._check_writer(row)
            return
        queue_id = row.queue.queue_id
        self._check(self._keeper(queue_id), "scan_id", f"scan {scan_id} of queue {queue_id!r}", queue_id)

    def _keeper(self, queue_id: str) -> Keeper:
        if queue_id not in self._keepers:
            keepers = self._db.queue_keepers
            self._keepers[queue_id] = (
                keepers.keeper(queue_id) or Keeper(None)
                if self._token is None
                else keepers.take_up(queue_id, self._token.id)
            )
        return self._keepers[queue_id]

    def _check(self, keeper: Keeper, field: str, what: str, queue_id: str) -> None:
        if self._is_open or keeper.bears(self._token):
            return
        whose = (
            "is run by programs beside the database"
            if keeper.token is None
            else f"is that of token {keeper.name}"
        )
        give = f"pybirch token give {shlex.quote(self._name)} --queue {shlex.quote(queue_id)}"
        raise NotYoursError(
            field,
            f"{what} {whose}, and token {self._name} may not change it. Take another name for the queue, or "
            f"have an administrator give it: {give}",
        )

    def _check_writer(self, row: Scan) -> None:
        """A scan of no queue is whose station wrote it."""
        if self._is_open or row.writer in (None, BROADCAST) or self._is_own_writer(row):
            return
        station = _station_of(row)
        keeper = self._db.keepers.keeper(station)
        if keeper is None and self._db.keepers.was_ever(station):
            return
        if keeper is None or not keeper.bears(self._token):
            raise NotYoursError(
                "scan_id",
                f"scan {row.scan_id} was measured by {station}, and token {self._name} may not change it",
            )

    def _is_own_writer(self, row: Scan) -> bool:
        return (row.writer or "").startswith(f"{self._station}:")

    @property
    def _name(self) -> str:
        return self._token.name if self._token is not None else ""


def _station_of(row: Scan) -> str:
    return (row.writer or "").partition(":")[0]


def _text(item: Fenced, key: str) -> str:
    value = item.payload.get(key)
    if not isinstance(value, str) or not value:
        raise FieldError(key, "a text is needed")
    return value
