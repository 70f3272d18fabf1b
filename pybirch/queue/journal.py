"""What a queue writes down, for whoever keeps it."""

from __future__ import annotations

from typing import Any

from pybirch.events import QueueLog, QueueStatus
from pybirch.scan.scan import Scan


class QueueExtension:
    """Hears a queue before anybody else does; override what you need.

    What `scan_added` raises refuses the scan. What the others raise is logged.
    """

    def attach(self, queue: Any) -> None:
        """First of all calls."""

    def scan_added(self, scan: Scan, position: int) -> None:
        """A scan is about to take its place at `position`."""

    def terms_changed(self, scan_id: str, terms: dict[str, Any]) -> None:
        """A scan runs on these terms from now (see `pybirch.queue.terms.Terms.as_json`)."""

    def queue_changed(self, queue: Any) -> None:
        """Its mode, policy or revision is another."""

    def scan_reopened(self, scan: Scan) -> None:
        """An interrupted scan is to go on; what this raises leaves it as it is."""

    def scan_removed(self, scan: Scan) -> None: ...

    def order_changed(self, scan_ids: list[str]) -> None: ...

    def save_log(self, line: QueueLog) -> None: ...

    def save_status(self, status: QueueStatus) -> None: ...
