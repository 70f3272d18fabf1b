"""The pages of templates."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from database.web.api.template_schemas import TemplateQuery
from database.web.api.templates import KIND, template_page, whole_template
from database.web.identity import needs
from database.web.routes.lab import first

bp = APIBlueprint("templates", __name__, enable_openapi=False, url_prefix="/templates")


@bp.get("")
@needs("read")
def index() -> Response:
    return redirect(url_for("templates.of_kind", kind="scans"))


@bp.get(f"/{KIND}")
@bp.input(TemplateQuery(unknown="exclude"), location="query", arg_name="query")
@needs("read")
def of_kind(kind: str, query: dict[str, Any]) -> str:
    initial = template_page(kind, **first(query))
    return render_template("templates.html", page="templates", kind=kind, initial=initial)


@bp.get(f"/{KIND}/<int:number>")
@needs("read")
def detail(kind: str, number: int) -> str:
    initial = whole_template(kind, number)
    return render_template("template_detail.html", page="templates", kind=kind, initial=initial)
