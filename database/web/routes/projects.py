"""The pages of projects."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import render_template

from database.models import ProjectStatus
from database.web.api.project_schemas import ProjectQuery
from database.web.api.projects import project_page, project_row, shown
from database.web.identity import needs
from database.web.routes.lab import first

bp = APIBlueprint("projects", __name__, enable_openapi=False, url_prefix="/projects")


@bp.get("")
@bp.input(ProjectQuery(unknown="exclude"), location="query", arg_name="query")
@needs("read")
def index(query: dict[str, Any]) -> str:
    initial = project_page(**first(query))
    return render_template("projects.html", page="projects", statuses=ProjectStatus, initial=initial)


@bp.get("/<int:number>")
@needs("read")
def detail(number: int) -> str:
    initial = shown(project_row(number, "read"))
    return render_template("project_detail.html", page="projects", initial=initial)
