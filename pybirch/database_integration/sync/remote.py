"""A server in another process, seen from a script or station: to show through, and to store with."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from pybirch.database_integration.item_store import ItemStore
from pybirch.database_integration.spool import Entry
from pybirch.database_integration.sync.broadcasts import Broadcasts
from pybirch.database_integration.sync.frames import Frames, Item
from pybirch.database_integration.sync.link import ServerLink
from pybirch.events import Event


class RemoteUpdateServer(Broadcasts):
    """`ScanUpdateServer`'s methods for a server that runs elsewhere; nothing waits for it.

    Args:
        url: the server's address.
        token: bearer token with the scope "station".
        station: under which name this process speaks; by default one that no other process has.
        link: a line that is open already, instead of a new one.
    """

    def __init__(
        self, url: str = "", token: str = "", station: str = "", *, link: ServerLink | None = None
    ) -> None:
        super().__init__()
        self.link = link or ServerLink(lambda: (url, token), station or _own_name())

    def publish(self, event: Event) -> None:
        self.link.publish(event)

    def close(self) -> None:
        self.link.close()


def _own_name() -> str:
    return f"script {socket.gethostname()} {os.getpid()}"


class RemoteStore(ItemStore):
    """A `Store` behind the server's ingest: what it returns from is committed there.

    Args:
        frames: the way to the server.
        place: the server's address, for what waits on this computer's disk to be sent there.
        identity: what the server is known by wherever it is; without one it is known by its address.
    """

    called = "the server"

    def __init__(self, frames: Frames, place: str = "", identity: str = "") -> None:
        super().__init__()
        self._frames = frames
        self._server = place
        self._identity = identity

    @property
    def writer(self) -> str:
        return self._frames.epoch

    @property
    def place(self) -> str:
        return f"{self._identity or self._server} {self._frames.station}"

    @property
    def formerly(self) -> Sequence[str]:
        """By what its spools were named that were begun before the server told who it is."""
        return [f"{self._server} {self._frames.station}"] if self._identity else []

    @property
    def about(self) -> Mapping[str, str]:
        """For people, and to send it by hand."""
        return {"url": self._server, "station": self._frames.station}

    def deliver(self, entries: Sequence[Entry]) -> None:
        """Items that waited in a spool, of one life.

        Raises:
            ServerUnavailableError: not now.
            FieldError, StaleWriterError: the server refuses them.
        """
        items = [
            {"kind": entry.kind, "payload": orjson.Fragment(entry.body), "life": entry.writer}
            for entry in entries
        ]
        self._frames.keep(items)

    def put(self, items: Sequence[Item], patience: float = 60.0) -> dict[str, Any]:
        return self._frames.keep(items, patience)
