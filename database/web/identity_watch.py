"""Cuts off the sockets of people and tokens whose rights have changed, whichever process changed them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from database.web.sockets import disconnect_room, rooms_of

if TYPE_CHECKING:
    from flask_socketio import SocketIO

    from database.services import DatabaseService

INTERVAL = 1.0


class IdentityWatch:
    """Compares, once a second, the rights of everybody connected with those they connected with.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self, db: DatabaseService, sockets: SocketIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._sockets = sockets
        self._clock = clock
        self._rights: dict[str, Any] = {}
        self._next = 0.0

    def look(self) -> None:
        """A chore of housekeeping."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + INTERVAL
        rooms = {room for room in rooms_of(self._sockets) if room.startswith(("user_", "token_", "signin_"))}
        before, self._rights = self._rights, {room: self._rights_of(room) for room in rooms}
        for room, rights in self._rights.items():
            if rights is None or before.get(room, rights) != rights:
                disconnect_room(self._sockets, room)

    def _rights_of(self, room: str) -> Any:
        """What the identity may do now; None when it is gone."""
        kind, _, number = room.partition("_")
        if kind == "signin":
            found = self._db.sign_ins.find(int(number))
            return found and found.id
        if kind == "user":
            user = self._db.users.find(int(number))
            return user.role if user is not None and user.is_active else None
        rows = self._db.tokens.list(id=int(number), limit=1, archived=True)
        return tuple(rows[0].scopes) if rows and rows[0].is_active else None
