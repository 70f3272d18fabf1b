"""Instruments."""

from __future__ import annotations

from apiflask import APIBlueprint

from database.web.api import lists
from database.web.api.schemas import InstrumentListOut
from database.web.identity import needs
from database.web.shapes import Shape

bp = APIBlueprint("api_instruments", __name__, tag="Instruments")


@bp.get("/instruments/status")
@bp.output(InstrumentListOut(many=True))
@needs("read")
def status() -> list[Shape]:
    """Every instrument, its state, position and value"""
    return lists.instruments()
