"""What a script tells its own queue, in the audit trail; what comes by the server is noted there."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from database.services import here
from pybirch.database_integration.spooling import ReadableSpoolingStore
from pybirch.errors import PyBirchError
from pybirch.queue.queue import Queue
from pybirch.states import ExecutionMode

log = logging.getLogger(__name__)


class NotedQueue(Queue):
    """A `Queue` that notes who told it what: the operator, else the account that the script runs under.

    Whoever is named by `by` asked from elsewhere, and was noted there.
    """

    operator: str = ""
    _store: ReadableSpoolingStore

    def start(
        self,
        indices: Sequence[int] | None = None,
        mode: ExecutionMode | str = ExecutionMode.SERIAL,
        *,
        by: str = "",
    ) -> None:
        super().start(indices, mode, by=by)
        self._note("start", by)

    def pause(self, scan_id: str | None = None, *, by: str = "", why: str = "") -> None:
        super().pause(scan_id, by=by, why=why)
        self._note("pause", by, scan_id, why)

    def resume(self, scan_id: str | None = None, *, by: str = "", why: str = "") -> None:
        super().resume(scan_id, by=by, why=why)
        self._note("resume", by, scan_id, why)

    def abort(self, scan_id: str | None = None, *, by: str = "", why: str = "") -> None:
        super().abort(scan_id, by=by, why=why)
        self._note("abort", by, scan_id, why)

    def stop_queue(self, *, by: str = "", why: str = "") -> None:
        super().stop_queue(by=by, why=why)
        self._note("stop", by, None, why)

    def _stop_for(self, reason: str) -> None:
        super().stop_queue(why=reason)  # nobody asked; the log says why

    def _note(self, action: str, by: str, scan_id: str | None = None, why: str = "") -> None:
        """In its turn, so that a record that cannot be written just now delays no abort."""
        if by:
            return
        given = {"scan_id": scan_id, "why": why}
        act = {
            "actor": self.operator or here.person() or here.address(),
            "action": action,
            "thing": f"queue:{self.QID}",
            "address": here.address(),
            "timestamp": datetime.now(UTC).isoformat(),
            "detail": {name: text for name, text in given.items() if text},
        }

        def write() -> None:
            try:
                self._store.save_act(act)
            except PyBirchError as error:
                log.warning("%s: %s is not in the audit trail: %s", act["thing"], action, error)

        self._notes.later(write)
