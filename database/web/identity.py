"""Who asks: a signed-in person or the bearer of a token; and whether they may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

from flask import Request, session
from flask_login import current_user
from werkzeug.exceptions import Forbidden, Unauthorized

from database.services.permissions import OF_PROJECTS, can, closed_to
from database.web.services import services

if TYPE_CHECKING:
    from database.models import Project

P = ParamSpec("P")
R = TypeVar("R")
Action = Literal["read", "stop", "operate", "lead", "administer", "station"]


SIGN_IN = "sign_in"
"""Where a cookie keeps the key of its sign-in."""
KNOWN = "pybirch.known"
"""Where a request's environment keeps what is to be called once it is known who asks."""


@dataclass(frozen=True)
class Identity:
    """A known user or token, in the form Flask-Login wants; `row` is the database's."""

    row: Any
    kind: Literal["user", "token"]
    sign_in: int | None = None
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        return str(self.row.id)

    @property
    def username(self) -> str:
        return self.row.username if self.kind == "user" else self.row.name

    @property
    def role(self) -> str:
        return str(self.row.role) if self.kind == "user" else ""

    @property
    def room(self) -> str:
        """The room all of this identity's sockets are in."""
        return f"{self.kind}_{self.row.id}"

    @property
    def person(self) -> str:
        """Whose it is: the room of the person, of a token nobody's own."""
        owner = self.row.id if self.kind == "user" else self.row.user_id
        return self.room if owner is None else f"user_{owner}"

    @property
    def rooms(self) -> list[str]:
        """`room`, and that of the browser's sign-in."""
        return [self.room] if self.sign_in is None else [self.room, sign_in_room(self.sign_in)]

    def may(self, action: Action, thing: Any = None) -> bool:
        return can(self.row, action, projects_of(action, thing))


def user_identity(user_id: str) -> Identity | None:
    """The user of a session, unless they signed out or have been taken away meanwhile."""
    found = services().db.sign_ins.of(session.get(SIGN_IN, ""))
    if found is None or str(found.user_id) != user_id or not found.user.is_active:
        return None
    return Identity(found.user, "user", found.id)


def sign_in_room(number: int) -> str:
    """The room of the sockets of one signed-in browser."""
    return f"signin_{number}"


def bearer_identity(request: Request) -> Identity | None:
    """The token of the `Authorization: Bearer` header, if it is a living one."""
    secret = bearer_of(request.headers.get("Authorization", ""))
    tokens = services().db.tokens
    row = tokens.find(secret) if secret else None
    if row is not None and tokens.is_use_to_be_noted(row):
        services().errands.add(partial(tokens.note_use, row.id), key=f"use of token {row.id}")
    return Identity(row, "token") if row is not None else None


def bearer_of(header: str) -> str | None:
    scheme, _, secret = header.partition(" ")
    return secret.strip() or None if scheme.lower() == "bearer" else None


def me() -> Identity:
    """Who asks.

    Raises:
        Unauthorized: nobody known.
    """
    identity = known()
    if identity is None:
        raise Unauthorized("Sign in, or send a token as Authorization: Bearer.")
    return identity


def tell_known(environ: Mapping[str, Any]) -> None:
    """Tell the server that whoever sends this request is somebody known."""
    tell = environ.get(KNOWN)
    if tell is not None:
        tell()


def known() -> Identity | None:
    """Who asks, or None."""
    identity = current_user._get_current_object()
    return identity if isinstance(identity, Identity) else None


def projects_of(action: Action, thing: Any) -> tuple[Project, ...]:
    """What `can` is to look at: the projects that the thing is done for, where they matter."""
    if action not in OF_PROJECTS or thing is None:
        return ()
    return thing if isinstance(thing, tuple) else services().db.projects.of(thing)


def require(action: Action, thing: Any = None) -> Identity:
    """Who asks, if they may do that to that thing (a row, or a tuple of projects).

    Raises:
        Unauthorized: nobody known.
        Forbidden: known, but they may not.
    """
    identity = me()
    projects = projects_of(action, thing)
    if not identity.may(action, projects):
        project = closed_to(identity.row, projects, action)
        if project is not None and identity.may(action):
            raise Forbidden(kept_out(identity, project, action))
        raise Forbidden(f"{identity.username or 'This token'} may not {action} here.")
    return identity


def kept_out(identity: Identity, project: Project, action: Action = "operate") -> str:
    """Why somebody may not run what is done for a project, or change the project, and whom to ask."""
    person = identity.row if identity.kind == "user" else identity.row.user
    through = "" if identity.kind == "user" else f", whose token {identity.username} this is,"
    there = any(member.user_id == person.id for member in project.members)
    relation = "only looks on in" if there else "is not a member of"
    leads = " or ".join(user.full_name or user.username for user in project.leads)
    whom = f"{leads} or an administrator" if leads else "an administrator"
    if action == "lead":
        return f"{person.username}{through} does not lead project {project.name}. Ask {whom}."
    return (
        f"{person.username}{through} {relation} project {project.name}, so may not run its scans. Ask {whom}."
    )


def speaks_for(station: str) -> Identity:
    """Who asks, if they may be that station: the token that was it first, or who may administer.

    Raises:
        Unauthorized: nobody known.
        Forbidden: known, but they may not.
    """
    identity = require("station", station)
    if identity.kind != "token":
        return identity
    keeper = services().db.keepers.take_up(station, identity.row.id)
    if not keeper.bears(identity.row) and not identity.may("administer"):
        raise Forbidden(
            f"Token {identity.username} may not speak for station {station}, which is that of token "
            f"{keeper.name}. Give the station another name, or revoke that token."
        )
    return identity


def needs(action: Action) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A view that only those may call who may do `action`."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            require(action)
            return view(*args, **kwargs)

        return guarded

    return decorate
