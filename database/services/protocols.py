"""What the services need of the core's objects; nothing here imports the core's scans or queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pybirch.samples import Sample


class SettingsLike(Protocol):
    def serialize(self) -> dict[str, Any]: ...


class ScanLike(Protocol):
    """A `pybirch.scan.scan.Scan`."""

    @property
    def scan_id(self) -> str: ...
    @property
    def settings(self) -> SettingsLike: ...
    @property
    def sample(self) -> Sample | None: ...
    @property
    def owner(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def progress(self) -> float: ...


class HandleLike(Protocol):
    @property
    def scan(self) -> ScanLike: ...


class QueueLike(Protocol):
    """A `pybirch.queue.queue.Queue`."""

    @property
    def QID(self) -> str: ...  # noqa: N802 - the core's name
    @property
    def handles(self) -> Sequence[HandleLike]: ...
