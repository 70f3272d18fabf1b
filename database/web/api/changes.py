"""What changed between two scans."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.web.api.schemas import page_of
from database.web.api.template_schemas import ChangesOut, ChangesQuery, ConditionsOut
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import Shape, moment, scan_shape

bp = APIBlueprint("api_changes", __name__, tag="Scans")

MOST_OTHERS = 50
"""Scans that a page offers to compare with."""


@bp.get("/scan/<scan_id>/changes")
@bp.input(ChangesQuery, location="query", arg_name="query")
@bp.output(ChangesOut)
@bp.doc(responses={404: "No such scan"})
@needs("read")
def changes(scan_id: str, query: dict[str, Any]) -> Shape:
    """What is different in a scan since another one, or since the last good one of its name"""
    return changes_of(scan_id, query["since"])


@bp.get("/scan/<scan_id>/conditions")
@bp.output(page_of(ConditionsOut))
@bp.doc(responses={404: "No such scan"})
@needs("read")
def conditions(scan_id: str) -> Shape:
    """What a scan ran under, at its start and where it went on; none for scans of older versions"""
    row = services().db.scans.get(scan_id)
    require("read", row)
    items = [
        {"at": moment(one.taken_at), "why": one.why, "conditions": one.conditions}
        for one in services().db.conditions.of(row.id)
    ]
    return {"items": items, "total": len(items)}


def changes_of(scan_id: str, since: str) -> Shape:
    """The scan, the one it is compared with, and what is different."""
    parts = services()
    row = parts.db.scans.get(scan_id)
    require("read", row)
    other, found = parts.db.scans.changes(row.id, since or None)
    require("read", other)
    return {
        "scan": scan_shape(row, parts.updates),
        "since": scan_shape(other, parts.updates) if other is not None else None,
    } | found.as_json()


def others_of(scan_id: str) -> list[Shape]:
    """Good scans it may be compared with, the last first."""
    return [scan_shape(row) for row in services().db.scans.good_before(scan_id, MOST_OTHERS)]
