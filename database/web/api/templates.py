"""Templates: scans and queues kept to be run again."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.models import Project
from database.services.belonging import refuse_archived
from database.web.api import lists
from database.web.api.commands import COMMAND_ERRORS, after_queue_command
from database.web.api.schemas import page_of
from database.web.api.template_schemas import (
    AddIn,
    AddOut,
    ArchiveIn,
    TemplateChangeIn,
    TemplateIn,
    TemplateOut,
    TemplateQuery,
    VersionQuery,
    WholeTemplateOut,
)
from database.web.identity import me, needs, require
from database.web.services import services
from database.web.shapes import Shape, moment
from pybirch.errors import FieldError

bp = APIBlueprint("api_templates", __name__, tag="Templates")

_WRONG = {400: "A value is wrong; names the field", 404: "No such template"}
KIND = "<any(scans, queues):kind>"


@bp.get(f"/templates/{KIND}")
@bp.input(TemplateQuery, location="query", arg_name="query")
@bp.output(page_of(TemplateOut))
@needs("read")
def templates(kind: str, query: dict[str, Any]) -> Shape:
    """A page of templates"""
    return template_page(kind, **query)


@bp.post(f"/templates/{KIND}")
@bp.input(TemplateIn, arg_name="body")
@bp.output(WholeTemplateOut)
@bp.doc(responses=_WRONG)
@needs("operate")
def save(kind: str, body: dict[str, Any]) -> Shape:
    """Keep a stored scan or queue, or settings, as a template"""
    require("operate")
    row = _kept(kind).save(
        body["name"],
        _source(body),
        description=body["description"],
        owner=me().username,
        changes=body["changes"],
    )
    _note("save_template", kind, row)
    return whole_template_shape(kind, row)


@bp.get(f"/templates/{KIND}/<int:template_id>")
@bp.input(VersionQuery, location="query", arg_name="query")
@bp.output(WholeTemplateOut)
@bp.doc(responses=_WRONG)
@needs("read")
def template(kind: str, template_id: int, query: dict[str, Any]) -> Shape:
    """A template with its settings, or those of an earlier version"""
    return whole_template(kind, template_id, query["version"])


@bp.post(f"/templates/{KIND}/<int:template_id>/change")
@bp.input(TemplateChangeIn, arg_name="body")
@bp.output(WholeTemplateOut)
@bp.doc(responses=_WRONG)
@needs("operate")
def change(kind: str, template_id: int, body: dict[str, Any]) -> Shape:
    """Change a template; where its settings become others, the earlier version is kept"""
    require("operate")
    source = None if body["source"] is None and body["settings"] is None else _source(body)
    fields = {name: body[name] for name in ("name", "description") if name in body}
    seen, by = body["seen"], me().username
    row = _kept(kind).change(template_id, body["changes"], source=source, by=by, seen=seen, **fields)
    _note("change_template", kind, row)
    return whole_template_shape(kind, row)


@bp.post(f"/templates/{KIND}/<int:template_id>/archive")
@bp.input(ArchiveIn, arg_name="body")
@bp.output(WholeTemplateOut)
@bp.doc(responses=_WRONG)
@needs("operate")
def archive(kind: str, template_id: int, body: dict[str, Any]) -> Shape:
    """Take a template out of the lists, or bring it back; nothing is lost"""
    require("operate")
    known = _kept(kind)
    row = known.archive(template_id) if body["archived"] else known.bring_back(template_id)
    _note("archive_template" if body["archived"] else "bring_back_template", kind, row)
    return whole_template_shape(kind, row)


@bp.post("/queue/<queue_id>/add")
@bp.input(AddIn, arg_name="body")
@bp.output(AddOut)
@bp.doc(responses=COMMAND_ERRORS | {400: "A value is wrong; names the field"})
@needs("operate")
def add(queue_id: str, body: dict[str, Any]) -> Shape:
    """Queue the scans of a template anew, with changes; its station finds the instruments by name"""
    parts = services()
    row = lists.queue_row(queue_id)
    known = _kept(f"{body['kind']}s")
    kept = known.get(body["template"])
    refuse_archived(kept, "template")
    settings = known.settings_of(kept.id, body["version"])
    projects = _projects(settings, body["changes"])
    require("operate", (*parts.db.projects.of(row), *projects))
    for project in projects:
        refuse_archived(project, "project_name")
    given = {
        "kind": body["kind"],
        "settings": settings,
        "changes": body["changes"],
        "sample": _sample(body["sample"]),
    }
    who = me()
    with parts.audit.acting(who, "add", f"queue:{row.queue_id}", template=kept.name, version=kept.version):
        answer = parts.stations.command(
            row.station, "add", queue_id=row.queue_id, by=who.username, edit=given
        )
    queue = after_queue_command(lists.whole_queue(lists.queue_row(row.queue_id)), answer)
    told = {"command_id": answer["command_id"], "added": answer.get("added", [])}
    return {"ok": True, "queue": queue} | told


def template_page(
    kind: str,
    limit: int = 100,
    offset: int = 0,
    search: str | None = None,
    archived: bool = False,
    sort: str = "name",
) -> Shape:
    known = _kept(kind)
    rows = known.list(limit=limit, offset=offset, sort=sort, search=search, archived=archived)
    total = known.count(search=search, archived=archived)
    return {"items": [template_shape(kind, row) for row in rows], "total": total}


def whole_template(kind: str, number: int, version: int | None = None) -> Shape:
    """A template, as it is or as it was in an earlier version.

    Raises:
        NotFoundError: there is no such template or version.
    """
    row = _kept(kind).get(number)
    settings = _kept(kind).settings_of(number, version)
    return whole_template_shape(kind, row) | {"settings": settings, "version": version or row.version}


def template_shape(kind: str, row: Any) -> Shape:
    return {
        "id": row.id,
        "kind": kind.removesuffix("s"),
        "name": row.name,
        "description": row.description,
        "owner": row.owner,
        "version": row.version,
        "scans": len((row.settings or {}).get("scans") or ()) if kind == "queues" else 1,
        "created_at": moment(row.created_at),
        "archived": row.archived_at is not None,
        "archived_at": moment(row.archived_at),
    }


def whole_template_shape(kind: str, row: Any) -> Shape:
    """A template with its settings, and what its versions are."""
    versions = [
        {"version": one.version, "by": one.by, "replaced_at": moment(one.replaced_at)}
        for one in _kept(kind).versions(row.id)
    ]
    return template_shape(kind, row) | {"settings": row.settings, "versions": versions}


def _kept(kind: str) -> Any:
    known = services().db.templates
    return known.scans if kind == "scans" else known.queues


def _projects(settings: Shape, changes: Shape) -> list[Project]:
    """Those that the scans of a template are to be for."""
    scans = [one.get("settings") or {} for one in settings.get("scans") or [{"settings": settings}]]
    named = [one.get("project_name") for one in scans]
    named += [value for path, value in changes.items() if path.endswith("project_name")]
    texts = {name for name in named if isinstance(name, str)}
    return [project for name in texts for project in services().db.projects.called(name)]


def _source(body: dict[str, Any]) -> Any:
    """What a template is made of.

    Raises:
        FieldError: nothing, or two things, are named.
    """
    given = [body[name] for name in ("source", "settings") if body[name] is not None]
    if len(given) != 1:
        raise FieldError("source", "give a source or settings, one of them")
    return given[0]


def _sample(name: str | None) -> Shape | None:
    if not name:
        return None
    found = services().db.samples.find(name)
    if found is None:
        raise FieldError("sample", f"there is no sample {name!r}")
    refuse_archived(found, "sample")
    return found.to_pybirch_sample().serialize()


def _note(action: str, kind: str, row: Any) -> None:
    services().audit.note(me(), action, f"{kind}-template:{row.id}", version=row.version)
