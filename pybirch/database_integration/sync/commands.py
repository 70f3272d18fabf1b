"""Commands that come from pages and windows, done on this process's queues."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pybirch.database_integration.sync.edits import EDITS, edit
from pybirch.errors import FieldError, NotFoundError
from pybirch.queue.emergency import stop_everything
from pybirch.queue.queue import Queue
from pybirch.scan.scan import Scan
from pybirch.states import QueueState, ScanState

PATIENCE = 0.8
"""Seconds to wait for a wish to come true before answering with what is."""


class Commands:
    """The queues that take commands, and what each command does.

    Attributes:
        instruments: what this process owns, for the emergency stop; what its scans use is known.
    """

    def __init__(self) -> None:
        self.instruments: Sequence[Any] = ()
        self._queues: dict[str, Queue] = {}
        self._lock = threading.Lock()

    def add(self, queue: Queue) -> None:
        with self._lock:
            self._queues[queue.queue_id] = queue

    def remove(self, queue: Queue) -> None:
        with self._lock:
            self._queues.pop(queue.queue_id, None)

    def queues(self) -> list[Queue]:
        with self._lock:
            return list(self._queues.values())

    def perform(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Do it, and answer with the state that came of it.

        Raises:
            PyBirchError: it was refused; the text says why.
        """
        action, queue_id, scan_id = (command.get(key) for key in ("action", "queue_id", "scan_id"))
        mode, by, why = command.get("mode"), str(command.get("by") or ""), str(command.get("why") or "")
        if action == "stop_everything":
            return self.stop_everything(by, why)
        if scan_id is not None:
            return self._on_scan(
                str(action),
                self._queue_of(str(scan_id), queue_id),
                str(scan_id),
                mode,
                by,
                why,
                command.get("step"),
            )
        queue, more = self._queue(str(queue_id)), dict[str, Any]()
        match action:
            case "start":
                queue.start(mode=mode or queue.mode, by=by)
            case "pause":
                queue.pause(by=by, why=why)
            case "resume":
                queue.resume(by=by, why=why)
            case "abort":
                queue.abort(by=by, why=why)
            case "stop":
                queue.stop_queue(by=by, why=why)
            case _ if action in EDITS:
                more = edit(queue, str(action), command.get("edit") or {}, self.instruments, by)
            case _:
                raise FieldError("action", f"a queue cannot {action!r}")
        self._settle(queue, str(action))
        return {"queue": queue.get_status()} | more

    def stop_everything(self, by: str = "", why: str = "") -> dict[str, Any]:
        """Abort all queues, make all instruments safe; what became of both."""
        queues = self.queues()
        outcomes = stop_everything(queues, self.instruments, by=by, why=why)
        return {
            "queues": [queue.get_status() for queue in queues],
            "instruments": [outcome.as_json() for outcome in outcomes],
        }

    def _on_scan(
        self,
        action: str,
        queue: Queue,
        scan_id: str,
        mode: str | None,
        by: str,
        why: str,
        step: int | None = None,
    ) -> dict[str, Any]:
        match action:
            case "start":
                return self._start(queue, scan_id, mode, by)
            case "pause":
                queue.pause(scan_id, by=by, why=why)
            case "resume":
                queue.resume(scan_id, by=by, why=why)
            case "abort":
                queue.abort(scan_id, by=by, why=why)
            case "rewind":
                queue.rewind(scan_id, step, by=by, why=why)
            case "restart":
                return self._restart(queue, scan_id, by)
            case "leave":
                queue.leave(scan_id, by=by, why=why)
                return {"scan": queue.get_handle_by_id(scan_id).describe()}
            case "preflight":
                return self._preflight(queue, scan_id)
            case _:
                raise FieldError("action", f"a scan cannot {action!r}")
        handle = queue.get_handle_by_id(scan_id)
        handle.scan.wait_for(_REACHED[action], PATIENCE)
        return {"scan": handle.describe()}

    def _preflight(self, queue: Queue, scan_id: str) -> dict[str, Any]:
        """What stands in the way of a scan, and what it will take; nothing is moved."""
        findings = queue.preflight(scan_id)
        return {"findings": [finding.as_json() for finding in findings]}

    def _restart(self, queue: Queue, scan_id: str, by: str) -> dict[str, Any]:
        """Run again: queue a new scan, and start it unless the queue is paused or stopping."""
        new = queue.restart(scan_id, by=by)
        if queue.state in (QueueState.IDLE, QueueState.RUNNING):
            return self._start(queue, new, None, by)
        return {"scan": queue.get_handle_by_id(new).describe()}

    def _start(self, queue: Queue, scan_id: str, mode: str | None, by: str) -> dict[str, Any]:
        index = next((i for i, handle in enumerate(queue.handles) if handle.scan_id == scan_id), None)
        if index is None:
            raise NotFoundError(f"queue {queue.queue_id} has no scan {scan_id!r}")
        queue.start([index], mode=mode or queue.mode, by=by)
        handle = queue.get_handle(index)
        handle.scan.wait_for(lambda scan: scan.state is not ScanState.QUEUED, PATIENCE / 4)
        return {"scan": handle.describe()}

    def _settle(self, queue: Queue, action: str) -> None:
        if action in ("abort", "stop"):
            queue.wait_for_completion(PATIENCE if action == "abort" else 0.05)
        elif action in ("pause", "resume"):
            deadline = time.monotonic() + PATIENCE
            for handle in queue.handles:
                if handle.is_active():
                    handle.scan.wait_for(_REACHED[action], max(0.0, deadline - time.monotonic()))

    def _queue(self, queue_id: str) -> Queue:
        with self._lock:
            if queue_id not in self._queues:
                raise NotFoundError(f"this station has no queue {queue_id!r}")
            return self._queues[queue_id]

    def _queue_of(self, scan_id: str, queue_id: Any) -> Queue:
        if queue_id is not None:
            return self._queue(str(queue_id))
        for queue in self.queues():
            if any(handle.scan_id == scan_id for handle in queue.handles):
                return queue
        raise NotFoundError(f"this station has no scan {scan_id!r}")


def _not_running(scan: Scan) -> bool:
    return scan.state is not ScanState.RUNNING


_REACHED: dict[str, Callable[[Scan], bool]] = {
    "pause": _not_running,
    "resume": lambda scan: scan.state not in (ScanState.PAUSED, ScanState.INTERRUPTED),
    "abort": lambda scan: scan.state.is_finished,
    "rewind": lambda scan: not scan.is_rewinding,
}
