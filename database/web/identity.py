"""Who asks: a signed-in person or the bearer of a token; and whether they may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from flask import Request
from flask_login import current_user
from werkzeug.exceptions import Forbidden, Unauthorized

from database.services.permissions import can
from database.web.services import services

P = ParamSpec("P")
R = TypeVar("R")
Action = Literal["read", "operate", "administer", "station"]


@dataclass(frozen=True)
class Identity:
    """A known user or token, in the form Flask-Login wants; `row` is the database's."""

    row: Any
    kind: Literal["user", "token"]
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

    def may(self, action: Action, thing: Any = None) -> bool:
        return can(self.row, action, thing)


def user_identity(user_id: str) -> Identity | None:
    """The user of a session, unless they have been taken away meanwhile."""
    try:
        row = services().db.users.get(int(user_id))
    except (ValueError, LookupError):
        return None
    return Identity(row, "user") if row is not None and row.is_active else None


def bearer_identity(request: Request) -> Identity | None:
    """The token of the `Authorization: Bearer` header, if it is a living one."""
    secret = bearer_of(request.headers.get("Authorization", ""))
    row = services().db.tokens.find(secret) if secret else None
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


def known() -> Identity | None:
    """Who asks, or None."""
    identity = current_user._get_current_object()
    return identity if isinstance(identity, Identity) else None


def require(action: Action, thing: Any = None) -> Identity:
    """Who asks, if they may do that to that thing.

    Raises:
        Unauthorized: nobody known.
        Forbidden: known, but they may not.
    """
    identity = me()
    if not identity.may(action, thing):
        raise Forbidden(f"{identity.username or 'This token'} may not {action} here.")
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
