"""The pages of samples and equipment."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import render_template

from database.web.api.equipment import equipment_page, equipment_row
from database.web.api.lab_schemas import EquipmentQuery, SampleQuery
from database.web.api.samples import sample_page, sample_row
from database.web.identity import needs
from database.web.lab_shapes import whole_equipment, whole_sample
from database.web.services import services

bp = APIBlueprint("lab", __name__, enable_openapi=False)

PAGE = 50
"""Rows of a list's first paint, as many as the page asks for itself."""


@bp.get("/samples")
@bp.input(SampleQuery(unknown="exclude"), location="query", arg_name="query")
@needs("read")
def samples(query: dict[str, Any]) -> str:
    tags, chosen = services().db.samples.tags(), query.get("tag")
    initial = sample_page(**first(query))
    limited = {"only": only(query), "initial": initial}
    return render_template("samples.html", page="samples", tags=tags, chosen=chosen, **limited)


@bp.get("/samples/<int:number>")
@needs("read")
def sample(number: int) -> str:
    initial = whole_sample(services().db, sample_row(number, "read"))
    return render_template("sample_detail.html", page="samples", initial=initial)


@bp.get("/equipment")
@bp.input(EquipmentQuery(unknown="exclude"), location="query", arg_name="query")
@needs("read")
def equipment(query: dict[str, Any]) -> str:
    return render_template("equipment.html", page="equipment", initial=equipment_page(**first(query)))


@bp.get("/equipment/<int:number>")
@needs("read")
def equipment_detail(number: int) -> str:
    initial = whole_equipment(services().db, equipment_row(number, "read"))
    return render_template("equipment_detail.html", page="equipment", initial=initial)


def only(query: dict[str, Any]) -> dict[str, str] | None:
    """The project or sample that a list is limited to."""
    db = services().db
    if "project_id" in query:
        project = db.projects.get(query["project_id"])
        return {"noun": "project", "name": project.name, "href": f"/projects/{project.id}"}
    if "sample_id" in query:
        sample = db.samples.get(query["sample_id"])
        return {"noun": "sample", "name": sample.sample_id, "href": f"/samples/{sample.id}"}
    return None


def first(query: dict[str, Any]) -> dict[str, Any]:
    return query | {"limit": PAGE}
