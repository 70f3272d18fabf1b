"""Projects: found, made, changed, archived; and who is in them."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from database.models import Project, ProjectRole, User
from database.web.api.project_schemas import (
    ListedProjectOut,
    MemberIn,
    NewMemberIn,
    NewProjectIn,
    PersonListOut,
    ProjectIn,
    ProjectQuery,
    WholeProjectOut,
)
from database.web.api.schemas import page_of
from database.web.identity import Action, me, needs, require
from database.web.project_shapes import listed_projects, person_shape, whole_project
from database.web.services import services
from database.web.shapes import Shape
from pybirch.errors import FieldError, NotFoundError

bp = APIBlueprint("api_projects", __name__, tag="Projects")

WRONG = {400: "A value is wrong; names the field"}
LED = WRONG | {403: "Who asks does not lead it", 404: "No such project"}


@bp.get("/projects")
@bp.input(ProjectQuery, location="query", arg_name="query")
@bp.output(page_of(ListedProjectOut))
@needs("read")
def projects(query: dict[str, Any]) -> Shape:
    """A page of projects"""
    return project_page(**query)


@bp.get("/people")
@bp.output(PersonListOut(many=True))
@needs("operate")
def people() -> list[Shape]:
    """Who can be in a project, by their names"""
    return [person_shape(row) for row in services().db.users.list(sort="username", limit=1_000)]


@bp.post("/projects")
@bp.input(NewProjectIn, arg_name="body")
@bp.output(WholeProjectOut)
@bp.doc(responses=WRONG)
@needs("operate")
def create(body: dict[str, Any]) -> Shape:
    """Make a project"""
    db, lead = services().db, _myself() if body.pop("lead") else None
    row = db.projects.create(**body)
    if lead is not None:
        db.projects.add_member(row.id, lead.id, ProjectRole.LEAD)
    return done("create_project", row)


@bp.get("/project/<int:number>")
@bp.output(WholeProjectOut)
@needs("read")
def project(number: int) -> Shape:
    """A project and who is in it"""
    return shown(project_row(number, "read"))


@bp.post("/project/<int:number>")
@bp.input(ProjectIn, arg_name="body")
@bp.output(WholeProjectOut)
@bp.doc(responses=LED)
@needs("operate")
def change(number: int, body: dict[str, Any]) -> Shape:
    """Change a project"""
    before = project_row(number, "lead")
    row = services().db.projects.update(number, **body)
    renamed = {"was": before.name} if row.name != before.name else {}
    return done("change_project", row, fields=sorted(body), **renamed)


@bp.post("/project/<int:number>/archive")
@bp.output(WholeProjectOut)
@bp.doc(responses=LED)
@needs("operate")
def archive(number: int) -> Shape:
    """Take a project out of use: no new scan begins for it; all of it stays in the record"""
    return done("archive_project", services().db.projects.archive(project_row(number, "lead").id))


@bp.post("/project/<int:number>/restore")
@bp.output(WholeProjectOut)
@bp.doc(responses=LED)
@needs("operate")
def restore(number: int) -> Shape:
    """Take an archived project up again"""
    return done("restore_project", services().db.projects.restore(project_row(number, "lead").id))


@bp.post("/project/<int:number>/members")
@bp.input(NewMemberIn, arg_name="body")
@bp.output(WholeProjectOut)
@bp.doc(responses=LED)
@needs("operate")
def add_member(number: int, body: dict[str, Any]) -> Shape:
    """Have somebody in a project; from the first one on only its leads and members run its scans"""
    row = project_row(number, "lead")
    person = _person(body["username"])
    try:
        services().db.projects.add_member(row.id, person.id, body["role"])
    except FieldError as error:
        raise FieldError("username" if error.field == "user_id" else error.field, error.problem) from error
    return done("add_member", row, user=person.username, role=body["role"])


@bp.post("/project/<int:number>/member/<int:user>")
@bp.input(MemberIn, arg_name="body")
@bp.output(WholeProjectOut)
@bp.doc(responses=LED)
@needs("operate")
def change_member(number: int, user: int, body: dict[str, Any]) -> Shape:
    """Give somebody another role in a project"""
    row = project_row(number, "lead")
    member = services().db.projects.change_member(row.id, user, body["role"])
    return done("change_member", row, user=member.user.username, role=body["role"])


@bp.post("/project/<int:number>/member/<int:user>/remove")
@bp.output(WholeProjectOut)
@bp.doc(responses=LED)
@needs("operate")
def remove_member(number: int, user: int) -> Shape:
    """Have somebody no longer in a project; without members every operator runs its scans"""
    row = project_row(number, "lead")
    services().db.projects.remove_member(row.id, user)
    return done("remove_member", row, user=services().db.users.get(user).username)


def project_page(limit: int = 100, offset: int = 0, **wanted: Any) -> Shape:
    db = services().db
    sort = wanted.pop("sort", None) or "name"
    rows = db.projects.list(limit=limit, offset=offset, sort=sort, **wanted)
    return {"items": listed_projects(db, rows), "total": db.projects.count(**wanted)}


def project_row(number: int, action: Action) -> Project:
    """That project, if who asks may do that to it.

    Raises:
        NotFoundError: there is none.
        Forbidden: they may not.
    """
    row = services().db.projects.get(number)
    require(action, row)
    return row


def shown(row: Project) -> Shape:
    """The project for who asks."""
    return whole_project(services().db, row, me().may("lead", row))


def done(action: str, row: Project, **detail: Any) -> Shape:
    """Note it, and show the project as it is now."""
    services().audit.note(me(), action, f"project:{row.name}", **detail)
    return shown(services().db.projects.get(row.id))


def _myself() -> User:
    """The person who asks, or whose token does.

    Raises:
        FieldError: the token belongs to nobody.
    """
    row = me().row
    person = row if isinstance(row, User) else row.user
    if person is None:
        raise FieldError("lead", "this token belongs to nobody who could lead a project")
    return person


def _person(username: str) -> User:
    try:
        row = services().db.users.get(username)
    except NotFoundError as error:
        raise FieldError("username", str(error)) from error
    if not row.is_active:
        raise FieldError("username", f"{username} has left the laboratory")
    return row
