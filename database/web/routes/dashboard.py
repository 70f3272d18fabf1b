"""The dashboard."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import render_template

from database.web.api import lists
from database.web.identity import needs

bp = APIBlueprint("dashboard", __name__, enable_openapi=False)


@bp.get("/")
@needs("read")
def index() -> str:
    return render_template("index.html", page="dashboard", initial=lists.overview())
