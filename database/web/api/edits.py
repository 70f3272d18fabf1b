"""What people change in a queue: sent to its station, which has the queue and says what became of it."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.web.api import lists
from database.web.api.commands import COMMAND_ERRORS, after_queue_command, on_scan
from database.web.api.schemas import (
    DuplicateIn,
    GroupIn,
    MoveIn,
    PolicyIn,
    QueueCommandOut,
    RemoveIn,
    ScanCommandOut,
    TermsIn,
)
from database.web.identity import me, needs, require
from database.web.services import services
from database.web.shapes import Shape

bp = APIBlueprint("api_edits", __name__, tag="Editing a queue")

_ERRORS = COMMAND_ERRORS | {
    400: "A value is wrong; names the field",
    409: "Refused, or somebody has edited the queue since; nothing was done",
}


@bp.post("/queue/<queue_id>/move")
@bp.input(MoveIn, arg_name="body")
@bp.output(QueueCommandOut)
@bp.doc(responses=_ERRORS)
@needs("operate")
def move(queue_id: str, body: dict[str, Any]) -> Shape:
    """Move a scan before another, or to the end"""
    return _edit(queue_id, "move", body)


@bp.post("/queue/<queue_id>/remove")
@bp.input(RemoveIn, arg_name="body")
@bp.output(QueueCommandOut)
@bp.doc(responses=_ERRORS)
@needs("operate")
def remove(queue_id: str, body: dict[str, Any]) -> Shape:
    """Take a scan out of the queue; what it measured is kept"""
    return _edit(queue_id, "remove", body)


@bp.post("/queue/<queue_id>/terms")
@bp.input(TermsIn, arg_name="body")
@bp.output(QueueCommandOut)
@bp.doc(responses=_ERRORS)
@needs("operate")
def terms(queue_id: str, body: dict[str, Any]) -> Shape:
    """Change how urgent a queued scan is, not before when, after what, or how often it runs"""
    return _edit(queue_id, "terms", body)


@bp.post("/queue/<queue_id>/group")
@bp.input(GroupIn, arg_name="body")
@bp.output(QueueCommandOut)
@bp.doc(responses=_ERRORS)
@needs("operate")
def group(queue_id: str, body: dict[str, Any]) -> Shape:
    """Make queued scans a group that is run once, several times or until it is stopped"""
    return _edit(queue_id, "group", body)


@bp.post("/queue/<queue_id>/duplicate")
@bp.input(DuplicateIn, arg_name="body")
@bp.output(QueueCommandOut)
@bp.doc(responses=_ERRORS)
@needs("operate")
def duplicate(queue_id: str, body: dict[str, Any]) -> Shape:
    """Queue a new scan with the settings of another, some of them changed"""
    return _edit(queue_id, "duplicate", body)


@bp.post("/queue/<queue_id>/policy")
@bp.input(PolicyIn, arg_name="body")
@bp.output(QueueCommandOut)
@bp.doc(responses=_ERRORS)
@needs("operate")
def policy(queue_id: str, body: dict[str, Any]) -> Shape:
    """Change what the queue does by itself"""
    return _edit(queue_id, "policy", body)


@bp.post("/scan/<scan_id>/leave")
@bp.output(ScanCommandOut)
@bp.doc(responses=_ERRORS)
@needs("operate")
def leave(scan_id: str) -> Shape:
    """Let an interrupted scan be as it is; nobody is asked about it any more"""
    return on_scan(scan_id, "leave")


def _edit(queue_id: str, action: str, body: dict[str, Any]) -> Shape:
    parts = services()
    row = lists.queue_row(queue_id)
    require("operate", row)
    # `before: null` says something; what is missing is left out
    given = {"edit": body}
    answer = parts.stations.command(row.station, action, queue_id=row.queue_id, by=me().username, **given)
    scan_id = body.get("scan_id")
    parts.audit.note(me().username, action, f"queue:{row.queue_id}", scan_id=scan_id)
    queue = after_queue_command(lists.whole_queue(lists.queue_row(row.queue_id)), answer)
    return {"ok": True, "command_id": answer["command_id"], "queue": queue}
