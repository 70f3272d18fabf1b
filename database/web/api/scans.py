"""Scans."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.models import Scan
from database.web.api import lists
from database.web.api.schemas import ScanOut, ScanQuery, WholeScanOut, page_of
from database.web.identity import Action, me, needs, require
from database.web.services import services
from database.web.shapes import Shape, whole_scan_shape
from pybirch.errors import FieldError, IllegalTransitionError
from pybirch.states import TRANSITIONS, ScanState

bp = APIBlueprint("api_scans", __name__, tag="Scans")


@bp.get("/scans")
@bp.input(ScanQuery, location="query", arg_name="query")
@bp.output(page_of(ScanOut))
@needs("read")
def scans(query: dict[str, Any]) -> Shape:
    """A page of scans, newest first"""
    return lists.scans(**wanted(query))


NAMES = {"project": "project_name", "owner": "owner", "sample": "sample_id"}
"""What scans are filtered by, as the record calls it."""
OPTIONAL = ("search", "queue_id", "sort", "since", "until")


def wanted(query: dict[str, Any]) -> dict[str, Any]:
    """The query as the record takes it: with states as such, and without what is left empty."""
    query = {name: value for name, value in query.items() if value != "" or name not in (*NAMES, *OPTIONAL)}
    query = {NAMES.get(name, name): value for name, value in query.items()}
    if "sample_id" in query:
        sample = services().db.samples.find(query["sample_id"])
        query["sample_id"] = sample.id if sample else 0  # of a sample nobody knows there are no scans
    if "project_id" in query:
        query["of_project"] = services().db.projects.get(query.pop("project_id"))
    texts = [text.strip() for text in (query.pop("state", None) or "").split(",") if text.strip()]
    try:
        states = [ScanState(text) for text in texts]
    except ValueError as error:
        raise FieldError("state", f"{error}; known are {', '.join(ScanState)}") from None
    if states:
        query["state"] = states[0] if len(states) == 1 else states
    return query


@bp.get("/scan/<scan_id>")
@bp.output(WholeScanOut)
@needs("read")
def scan(scan_id: str) -> Shape:
    """A scan with its settings and measurements"""
    return whole(scan_row(scan_id, "read"))


@bp.post("/scan/<scan_id>/archive")
@bp.output(WholeScanOut)
@bp.doc(responses={409: "It has not ended"})
@needs("operate")
def archive(scan_id: str) -> Shape:
    """Take a scan that has ended out of the lists; all of it stays in the record"""
    row = scan_row(scan_id, "operate")
    _require_ended(row)
    services().db.scans.archive(row.id)
    return done("archive_scan", row)


@bp.post("/scan/<scan_id>/restore")
@bp.output(WholeScanOut)
@bp.doc(responses={409: "It has not ended"})
@needs("operate")
def restore(scan_id: str) -> Shape:
    """Take an archived scan back into the lists"""
    row = scan_row(scan_id, "operate")
    _require_ended(row)
    services().db.scans.update(row.id, archived_at=None)
    return done("restore_scan", row)


def scan_row(scan_id: str, action: Action) -> Scan:
    """That scan, if who asks may do that to it.

    Raises:
        NotFoundError: there is none.
        Forbidden: they may not.
    """
    row = services().db.scans.get(scan_id)
    require(action, row)
    return row


def whole(row: Scan) -> Shape:
    return whole_scan_shape(services().db, row, services().updates)


def done(action: str, row: Scan) -> Shape:
    """Note it, and show the scan as it is now."""
    services().audit.note(me(), action, f"scan:{row.scan_id}")
    return whole(services().db.scans.get(row.id))


def _require_ended(row: Scan) -> None:
    """Whether it may leave the lists or come back: what a queue goes on with is not hidden from it.

    Raises:
        IllegalTransitionError: it has not ended.
    """
    left = row.status is ScanState.INTERRUPTED and (row.terms or {}).get("left")
    if TRANSITIONS[row.status] and not left:
        raise IllegalTransitionError(f"{row.scan_name or row.scan_id} is {row.status}; it must end first")
