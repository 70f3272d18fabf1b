"""Who may do what: one function decides, for people and for programs."""

from __future__ import annotations

from database.models.token import ApiToken
from database.models.user import Role, User

ACTIONS = ("read", "operate", "administer", "station")

_BY_ROLE = {
    Role.VIEWER: frozenset({"read"}),
    Role.OPERATOR: frozenset({"read", "operate"}),
    Role.ADMIN: frozenset(ACTIONS),
}
_BY_SCOPE = {
    "read": frozenset({"read"}),
    "operate": frozenset({"read", "operate"}),
    "station": frozenset({"read", "station"}),
    "admin": frozenset(ACTIONS),
}


def can(who: User | ApiToken | None, action: str, thing: object = None) -> bool:
    """Whether this person or token may do `action` (read, operate, administer, station) to `thing`.

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
