"""What runs now."""

from __future__ import annotations

from apiflask import APIBlueprint

from database.web.api import lists
from database.web.api.schemas import OverviewOut
from database.web.identity import needs
from database.web.shapes import Shape

bp = APIBlueprint("api_overview", __name__, tag="Overview")


@bp.get("/overview")
@bp.output(OverviewOut)
@needs("read")
def overview() -> Shape:
    """Queues, scans that run (or the last ten), instruments and stations"""
    return lists.overview()
