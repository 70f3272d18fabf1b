"""Who may do what: one function decides, for people and for programs."""

from __future__ import annotations

from database.models.token import ApiToken
from database.models.user import Role, User

ACTIONS = ("read", "stop", "operate", "administer", "station")

_BY_ROLE = {
    Role.VIEWER: frozenset({"read", "stop"}),
    Role.OPERATOR: frozenset({"read", "stop", "operate"}),
    Role.ADMIN: frozenset(ACTIONS),
}
_BY_SCOPE = {
    "read": frozenset({"read", "stop"}),
    "operate": frozenset({"read", "stop", "operate"}),
    "station": frozenset({"read", "stop", "station"}),
    "admin": frozenset(ACTIONS),
}


def can(who: User | ApiToken | None, action: str, thing: object = None) -> bool:
    """Whether this person or token may do `action` (see `ACTIONS`) to `thing`.

    The emergency stop is open to everybody who is known: no role keeps anybody from it.
    Every thing of the lab is open to all its members so far; `thing` is what a later rule about
    single projects or queues would look at.

    Raises:
        ValueError: there is no such action.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is not an action; {', '.join(ACTIONS)}")
    match who:
        case User() if who.is_active:
            return action in _BY_ROLE[Role(who.role)]
        case ApiToken() if who.is_active:
            return any(action in _BY_SCOPE.get(scope, ()) for scope in who.scopes)
    return False
