"""What follows when a station comes, comes back in a new life, or is known to have ended."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from database.web.ends import End
from database.web.services import Services
from database.web.stations import StationView
from pybirch.events import InstrumentStatus, QueueLog, QueueStatus, ScanStatus
from pybirch.states import InstrumentState, QueueState

log = logging.getLogger(__name__)


def attach_station(
    parts: Services, name: str, epoch: str, sid: str | None = None, pid: int | None = None, host: str = ""
) -> None:
    """Make `epoch` the station's present life; scans of its earlier one are shown as interrupted.

    Raises:
        StaleWriterError: the epoch is one of the past.
    """
    known = parts.stations.get(name)
    row = parts.db.stations.attach(name, pid=pid, host=host, epoch=epoch)
    parts.stations.attach(name, epoch, sid, pid=pid, host=host)
    if known is None or known.epoch != epoch:
        announce_ended(parts, row.interrupted)
        log_interrupted(parts, row.interrupted)
        announce_queues(parts, name)


def station_exited(parts: Services, end: End) -> bool:
    """A station's process has ended: its scans are interrupted, its instruments disconnected.

    Returns False, and does nothing, when a newer life has begun meanwhile.
    """
    name, epoch = end.station, end.epoch
    row = find_station(parts, name)
    if row is None or row.epoch != epoch:
        return _ended_before_it_came(parts, row, end)
    row = parts.db.stations.detach(name, epoch, end.reason)
    station = parts.stations.exited(name, epoch, in_order=row.ended_in_order, reason=end.reason)
    interrupted = row.interrupted
    announce_ended(parts, interrupted)
    log_interrupted(parts, interrupted)
    announce_queues(parts, name)
    forget_instruments(parts, instruments_of(parts, station))
    return True


def _ended_before_it_came(parts: Services, row: Any, end: End) -> bool:
    """Show a life that ended, with a word on why, before it could attach; False if it is none.

    The record does not hear of it: nothing was run, and how the life before it ended still counts.
    """
    view = parts.stations.get(end.station)
    over = row is not None and end.epoch in row.past_epochs
    if not end.said or over or (view is not None and view.state.is_there):
        return False
    parts.stations.expect(end.station, end.epoch)
    return parts.stations.exited(end.station, end.epoch, reason=end.reason) is not None


def instruments_of(parts: Services, station: StationView | None) -> Iterable[int]:
    """What a station that has gone spoke for; all there are, when nobody else can be speaking for them."""
    if station is not None and station.instruments:
        return station.instruments
    others = [row for row in parts.db.stations.list(limit=1_000) if row.is_attached]
    if others:
        return ()
    shapes = parts.db.equipment.snapshot()
    return [s["instrument_id"] for s in shapes if s["status"] != InstrumentState.DISCONNECTED]


def find_station(parts: Services, name: str) -> Any:
    """The station's row, or None."""
    return parts.db.stations.find(name)


def announce_ended(parts: Services, scan_ids: Iterable[str]) -> None:
    """Say of scans that the record says have ended, and of those believed active, what became of them."""
    for scan_id in dict.fromkeys([*scan_ids, *parts.updates.active_scans()]):
        row = parts.db.scans.find(scan_id)
        if row is None:
            continue
        told = parts.updates.latest_scan(scan_id)
        if row.status.is_finished and (told is None or told.status is not row.status):
            message = row.message or row.error
            parts.updates.publish(
                ScanStatus(scan_id=row.scan_id, status=row.status, progress=row.progress, message=message)
            )


def log_interrupted(parts: Services, scan_ids: Iterable[str]) -> None:
    """Write into the queues' logs what their station could not write any more."""
    for scan_id in scan_ids:
        row = parts.db.scans.find(scan_id)
        if row is None or row.queue is None:
            continue
        text = f"{row.scan_name or row.scan_id} was interrupted: {row.message}"
        line = QueueLog(queue_id=row.queue.queue_id, level="WARNING", message=text, scan_id=row.scan_id)
        parts.db.logs.add(line.queue_id, line.level, line.message, line.scan_id, line.timestamp)
        parts.updates.publish(line)


def announce_queues(parts: Services, station: str) -> None:
    """Say of a station's queues that the record has at rest, and were told to be running, that they are."""
    for row in parts.db.queues.list(station=station, status=QueueState.IDLE, limit=1_000):
        told = parts.updates.latest_queue(row.queue_id)
        if told is not None and told.status is not QueueState.IDLE:
            done, total = parts.db.queues.counts(row.id)
            parts.updates.publish(
                QueueStatus(
                    queue_id=row.queue_id, status=QueueState.IDLE, completed_scans=done, total_scans=total
                )
            )


def forget_instruments(parts: Services, instrument_ids: Iterable[int]) -> None:
    """Show instruments as disconnected, in the record and to everybody."""
    gone = InstrumentState.DISCONNECTED
    names = {shape["instrument_id"]: shape["name"] for shape in parts.db.equipment.snapshot()}
    for number in instrument_ids:
        if number not in names:
            continue
        parts.db.equipment.set_status(number, gone)
        parts.updates.publish(
            InstrumentStatus(instrument_id=number, instrument_name=names[number], status=gone)
        )
