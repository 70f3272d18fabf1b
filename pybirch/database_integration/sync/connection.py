"""How a window stands with the lab it shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from pybirch.events import Event


class ConnectionState(StrEnum):
    LOCAL = "local"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    STALE = "stale"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection(Event):
    """A change of the connection; `timestamp` is since when it is so.

    Never sent over the wire: a lab publishes it on its own bus.
    """

    kind: ClassVar[str] = "connection"
    state: ConnectionState
    message: str = ""
    url: str = ""
