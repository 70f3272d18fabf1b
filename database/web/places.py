"""Places for live connections: how many there are, and whose they are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from database.web.identity import Identity

MOST_SOCKETS = 200
"""Connections of browsers; those with a token (windows, scripts) may be half of `RESERVED` more, those
of stations all of it."""
RESERVED = 40
KEPT = 40
"""Places that only who may operate gets, so that viewers do not take them all."""
MOST_PER_IDENTITY = 60
"""Connections of one signed-in browser or one token."""
MOST_PER_PERSON = 90
"""Connections of one person, however often they have signed in."""
PLACE = "pybirch.place"
"""Where a connection's environment keeps its `Place`."""


@dataclass(frozen=True, eq=False)
class Place:
    """One connection's place; `holder` is the browser's sign-in or the token, `person` whose that is."""

    holder: str
    person: str
    is_token: bool = False
    is_station: bool = False
    may_operate: bool = False

    @classmethod
    def of(cls, identity: Identity) -> Place:
        return cls(
            identity.rooms[-1],
            identity.person,
            identity.kind == "token",
            identity.kind == "token" and identity.may("station"),
            identity.may("operate"),
        )


class Places:
    """Gives out places, one after the other, so that many who come at once are counted. Thread-safe.

    Args:
        taken: the places of the connections there are.
    """

    def __init__(self, taken: Callable[[], Iterable[Place]]) -> None:
        self._taken = taken
        self._entering: set[Place] = set()
        self._lock = threading.Lock()

    def enter(self, place: Place) -> str:
        """Take a place until `leave`; if there is none, why."""
        with self._lock:
            refusal = no_place(place, {*self._taken(), *self._entering})
            if not refusal:
                self._entering.add(place)
            return refusal

    def leave(self, place: Place) -> None:
        """The request that took the place has ended; a connection that goes on is among the taken."""
        with self._lock:
            self._entering.discard(place)


def no_place(mine: Place, taken: Iterable[Place]) -> str:
    """Why there is no place for one more, if there is none."""
    taken = list(taken)
    if sum(place.holder == mine.holder for place in taken) >= MOST_PER_IDENTITY:
        return f"{MOST_PER_IDENTITY} connections are yours; close a page first."
    if sum(place.person == mine.person for place in taken) >= MOST_PER_PERSON:
        return f"{MOST_PER_PERSON} connections are yours, in all your browsers; close a page first."
    most = MOST_SOCKETS + (RESERVED if mine.is_station else RESERVED // 2 if mine.is_token else 0)
    if not mine.may_operate and not mine.is_station:
        most -= KEPT
    return f"{most} connections are open; close another page first." if len(taken) >= most else ""
