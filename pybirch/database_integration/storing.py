"""Recording what comes as items: from a station without a database of its own, or late, from a spool."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from database.services.append import ENDED
from database.services.fields import moment
from pybirch.database_integration.config import IntegrationConfig
from pybirch.errors import ArchivedError, FieldError, IllegalTransitionError, StaleWriterError
from pybirch.events import (
    Event,
    InstrumentPosition,
    InstrumentStatus,
    QueueLog,
    QueueStatus,
    Readings,
    ScanStatus,
)
from pybirch.queue.policy import QueuePolicy
from pybirch.queue.terms import Terms
from pybirch.samples import Sample
from pybirch.states import ScanState

if TYPE_CHECKING:
    from database.models import Scan
    from database.services import DatabaseService
    from pybirch.database_integration.fence import Fence

log = logging.getLogger(__name__)

T = TypeVar("T")


class StoredItem(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def payload(self) -> dict[str, Any]: ...
    @property
    def event(self) -> Event | None: ...


class Storing:
    """Writes one writer's facts through the services, as the writer it is.

    Args:
        db: the record.
        station: whose queues they are; None for a program that is no station.
        writer: who measured, e.g. ``"bench:5f3a"``.
        late: it waited in a spool. A scan that was marked interrupted meanwhile is still its writer's, until
            somebody else takes it over.
        past: its writer lives no more: what queues and instruments did then is not what they do now.
        trusted: numbers of projects and samples in it are of this record.
        fence: keeps what is somebody else's from it.
    """

    def __init__(
        self,
        db: DatabaseService,
        station: str | None,
        writer: str,
        *,
        late: bool = False,
        past: bool = False,
        trusted: bool = False,
        fence: Fence | None = None,
    ) -> None:
        self._db = db
        self._station = station
        self._writer = writer
        self._chunks = IntegrationConfig.from_environment().chunks()
        self._late = late
        self._past = past
        self._trusted = trusted
        self._fence = fence

    def store(self, group: Sequence[StoredItem], origin: str) -> list[dict[str, Any]]:
        """Store a group: blocks of one scan in one transaction, or one item; returns instruments seen.

        Args:
            origin: names the group for ever, so that what comes again after a crash is known.

        Raises:
            NotYoursError: it is about a queue or scan of somebody else.
        """
        first = group[0]
        if self._fence is not None:
            self._fence.enter(first)
        match first.kind:
            case "scan_opened":
                self._open_scan(first.payload)
            case "scan_claimed":
                self._claim(_text(first.payload, "scan_id"))
            case "life_ended":
                self._end_life()
            case "acted":
                self.note_act(first.payload)
            case "queue_opened":
                self._open_queue(first.payload)
            case "scan_dropped":
                self._drop_scan(first.payload)
            case "scan_rewound":
                self._rewind_scan(first.payload)
            case "scan_conditions":
                self._keep_conditions(first.payload)
            case "queue_ordered":
                self._db.queues.order(
                    _text(first.payload, "queue_id"), list(first.payload.get("scan_ids") or ())
                )
            case "scan_terms":
                self._db.scans.update(_text(first.payload, "scan_id"), terms=_terms(first.payload))
            case "queue_rules":
                self._keep_rules(first.payload)
            case "instrument_seen":
                return [self._see_instrument(first.payload)]
            case "data_block":
                blocks = [item.event for item in group if isinstance(item.event, Readings)]
                self._written(
                    blocks[0].scan_id,
                    lambda writer: self._db.readings.append(
                        blocks[0].scan_id, blocks, writer=writer, **self._chunks
                    ),
                )
            case _:
                self._event(first, origin)
        return []

    def _event(self, item: StoredItem, origin: str) -> None:
        db = self._db
        match item.event:
            case ScanStatus() as event:
                self._scan_status(event)
            case QueueLog() as event:
                self._log(event, item.payload.get("origin"), origin)
            case _ if self._past:
                pass
            case QueueStatus() as event:
                db.queues.set_status(event.queue_id, event.status, current_scan=event.current_scan)
            case InstrumentStatus() as event:
                db.equipment.set_status(
                    event.instrument_id,
                    event.status,
                    position=event.position,
                    target=event.target,
                    value=event.value,
                    error=event.error,
                )
            case InstrumentPosition() as event:
                status = "moving" if event.is_moving else "idle"
                db.equipment.set_status(
                    event.instrument_id, status, position=event.position, target=event.target
                )
            case _:
                pass

    def _scan_status(self, event: ScanStatus) -> None:
        """Move the scan; a step it has taken long ago (a frame that comes again) is passed over."""
        try:
            self._written(event.scan_id, lambda writer: self._move(event, writer))
        except IllegalTransitionError as error:
            log.warning("%s: %s; passed over", self._writer, error)

    def _move(self, event: ScanStatus, writer: str) -> None:
        """One that was taken for interrupted meanwhile hears of its end only, and not that it runs."""
        if writer != self._writer:
            if not event.status.is_finished or event.status is ScanState.INTERRUPTED:
                return
            if event.status is not ScanState.FAILED:
                self._db.scans.set_status(event.scan_id, ScanState.RUNNING, writer=writer, is_done=True)
        self._db.scans.set_status(
            event.scan_id,
            event.status,
            message=event.message,
            progress=event.progress,
            writer=writer,
            timestamp=event.timestamp,
            requested=event.requested,
            is_done=self._late,
        )

    def _written(self, scan_id: str, write: Callable[[str], T]) -> T:
        """Write as the scan's writer, also when that was taken for gone and nobody else has the scan.

        Raises:
            StaleWriterError: another has taken the scan over.
        """
        try:
            return write(self._writer)
        except StaleWriterError:
            row = self._db.scans.find(scan_id) if self._late else None
            if row is None or row.writer != self._writer + ENDED:
                raise
            return write(self._writer + ENDED)

    def _log(self, line: QueueLog, own: Any, origin: str) -> None:
        if isinstance(own, str) and own:
            origin = f"{self._station or ''}/{own}"
        self._db.logs.add(line.queue_id, line.level, line.message, line.scan_id, line.timestamp, origin)

    def _open_scan(self, shape: dict[str, Any]) -> Scan:
        scan_id = _text(shape, "scan_id")
        if self._db.scans.find(scan_id) is None:
            try:
                self._create_scan(scan_id, shape)
            except ArchivedError as error:
                if not self._late:
                    raise
                self._create_scan(scan_id, shape, is_done=True)
                self._note_archived(scan_id, error)
            except FieldError:
                if self._db.scans.find(scan_id) is None:
                    raise  # else the same came by another way in the same moment
        return self._claim(scan_id)

    def _note_archived(self, scan_id: str, error: ArchivedError) -> None:
        """It was begun while nobody could look, so the record takes it, and says so."""
        about = error.problem.partition(";")[0]
        text = f"recorded although {about}: it was begun while the record could not be asked"
        row = self._db.scans.get(scan_id)
        log.warning("scan %s: %s", scan_id, text)
        self._db.audit.add(self._station or self._writer, "record_late", f"scan:{scan_id}", why=text)
        if row.queue is not None:
            line = f"{row.scan_name or scan_id} was {text}"
            self._db.logs.add(row.queue.queue_id, "WARNING", line, scan_id, origin=f"archived/{scan_id}")

    def _claim(self, scan_id: str) -> Scan:
        try:
            return self._db.scans.claim(scan_id, self._writer)
        except StaleWriterError:
            if not self._late:
                raise
            return self._db.scans.claim_late(scan_id, self._writer)

    def _end_life(self) -> None:
        """What this writer left under way is under way no more."""
        if self._past:
            self._db.scans.mark_interrupted(self._writer, "the program that ran it was gone")

    def note_act(self, act: Mapping[str, Any]) -> None:
        """A line of the audit trail, once; from a station it is not taken: what is asked of one is noted
        by the server."""
        if not self._trusted:
            raise ValueError("acted: is not taken from a station")
        at = moment(act["timestamp"], "timestamp")
        actor, action, thing = (_text(act, name) for name in ("actor", "action", "thing"))
        if not self._db.audit.count(timestamp=at, actor=actor, action=action, thing=thing):
            self._db.audit.add(
                actor, action, thing, address=_text(act, "address"), timestamp=at, **act["detail"]
            )

    def _drop_scan(self, shape: dict[str, Any]) -> None:
        """Taken out of its queue; one that has not been run leaves the lists as well."""
        row = self._db.scans.update(_text(shape, "scan_id"), queue_id=None)
        if row.status is ScanState.QUEUED:
            self._db.scans.archive(row.id)

    def _keep_conditions(self, shape: dict[str, Any]) -> None:
        conditions = shape.get("conditions")
        if not isinstance(conditions, dict):
            raise ValueError("conditions: an object is needed")
        scan_id = _text(shape, "scan_id")
        self._written(scan_id, lambda writer: self._db.conditions.keep(scan_id, conditions, writer=writer))

    def _rewind_scan(self, shape: dict[str, Any]) -> None:
        step = shape.get("step")
        if not isinstance(step, int) or isinstance(step, bool) or step < 0:
            raise ValueError("step: a whole number from 0 is needed")
        scan_id = _text(shape, "scan_id")
        self._written(scan_id, lambda writer: self._db.scans.note_rewind(scan_id, step, writer=writer))

    def _create_scan(self, scan_id: str, shape: dict[str, Any], *, is_done: bool = False) -> None:
        settings = shape.get("settings") or {}
        given = shape.get("given") or {} if self._trusted else {}
        sample = self._sample_number(shape.get("sample"), is_done)
        self._db.scans.create(
            scan_id=scan_id,
            scan_name=settings.get("scan_name") or shape.get("name") or "",
            project_name=settings.get("project_name") or shape.get("project") or "",
            scan_type=settings.get("scan_type") or shape.get("scan_type") or "",
            job_type=settings.get("job_type") or shape.get("job_type") or "",
            scan_tree_data=settings.get("scan_tree"),
            additional_tags=settings.get("additional_tags") or shape.get("tags") or [],
            extra_data={
                "extensions": settings.get("extensions") or [],
                "user_fields": settings.get("user_fields") or {},
                **({"on_pause": "safe"} if settings.get("on_pause") == "safe" else {}),
                **({"points_vary": True} if shape.get("points_vary") else {}),
            },
            owner=shape.get("owner") or "",
            points_total=shape.get("points_total"),
            restarted_from=shape.get("restarted_from"),
            sample_id=sample,
            queue_id=self._queue_number(shape.get("queue_id")),
            terms=_terms(shape),
            **({"queue_order": shape["position"]} if shape.get("position") is not None else {}),
            writer=self._writer,
            fallback=given,
            is_done=is_done,
        )

    def _sample_number(self, sample: dict[str, Any] | None, is_done: bool) -> int | None:
        if not sample or not sample.get("ID"):
            return None
        tags = tuple(sample.get("tags") or sample.get("additional_tags") or ())
        named = Sample(str(sample["ID"]), sample.get("material") or "", tags)
        return self._db.samples.take_up(named, is_done=is_done).id

    def _queue_number(self, queue_id: str | None) -> int | None:
        if not queue_id:
            return None
        return self._db.queues.attach(queue_id, self._station).id

    def _open_queue(self, shape: dict[str, Any]) -> None:
        queue_id = _text(shape, "queue_id")
        fields = {
            key: shape[key] for key in ("name", "mode", "max_parallel_scans", "revision") if shape.get(key)
        }
        if shape.get("policy"):
            fields["policy"] = QueuePolicy.from_json(shape["policy"]).as_json()
        self._db.queues.attach(queue_id, self._station, **fields)
        order = shape.get("order") or [scan["scan_id"] for scan in shape.get("scans") or []]
        for scan_id in order:
            scan = self._db.scans.find(scan_id)
            if scan is not None and (scan.queue is None or scan.queue.queue_id != queue_id):
                self._db.scans.update(scan_id, queue_id=queue_id)
        self._db.queues.order(queue_id, order)

    def _keep_rules(self, shape: dict[str, Any]) -> None:
        fields = {key: shape[key] for key in ("mode", "revision") if shape.get(key) is not None}
        policy = QueuePolicy.from_json(shape.get("policy")).as_json()
        self._db.queues.attach(_text(shape, "queue_id"), self._station, policy=policy, **fields)

    def _see_instrument(self, described: dict[str, Any]) -> dict[str, Any]:
        row = self._db.equipment.register(described)
        return {"name": row.name, "adapter": row.adapter, "instrument_id": row.id}


def _terms(shape: dict[str, Any]) -> dict[str, Any]:
    return Terms.from_json(shape.get("terms")).as_json()


def _text(shape: Mapping[str, Any], key: str) -> str:
    value = shape.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key}: a text is needed")
    return value
