"""The pages of instruments."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import render_template

from database.web.api import lists
from database.web.identity import needs, require
from pybirch.errors import NotFoundError

bp = APIBlueprint("instruments", __name__, enable_openapi=False, url_prefix="/instruments")


@bp.get("")
@needs("read")
def index() -> str:
    return render_template("instruments.html", page="instruments", initial=lists.instruments())


@bp.get("/<int:instrument_id>")
@needs("read")
def detail(instrument_id: int) -> str:
    shape = next((s for s in lists.instruments() if s["instrument_id"] == instrument_id), None)
    if shape is None:
        raise NotFoundError(f"There is no instrument {instrument_id}.")
    require("read", shape)
    return render_template(
        "instrument_detail.html", page="instruments", instrument_id=instrument_id, initial=shape
    )
