"""What people may tell queues and scans to do: sent to their station, answered with what came of it."""

from __future__ import annotations

from typing import Any, Literal, get_args

from apiflask import APIBlueprint
from werkzeug.exceptions import NotFound

from database.web.api import lists
from database.web.api.schemas import CommandIn, QueueCommandOut, RewindIn, ScanCommandOut
from database.web.identity import needs, require
from database.web.services import Services, services
from database.web.shapes import Shape, scan_shape

bp = APIBlueprint("api_commands", __name__, tag="Commands")

QueueAction = Literal["start", "pause", "resume", "abort", "stop"]
ScanAction = Literal["pause", "resume", "abort", "restart"]
BEGINNING = frozenset({"start", "resume", "restart"})
"""For members of the scan's project, and not for what is archived."""
ENDING = frozenset({"pause", "abort", "stop"})
"""For every operator: who sees that something goes wrong need not belong to it."""
COMMAND_ERRORS = {
    403: "Only members of the project may",
    404: "No such queue or scan",
    409: "The station refused, with its reason; or a project or sample is archived",
    503: "No station is connected; nothing was done",
    504: "No answer in time; the outcome is unknown",
}


@bp.post("/queue/<queue_id>/<any(start, pause, resume, abort, stop):action>")
@bp.input(CommandIn, arg_name="body")
@bp.output(QueueCommandOut)
@bp.doc(responses=COMMAND_ERRORS)
@needs("operate")
def queue_command(queue_id: str, action: str, body: dict[str, Any]) -> Shape:
    """Start, pause, resume, abort or stop a queue, or one scan of it"""
    known_action(action, QueueAction)
    parts = services()
    row = lists.queue_row(queue_id)
    thing = parts.db.scans.get(body["scan_id"]) if body["scan_id"] is not None else row
    who = require("operate", thing if action in BEGINNING else None)
    with parts.audit.acting(who, action, f"queue:{row.queue_id}", scan_id=body["scan_id"], why=body["why"]):
        if action in BEGINNING:
            parts.db.scans.check_beginning(thing)
        answer = parts.stations.command(
            row.station,
            action,
            queue_id=row.queue_id,
            scan_id=body["scan_id"],
            mode=body["mode"],
            by=who.username,
            why=body["why"],
        )
    queue = after_queue_command(lists.whole_queue(lists.queue_row(row.queue_id)), answer)
    return {"ok": True, "command_id": answer["command_id"], "queue": queue}


@bp.post("/scan/<scan_id>/<any(pause, resume, abort, restart):action>")
@bp.output(ScanCommandOut)
@bp.doc(responses=COMMAND_ERRORS)
@needs("operate")
def scan_command(scan_id: str, action: str) -> Shape:
    """Pause, resume or abort a scan, or run it again as a new one"""
    known_action(action, ScanAction)
    return on_scan(scan_id, action)


@bp.post("/scan/<scan_id>/rewind")
@bp.input(RewindIn, arg_name="body")
@bp.output(ScanCommandOut)
@bp.doc(responses=COMMAND_ERRORS)
@needs("operate")
def rewind_scan(scan_id: str, body: dict[str, Any]) -> Shape:
    """Have a running or paused scan go back and measure again from a step on"""
    return on_scan(scan_id, "rewind", step=body["step"], why=body["why"])


def on_scan(scan_id: str, action: str, **what: Any) -> Shape:
    """Send it to the scan's station; the scan as the station left it."""
    parts = services()
    row = parts.db.scans.get(scan_id)
    who = require("operate", row if action not in ENDING else None)
    noted = {key: value for key, value in what.items() if value is not None}
    with parts.audit.acting(who, action, f"scan:{row.scan_id}", **noted):
        if action in BEGINNING:
            parts.db.scans.check_beginning(row)
        answer = parts.stations.command(
            station_of(parts, row),
            action,
            queue_id=row.queue.queue_id if row.queue else None,
            scan_id=row.scan_id,
            by=who.username,
            **what,
        )
    shape = after_scan_command(parts, row, answer)
    return {"ok": True, "command_id": answer["command_id"], "scan": shape}


def known_action(action: str, known: Any) -> None:
    if action not in get_args(known):
        raise NotFound


def station_of(parts: Services, row: Any) -> str | None:
    """The station that runs the scan: its queue's, else the one that writes it."""
    if row.queue and row.queue.station:
        return row.queue.station
    return (row.writer or "").partition(":")[0] or None


def after_queue_command(queue: Shape, answer: dict[str, Any]) -> Shape:
    """The record's queue with the states as the station has just told them."""
    told = answer.get("queue") or {}
    scans = {scan["scan_id"]: scan for scan in [*(told.get("scans") or ()), answer.get("scan") or {}] if scan}
    queue |= {key: told[key] for key in ("status", "current_scan") if key in told}
    queue["scans"] = [newer(shape, scans.get(shape["scan_id"])) for shape in queue["scans"]]
    return queue


def after_scan_command(parts: Services, row: Any, answer: dict[str, Any]) -> Shape:
    """The scan as the station left it; after `restart` the new scan."""
    told = answer.get("scan") or {}
    scan_id = str(told.get("scan_id") or row.scan_id)
    found = parts.db.scans.find(scan_id)
    shape = scan_shape(found or row, parts.updates)
    return newer(shape if found else shape | {"scan_id": scan_id, "restarted_from": row.scan_id}, told)


def newer(shape: Shape, told: dict[str, Any] | None) -> Shape:
    """The record's shape with the states that the station told."""
    return shape | {key: told[key] for key in ("status", "requested", "progress") if told and key in told}
