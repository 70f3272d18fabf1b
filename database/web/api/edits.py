"""What people change in a queue: sent to its station, which has the queue and says what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apiflask import APIBlueprint

from database.services.belonging import refuse_archived
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
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import Shape

if TYPE_CHECKING:
    from database.models import Project, Queue

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
    who = require("operate", _projects(row, body))
    # `before: null` says something; what is missing is left out
    given = {"edit": body}
    with parts.audit.acting(who, action, f"queue:{row.queue_id}", **_noted(body)):
        if action == "duplicate":
            _check_duplicate(body)
        answer = parts.stations.command(row.station, action, queue_id=row.queue_id, by=who.username, **given)
    queue = after_queue_command(lists.whole_queue(lists.queue_row(row.queue_id)), answer)
    return {"ok": True, "command_id": answer["command_id"], "queue": queue}


def _projects(row: Queue, body: dict[str, Any]) -> tuple[Project, ...]:
    """What the edit is about: the projects of the scans it names, else those of the whole queue; and
    that which a new scan is to be for."""
    db = services().db
    named = body.get("scan_ids") or [body.get("scan_id")]
    scans = db.scans.list(scan_id=[key for key in named if key is not None], archived=True, limit=1_000)
    found = [project for thing in scans or [row] for project in db.projects.of(thing)]
    return (*found, *db.projects.called(_new_name(body)))


def _new_name(body: dict[str, Any]) -> Any:
    return (body.get("settings") or {}).get("project_name")


def _check_duplicate(body: dict[str, Any]) -> None:
    """Whether a new scan may be made for the project it is to be for, and of the sample.

    Raises:
        ArchivedError: one of them is archived.
    """
    db, name = services().db, _new_name(body)
    for project in db.projects.called(name):
        refuse_archived(project, "project_name")
    row = db.scans.find(body["scan_id"])
    if row is not None:
        db.scans.check_beginning(row, sample_only=name is not None)


def _noted(body: dict[str, Any]) -> dict[str, Any]:
    """What the audit trail keeps of an edit; of new settings, which were changed."""
    noted = {key: value for key, value in body.items() if key != "revision" and value is not None}
    if "settings" in noted:
        noted["settings"] = sorted(noted["settings"])
    return noted
