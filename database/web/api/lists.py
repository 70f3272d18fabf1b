"""What both the API and the pages' first JSON are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, request

from database.web.identity import me
from database.web.services import services
from database.web.shapes import Shape, queue_shape, scan_shape, whole_queue_shape
from database.web.stations import StationState, StationView, status_payload
from pybirch.errors import NotFoundError
from pybirch.events import utc_now
from pybirch.states import ScanState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from database.models import Queue, Station

LATEST_SCANS = 10
MOST_IN_OVERVIEW = 100
COLUMNS = {"name": "scan_name", "project": "project_name", "tags": "additional_tags"}
"""What scans are sorted by: names of their shape that are called otherwise in the record."""


def lab_name() -> str:
    """The name of the lab, as its first record has it."""
    rows = services().db.labs.list(limit=1)
    return rows[0].name if rows else "Laboratory"


def overview() -> Shape:
    """What runs now."""
    db, updates = services().db, services().updates
    running = (ScanState.RUNNING, ScanState.PAUSED)
    rows = db.scans.list(state=running, limit=MOST_IN_OVERVIEW) or db.scans.list(limit=LATEST_SCANS)
    who = me()
    return {
        "lab": {"name": lab_name()},
        "user": {"username": who.username, "role": who.role},
        "queues": queues(limit=MOST_IN_OVERVIEW, offset=0)["items"],
        "scans": [scan_shape(row, updates) for row in rows],
        "instruments": instruments(),
        "stations": stations(),
        "now": utc_now(),
    }


def scans(limit: int, offset: int, **filters: Any) -> Shape:
    db = services().db
    sort = str(filters.pop("sort", None) or "")
    falling, name = sort.startswith("-"), sort.removeprefix("-")
    order = ("-" if falling else "") + COLUMNS.get(name, name) or None
    rows = db.scans.list(limit=limit, offset=offset, sort=order, **filters)
    return {
        "items": [scan_shape(row, services().updates) for row in rows],
        "total": db.scans.count(**filters),
    }


def queues(limit: int, offset: int) -> Shape:
    """A page of queues, each with how far it is."""
    db = services().db
    rows = db.queues.list(limit=limit, offset=offset, sort="-created_at")
    tallies = db.queues.tallies_of([row.id for row in rows])
    return {"items": [queue_shape(row, tallies[row.id]) for row in rows], "total": db.queues.count()}


def queue_row(queue_id: str) -> Queue:
    """The queue without its log, which may be long.

    Raises:
        NotFoundError: there is none.
    """
    rows = services().db.queues.list(queue_id=queue_id, limit=1, archived=True)
    if not rows:
        raise NotFoundError(f"There is no queue {queue_id!r}.")
    return rows[0]


def whole_queue(row: Queue) -> Shape:
    """A queue with its scans in order."""
    db = services().db
    members = db.scans.list(queue_id=row.id, limit=1_000)
    return whole_queue_shape(row, db.queues.tallies_of([row.id])[row.id], members, services().updates)


def instruments() -> list[Shape]:
    """Every instrument; those of a station that is gone are shown as they were left."""
    return services().db.equipment.snapshot()


def stations() -> list[Shape]:
    """Every station of the record, with what the server hears of it now; and those it only heard of."""
    parts = services()
    by_station: dict[str, list[str]] = {}
    for row in parts.db.queues.list(limit=1_000):
        by_station.setdefault(row.station or "", []).append(row.queue_id)
    live = {view.name: view for view in parts.stations.all()}
    rows = {row.name: row for row in parts.db.stations.list(limit=1_000)}
    views = [live.get(name) or _view_of(row) for name, row in rows.items()]
    views += [view for name, view in live.items() if name not in rows]
    return [_station_shape(view, rows.get(view.name), live, by_station) for view in views]


def _view_of(row: Station) -> StationView:
    """A station that only the record knows."""
    state = StationState.NONE if row.is_attached or row.ended_in_order else StationState.EXITED
    reason = row.detach_reason or ""
    return StationView(row.name, row.epoch, state, pid=row.pid, host=row.host, reason=reason)


def _station_shape(
    view: StationView,
    row: Station | None,
    live: Mapping[str, StationView],
    by_station: Mapping[str, list[str]],
) -> Shape:
    told = status_payload(view)
    return {
        "name": view.name,
        "state": view.state.value,
        "last_heard": told["last_heard"] if view.name in live else None,
        "epoch": view.epoch,
        "reason": told["reason"],
        "pid": view.pid or (row.pid if row else None),
        "host": view.host or (row.host if row else ""),
        "queues": by_station.get(view.name, []),
    }


def server_url() -> str:
    """The address people reach the server by: that of this request, else of the settings."""
    told = current_app.config.get("PUBLIC_URL")
    return str(told or request.host_url).rstrip("/")
