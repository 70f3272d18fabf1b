"""The pages of scans."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import render_template

from database.web.api import lists
from database.web.api.changes import changes_of, others_of
from database.web.api.scans import scan_row, wanted, whole
from database.web.api.schemas import ScanQuery
from database.web.api.template_schemas import ChangesQuery
from database.web.identity import needs
from database.web.routes.lab import only
from pybirch.export.formats import FORMATS

bp = APIBlueprint("scans", __name__, enable_openapi=False, url_prefix="/scans")


@bp.get("")
@bp.input(ScanQuery(unknown="exclude"), location="query", arg_name="query")
@needs("read")
def index(query: dict[str, Any]) -> str:
    limited = {"only": only(query), "initial": lists.scans(**wanted(query))}
    return render_template("scans.html", page="scans", **limited)


@bp.get("/<scan_id>")
@needs("read")
def detail(scan_id: str) -> str:
    row = scan_row(scan_id, "read")
    return render_template(
        "scan_detail.html", page="scans", scan_id=row.scan_id, initial=whole(row), formats=FORMATS.values()
    )


@bp.get("/<scan_id>/changes")
@bp.input(ChangesQuery(unknown="exclude"), location="query", arg_name="query")
@needs("read")
def changes(scan_id: str, query: dict[str, Any]) -> str:
    initial = changes_of(scan_id, query["since"])
    initial["others"] = others_of(initial["scan"]["scan_id"])
    return render_template("scan_changes.html", page="scans", scan_id=scan_id, initial=initial)
