"""Who may do what: one function decides, for people and for programs."""

from __future__ import annotations

from database.models.project import Project, ProjectRole
from database.models.token import ApiToken
from database.models.user import Role, User

ACTIONS = ("read", "stop", "operate", "lead", "administer", "station")
OF_PROJECTS = ("operate", "lead")
"""What a project's members may do and others may not."""

_BY_ROLE = {
    Role.VIEWER: frozenset({"read", "stop"}),
    Role.OPERATOR: frozenset({"read", "stop", *OF_PROJECTS}),
    Role.ADMIN: frozenset(ACTIONS),
}
_BY_SCOPE = {
    "read": frozenset({"read", "stop"}),
    "operate": frozenset({"read", "stop", *OF_PROJECTS}),
    "station": frozenset({"read", "stop", "station"}),
    "admin": frozenset(ACTIONS),
}


def can(who: User | ApiToken | None, action: str, thing: object = None) -> bool:
    """Whether this person or token may do `action` (see `ACTIONS`) to `thing`.

    The emergency stop is open to everybody who is known: no role keeps anybody from it. What is done
    for projects that have members is operated by these alone, and a project is led (changed, archived,
    its members chosen) by its leads (see `closed_to`); everybody may read it.

    Args:
        thing: a project, or a tuple of all that it is done for (`DatabaseService.projects.of` gives
            them of a scan, queue or sample); anything else is open to all members of the lab.

    Raises:
        ValueError: there is no such action, or `thing` has a project and was not given as that.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is not an action; {', '.join(ACTIONS)}")
    match who:
        case User() if who.is_active:
            allowed = action in _BY_ROLE[Role(who.role)]
        case ApiToken() if who.is_active:
            allowed = any(action in _BY_SCOPE.get(scope, ()) for scope in who.scopes)
        case _:
            return False
    return allowed and (action not in OF_PROJECTS or closed_to(who, thing, action) is None)


def closed_to(who: User | ApiToken, thing: object, action: str = "operate") -> Project | None:
    """The first project that only its leads and members operate, and `who` is none of them; or that only
    its leads lead, which are all who work in it where nobody is called so.

    Administrators are kept out of none. A token acts for the person it belongs to; one that belongs to
    nobody is the lab's own program, whose keeper has the lab's computer at hand, and is kept out of none.

    Raises:
        ValueError: `thing` has a project and was not given as that.
    """
    projects = _projects(thing)
    person = who if isinstance(who, User) else who.user
    if person is None or person.role == Role.ADMIN or (isinstance(who, ApiToken) and "admin" in who.scopes):
        return None
    for project in projects:
        if project.members and person.id not in _those_of(project, action):
            return project
    return None


def _those_of(project: Project, action: str) -> set[int]:
    leads = {member.user_id for member in project.members if member.role is ProjectRole.LEAD}
    if action == "lead" and leads:
        return leads
    return {member.user_id for member in project.members if member.role.works}


def _projects(thing: object) -> tuple[Project, ...]:
    match thing:
        case Project():
            return (thing,)
        case tuple():
            return tuple(one for one in thing if isinstance(one, Project))
    if hasattr(thing, "project_id"):
        raise ValueError(f"{thing!r}: ask with its projects, DatabaseService.projects.of(thing)")
    return ()
