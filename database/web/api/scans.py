"""Scans."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.web.api import lists
from database.web.api.schemas import ScanOut, ScanQuery, WholeScanOut, page_of
from database.web.identity import needs, require
from database.web.services import services
from database.web.shapes import Shape, whole_scan_shape
from pybirch.errors import FieldError
from pybirch.states import ScanState

bp = APIBlueprint("api_scans", __name__, tag="Scans")


@bp.get("/scans")
@bp.input(ScanQuery, location="query", arg_name="query")
@bp.output(page_of(ScanOut))
@needs("read")
def scans(query: dict[str, Any]) -> Shape:
    """A page of scans, newest first"""
    return lists.scans(**wanted(query))


def wanted(query: dict[str, Any]) -> dict[str, Any]:
    """The query with its states as such."""
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
    row = services().db.scans.get(scan_id)
    require("read", row)
    return whole_scan_shape(services().db, row, services().updates)
