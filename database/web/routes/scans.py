"""The pages of scans."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import render_template

from database.web.api import lists
from database.web.api.scans import wanted
from database.web.api.schemas import ScanQuery
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import whole_scan_shape

bp = APIBlueprint("scans", __name__, enable_openapi=False, url_prefix="/scans")


@bp.get("")
@bp.input(ScanQuery(unknown="exclude"), location="query", arg_name="query")
@needs("read")
def index(query: dict[str, Any]) -> str:
    return render_template("scans.html", page="scans", initial=lists.scans(**wanted(query)))


@bp.get("/<scan_id>")
@needs("read")
def detail(scan_id: str) -> str:
    parts = services()
    row = parts.db.scans.get(scan_id)
    require("read", row)
    initial = whole_scan_shape(parts.db, row, parts.updates)
    return render_template("scan_detail.html", page="scans", scan_id=row.scan_id, initial=initial)
