"""The pages of samples and equipment."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import render_template

from database.web.api.lab import equipment_page, sample_page
from database.web.identity import needs

bp = APIBlueprint("lab", __name__, enable_openapi=False)


@bp.get("/samples")
@needs("read")
def samples() -> str:
    return render_template("samples.html", page="samples", initial=sample_page())


@bp.get("/equipment")
@needs("read")
def equipment() -> str:
    return render_template("equipment.html", page="equipment", initial=equipment_page())
