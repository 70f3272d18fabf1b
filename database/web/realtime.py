"""The Socket.IO events that clients may send, and what each answers.

Every handler answers `{ok, …}`; room names are made here, after `can`, never taken from a client.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import request
from flask_socketio import join_room, leave_room

from database.web.api.lists import queue_row
from database.web.attachment import attach_station
from database.web.identity import known, require, speaks_for
from database.web.services import services
from database.web.stations import StationState
from pybirch.database_integration.sync.websocket_server import (
    GLOBAL,
    INSTRUMENTS,
    blocks_room,
    instrument_room,
    queue_room,
    scan_room,
)
from pybirch.errors import NotFoundError, PyBirchError

if TYPE_CHECKING:
    from database.models import Scan

log = logging.getLogger(__name__)

Answer = dict[str, Any]
Handler = Callable[[Mapping[str, Any]], Answer]


def sid() -> str:
    """The id of the socket this handler works for."""
    return request.sid  # type: ignore[attr-defined]


def connect(auth: Any = None) -> bool:
    """Take in who is known; put them in `global` if they may read, a station in its own room."""
    try:
        identity = known()
        if identity is None:
            return False
        if isinstance(auth, dict) and auth.get("station"):
            _connect_station(auth)
        for room in identity.rooms:
            join_room(room)
        if identity.may("read"):
            join_room(GLOBAL)
    except Exception as error:
        log.warning("a socket was refused: %s", error)
        return False
    return True


def _connect_station(auth: Mapping[str, Any]) -> None:
    name, epoch = _text(auth, "station"), _text(auth, "epoch")
    speaks_for(name)
    pid = auth.get("pid")
    attach_station(
        services(), name, epoch, sid(), pid if isinstance(pid, int) else None, str(auth.get("host") or "")
    )
    join_room(f"station_{name}")


def disconnect(_reason: Any = None) -> None:
    services().stations.disconnected(sid())


def heartbeat(data: Mapping[str, Any]) -> Answer:
    """A station's sign of life; the answer says `over` when another has taken its place."""
    name = _text(data, "station")
    speaks_for(name)
    station = services().stations.get(name)
    epoch = _text(data, "epoch")
    if station is None or station.sid != sid():
        over = station is not None and station.epoch != epoch
        return {"ok": False, "error": f"This is not the connection of station {name}.", "over": over}
    if station.state is StationState.EXITED and station.epoch == epoch:
        log.warning("station %s was said to have ended, and lives", name)
        attach_station(services(), name, station.epoch, sid(), station.pid, station.host)
    kept = data.get("kept")
    heard = services().stations.heard(name, epoch, sid(), kept if isinstance(kept, int) and kept > 0 else 0)
    return {"ok": heard, "time": time.time(), "server": services().settings.identity}


def subscribe_scan(data: Mapping[str, Any]) -> Answer:
    """Join the scan's room first, then read how far the record is: so nothing falls between."""
    row = _scan(data)
    join_room(blocks_room(row.scan_id) if data.get("blocks") else scan_room(row.scan_id))
    if data.get("blocks"):
        leave_room(scan_room(row.scan_id))
    else:
        leave_room(blocks_room(row.scan_id))
    row = services().db.scans.get(row.scan_id)
    told = services().updates.latest_scan(row.scan_id)
    same = told is not None and told.status == row.status
    last = services().db.readings.last_indexes(row.scan_id)
    answer = {
        "ok": True,
        "scan_id": row.scan_id,
        "status": row.status.value,
        "progress": max(row.progress, told.progress or 0.0) if told and same else row.progress,
        "requested": told.requested if told and same else row.requested,
        "message": row.message or row.error,
        "last": last,
    }
    after = data.get("after")
    if isinstance(after, Mapping):
        answer["missing"] = {name: max(0, index - _index(after.get(name))) for name, index in last.items()}
    return answer


def unsubscribe_scan(data: Mapping[str, Any]) -> Answer:
    row = _scan(data)
    leave_room(scan_room(row.scan_id))
    leave_room(blocks_room(row.scan_id))
    return {"ok": True, "scan_id": row.scan_id}


def subscribe_queue(data: Mapping[str, Any]) -> Answer:
    row = queue_row(_text(data, "queue_id"))
    require("read", row)
    join_room(queue_room(row.queue_id))
    row = queue_row(row.queue_id)
    completed, total = services().db.queues.counts(row.id)
    return {
        "ok": True,
        "queue_id": row.queue_id,
        "status": row.status.value,
        "current_scan": row.current_scan,
        "completed_scans": completed,
        "total_scans": total,
    }


def unsubscribe_queue(data: Mapping[str, Any]) -> Answer:
    row = queue_row(_text(data, "queue_id"))
    leave_room(queue_room(row.queue_id))
    return {"ok": True, "queue_id": row.queue_id}


def subscribe_instruments(_data: Mapping[str, Any]) -> Answer:
    require("read")
    join_room(INSTRUMENTS)
    return {"ok": True, "instruments": services().db.equipment.snapshot()}


def unsubscribe_instruments(_data: Mapping[str, Any]) -> Answer:
    leave_room(INSTRUMENTS)
    return {"ok": True}


def subscribe_instrument(data: Mapping[str, Any]) -> Answer:
    shape = _instrument(data)
    join_room(instrument_room(shape["instrument_id"]))
    return {"ok": True, **shape}


def unsubscribe_instrument(data: Mapping[str, Any]) -> Answer:
    shape = _instrument(data)
    leave_room(instrument_room(shape["instrument_id"]))
    return {"ok": True, "instrument_id": shape["instrument_id"]}


HANDLERS: dict[str, Handler] = {
    handler.__name__: handler
    for handler in (
        heartbeat,
        subscribe_scan,
        unsubscribe_scan,
        subscribe_queue,
        unsubscribe_queue,
        subscribe_instruments,
        unsubscribe_instruments,
        subscribe_instrument,
        unsubscribe_instrument,
    )
}


def init_realtime(sockets: Any) -> None:
    """Register every handler, once, for each event's name."""
    sockets.on_event("connect", connect)
    sockets.on_event("disconnect", disconnect)
    for name, handler in HANDLERS.items():
        sockets.on_event(name, _answering(name, handler))


def _answering(name: str, handler: Handler) -> Callable[..., Answer]:
    """The handler, its errors turned into answers; the unknown get one answer for everything."""

    def answer(data: Any = None, *_more: Any) -> Answer:
        if known() is None:
            return {"ok": False, "error": "Sign in first."}
        try:
            return handler(data if isinstance(data, Mapping) else {})
        except (PyBirchError, ValueError) as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:
            description = getattr(error, "description", None)
            if description is None:
                log.exception("%s failed", name)
            return {"ok": False, "error": description or "The server could not do that; see its log."}

    return answer


def _scan(data: Mapping[str, Any]) -> Scan:
    row = services().db.scans.get(_text(data, "scan_id"))
    require("read", row)
    return row


def _instrument(data: Mapping[str, Any]) -> dict[str, Any]:
    number = _index(data.get("instrument_id"))
    for shape in services().db.equipment.snapshot():
        if shape["instrument_id"] == number:
            require("read", shape)
            return shape
    raise NotFoundError(f"There is no instrument {data.get('instrument_id')!r}.")


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value) or len(str(value)) > 255:
        raise ValueError(f"{key}: a text is needed")
    return str(value)


def _index(value: Any) -> int:
    """An index a client gives; anything that is none counts as "nothing yet"."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
