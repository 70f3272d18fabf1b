"""Commands that come from pages and windows, done on this process's queues."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from pybirch.errors import FieldError, NotFoundError
from pybirch.queue.queue import Queue
from pybirch.scan.scan import Scan
from pybirch.states import QueueState, ScanState

PATIENCE = 0.8
"""Seconds to wait for a wish to come true before answering with what is."""


class Commands:
    """The queues that take commands, and what each command does."""

    def __init__(self) -> None:
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
        if action == "stop_everything":
            return self.stop_everything()
        mode = command.get("mode")
        if scan_id is not None:
            return self._on_scan(str(action), self._queue_of(str(scan_id), queue_id), str(scan_id), mode)
        queue = self._queue(str(queue_id))
        match action:
            case "start":
                queue.start(mode=mode or queue.mode)
            case "pause":
                queue.pause()
            case "resume":
                queue.resume()
            case "abort":
                queue.abort()
            case "stop":
                queue.stop_queue()
            case _:
                raise FieldError("action", f"a queue cannot {action!r}")
        self._settle(queue, str(action))
        return {"queue": queue.get_status()}

    def stop_everything(self) -> dict[str, Any]:
        """Abort all queues at once; answers with their states."""
        queues = self.queues()
        for queue in queues:
            queue.abort()
        for queue in queues:
            queue.wait_for_completion(PATIENCE)
        return {"queues": [queue.get_status() for queue in queues]}

    def _on_scan(self, action: str, queue: Queue, scan_id: str, mode: str | None) -> dict[str, Any]:
        match action:
            case "start":
                return self._start(queue, scan_id, mode)
            case "pause":
                queue.pause(scan_id)
            case "resume":
                queue.resume(scan_id)
            case "abort":
                queue.abort(scan_id)
            case "restart":
                return self._restart(queue, scan_id)
            case _:
                raise FieldError("action", f"a scan cannot {action!r}")
        handle = queue.get_handle_by_id(scan_id)
        handle.scan.wait_for(_REACHED[action], PATIENCE)
        return {"scan": handle.describe()}

    def _restart(self, queue: Queue, scan_id: str) -> dict[str, Any]:
        """Run again: queue a new scan, and start it unless the queue is paused or stopping."""
        new = queue.restart(scan_id)
        if queue.state in (QueueState.IDLE, QueueState.RUNNING):
            return self._start(queue, new, None)
        return {"scan": queue.get_handle_by_id(new).describe()}

    def _start(self, queue: Queue, scan_id: str, mode: str | None) -> dict[str, Any]:
        index = next((i for i, handle in enumerate(queue.handles) if handle.scan_id == scan_id), None)
        if index is None:
            raise NotFoundError(f"queue {queue.queue_id} has no scan {scan_id!r}")
        queue.start([index], mode=mode or queue.mode)
        handle = queue.get_handle(index)
        handle.scan.wait_for(lambda scan: scan.state is not ScanState.QUEUED, PATIENCE / 4)
        return {"scan": handle.describe()}

    def _settle(self, queue: Queue, action: str) -> None:
        if action in ("abort", "stop"):
            queue.wait_for_completion(PATIENCE if action == "abort" else 0.05)
        elif action in ("pause", "resume"):
            for handle in queue.handles:
                if handle.is_active():
                    handle.scan.wait_for(_REACHED[action], PATIENCE)

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
    "resume": lambda scan: scan.state is not ScanState.PAUSED,
    "abort": lambda scan: scan.state.is_finished,
}
