"""The audit trail, for administrators."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.web.api.schemas import AuditOut, AuditQuery, page_of
from database.web.identity import needs
from database.web.services import services
from database.web.shapes import Shape, audit_shape

bp = APIBlueprint("api_audit", __name__, tag="Lab")


@bp.get("/audit")
@bp.input(AuditQuery, location="query", arg_name="query")
@bp.output(page_of(AuditOut))
@bp.doc(responses={403: "Only administrators read it"})
@needs("administer")
def audit(query: dict[str, Any]) -> Shape:
    """A page of who did what from where, newest first"""
    page = {name: query.pop(name) for name in ("limit", "offset")}
    wanted = {name: value for name, value in query.items() if value}
    trail = services().db.audit
    rows = trail.list(sort="-id", **page, **wanted)
    return {"items": [audit_shape(row) for row in rows], "total": trail.count(**wanted)}
