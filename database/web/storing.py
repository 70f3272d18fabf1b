"""Recording what a station without a database of its own sends."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pybirch.errors import IllegalTransitionError
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

log = logging.getLogger(__name__)


class StoredItem(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def payload(self) -> dict[str, Any]: ...
    @property
    def event(self) -> Event | None: ...


class Storing:
    """Writes one station's facts through the services, as the writer it is."""

    def __init__(self, db: DatabaseService, station: str, writer: str) -> None:
        self._db = db
        self._station = station
        self._writer = writer

    def store(self, group: Sequence[StoredItem], origin: str) -> list[dict[str, Any]]:
        """Store a group: blocks of one scan in one transaction, or one item; returns instruments seen.

        Args:
            origin: names the group for ever, so that what comes again after a crash is known.
        """
        first = group[0]
        match first.kind:
            case "scan_opened":
                self._open_scan(first.payload)
            case "queue_opened":
                self._open_queue(first.payload)
            case "scan_dropped":
                self._drop_scan(first.payload)
            case "scan_rewound":
                self._rewind_scan(first.payload)
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
                self._db.readings.append(blocks[0].scan_id, blocks, writer=self._writer)
            case _:
                self._event(first.event, origin)
        return []

    def _event(self, event: Event | None, origin: str) -> None:
        db = self._db
        match event:
            case ScanStatus():
                self._scan_status(event)
            case QueueStatus():
                db.queues.set_status(event.queue_id, event.status, current_scan=event.current_scan)
            case QueueLog():
                self._log(event, origin)
            case InstrumentStatus():
                db.equipment.set_status(
                    event.instrument_id,
                    event.status,
                    position=event.position,
                    target=event.target,
                    value=event.value,
                    error=event.error,
                )
            case InstrumentPosition():
                status = "moving" if event.is_moving else "idle"
                db.equipment.set_status(
                    event.instrument_id, status, position=event.position, target=event.target
                )
            case _:
                pass

    def _scan_status(self, event: ScanStatus) -> None:
        """Move the scan; a step it has taken long ago (a frame that comes again) is passed over."""
        try:
            self._db.scans.set_status(
                event.scan_id,
                event.status,
                message=event.message,
                progress=event.progress,
                writer=self._writer,
                timestamp=event.timestamp,
                requested=event.requested,
            )
        except IllegalTransitionError as error:
            log.warning("%s: %s; passed over", self._writer, error)

    def _log(self, line: QueueLog, origin: str) -> None:
        self._db.logs.add(line.queue_id, line.level, line.message, line.scan_id, line.timestamp, origin)

    def _open_scan(self, shape: dict[str, Any]) -> Scan:
        scan_id = _text(shape, "scan_id")
        if self._db.scans.find(scan_id) is None:
            self._create_scan(scan_id, shape)
        return self._db.scans.claim(scan_id, self._writer)

    def _drop_scan(self, shape: dict[str, Any]) -> None:
        """Taken out of its queue; one that has not been run leaves the lists as well."""
        row = self._db.scans.update(_text(shape, "scan_id"), queue_id=None)
        if row.status is ScanState.QUEUED:
            self._db.scans.archive(row.id)

    def _rewind_scan(self, shape: dict[str, Any]) -> None:
        step = shape.get("step")
        if not isinstance(step, int) or isinstance(step, bool) or step < 0:
            raise ValueError("step: a whole number from 0 is needed")
        self._db.scans.note_rewind(_text(shape, "scan_id"), step, writer=self._writer)

    def _create_scan(self, scan_id: str, shape: dict[str, Any]) -> None:
        settings = shape.get("settings") or {}
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
            sample_id=self._sample_number(shape.get("sample")),
            queue_id=self._queue_number(shape.get("queue_id")),
            terms=_terms(shape),
            **({"queue_order": shape["position"]} if shape.get("position") is not None else {}),
            writer=self._writer,
        )

    def _sample_number(self, sample: dict[str, Any] | None) -> int | None:
        if not sample or not sample.get("ID"):
            return None
        tags = tuple(sample.get("tags") or sample.get("additional_tags") or ())
        return self._db.samples.take_up(Sample(str(sample["ID"]), sample.get("material") or "", tags)).id

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


def _text(shape: dict[str, Any], key: str) -> str:
    value = shape.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key}: a text is needed")
    return value
