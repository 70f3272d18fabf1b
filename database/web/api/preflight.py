"""What stands in the way of a scan, asked of the station that would run it."""

from __future__ import annotations

from apiflask import APIBlueprint

from database.web.api.commands import station_of
from database.web.api.schemas import PreflightOut
from database.web.identity import require
from database.web.services import services
from database.web.shapes import Shape

bp = APIBlueprint("api_preflight", __name__, tag="Scans")


@bp.get("/scan/<scan_id>/preflight")
@bp.output(PreflightOut)
@bp.doc(responses={404: "No such scan", 503: "No station is connected that could tell"})
def preflight(scan_id: str) -> Shape:
    """Findings before a scan is started: errors, warnings, and an estimate; nothing is moved"""
    parts = services()
    row = parts.db.scans.get(scan_id)
    require("read", row)
    queue_id = row.queue.queue_id if row.queue else None
    answer = parts.stations.command(
        station_of(parts, row), "preflight", queue_id=queue_id, scan_id=row.scan_id
    )
    return {"ok": True, "findings": answer.get("findings", [])}
