"""What a window shows and commands: a queue of its own process, or a lab behind a server."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from pybirch.database_integration.sync.commands import Commands
from pybirch.database_integration.sync.connection import Connection, ConnectionState
from pybirch.dataset.in_process import data_of
from pybirch.dataset.scan import ScanData
from pybirch.errors import NotFoundError, PyBirchError
from pybirch.events import EventBus, Readings, Subscription, utc_now
from pybirch.queue.emergency import in_words
from pybirch.queue.queue import Queue
from pybirch.wire import split_column


class Lab(Protocol):
    """Everything but `name`, `bus` and `connection` may wait, so it is not called from the GUI's thread."""

    bus: EventBus
    connection: Connection

    @property
    def name(self) -> str: ...
    def snapshot(self) -> dict[str, Any]: ...
    def queue(self, queue_id: str) -> dict[str, Any]: ...
    def scan(self, scan_id: str) -> dict[str, Any]: ...
    def logs(self, queue_id: str, limit: int = 200) -> list[dict[str, Any]]: ...
    def readings(
        self, scan_id: str, measurement: str, start: int = 0, max_points: int | None = None
    ) -> Readings: ...
    def data(self, scan_id: str) -> ScanData: ...
    def watch(self, scan_id: str | None) -> None: ...
    def command(self, action: str, queue_id: str | None = None, scan_id: str | None = None) -> None: ...
    def stop_everything(self) -> None: ...
    def close(self) -> None: ...


class LocalLab:
    """Queues of this process.

    Args:
        queues: one queue or several.
        name: what the lab is called.
    """

    def __init__(self, queues: Queue | Sequence[Queue], name: str = "This computer") -> None:
        self.queues = [queues] if isinstance(queues, Queue) else list(queues)
        self.name = name
        self.bus = self.queues[0].bus if len(self.queues) == 1 else EventBus()
        self.connection = Connection(state=ConnectionState.LOCAL)
        self._commands = Commands()
        for queue in self.queues:
            self._commands.add(queue)
        self._subscriptions: list[tuple[EventBus, Subscription]] = []
        for bus in {id(q.bus): q.bus for q in self.queues}.values():
            if bus is not self.bus:
                self._subscriptions.append((bus, bus.subscribe(self.bus.publish, name="to the window")))

    def snapshot(self) -> dict[str, Any]:
        queues = [self._describe(queue) for queue in self.queues]
        scans = [scan for queue in queues for scan in queue["scans"]]
        active = [scan for scan in scans if scan["status"] in ("running", "paused")]
        return {
            "lab": {"name": self.name},
            "queues": [{k: v for k, v in queue.items() if k != "scans"} for queue in queues],
            "scans": active or scans[-10:],
            "instruments": self._instruments(),
            "stations": [],
            "now": utc_now(),
        }

    def queue(self, queue_id: str) -> dict[str, Any]:
        return self._describe(self._queue(queue_id))

    def scan(self, scan_id: str) -> dict[str, Any]:
        queue, handle = self._find(scan_id)
        return handle.describe() | {
            "queue_id": queue.QID,
            "settings": handle.scan.settings.serialize(),
            "measurements": [
                {"name": name, "count": count, "last_index": count - 1}
                for name, count in handle.scan.counts.items()
            ],
        }

    def logs(self, queue_id: str, limit: int = 200) -> list[dict[str, Any]]:
        return [
            {"timestamp": e.timestamp, "level": e.level, "message": e.message, "scan_id": e.scan_id}
            for e in self._queue(queue_id).get_logs(limit)
        ]

    def readings(
        self, scan_id: str, measurement: str, start: int = 0, max_points: int | None = None
    ) -> Readings:
        """Readings from `start` on, at most `max_points`.

        Raises:
            NotFoundError: no such scan, or nothing of that measurement yet.
        """
        _, handle = self._find(scan_id)
        end = None if max_points is None else start + max_points
        return handle.scan.readings(measurement, start, end)

    def data(self, scan_id: str) -> ScanData:
        """All that the scan has measured so far."""
        return data_of(self._find(scan_id)[1].scan)

    def watch(self, scan_id: str | None) -> None:
        """Nothing to do: the bus carries the readings of every scan."""

    def command(self, action: str, queue_id: str | None = None, scan_id: str | None = None) -> None:
        """Do `action` now.

        Raises:
            PyBirchError: the queue's or scan's state does not allow it, or there is no such thing.
        """
        self._commands.perform({"action": action, "queue_id": queue_id, "scan_id": scan_id})

    def stop_everything(self) -> None:
        """Abort every queue and make every instrument safe.

        Raises:
            PyBirchError: names the instruments that are not safe.
        """
        told = self._commands.stop_everything()
        unsafe = [one for one in told["instruments"] if one["state"] != "safe"]
        if unsafe:
            raise PyBirchError("; ".join(map(in_words, unsafe)))

    def close(self) -> None:
        """Let go of the queues; they go on by themselves."""
        for bus, subscription in self._subscriptions:
            bus.unsubscribe(subscription)
        self._subscriptions.clear()

    def is_running(self) -> bool:
        return any(str(queue.state) != "idle" for queue in self.queues)

    def abort_and_wait(self, timeout: float = 10.0) -> bool:
        """Abort every queue and wait until its instruments are safe."""
        with suppress(PyBirchError):
            self.stop_everything()
        return all(queue.wait_for_completion(timeout) for queue in self.queues)

    def _queue(self, queue_id: str) -> Queue:
        for queue in self.queues:
            if queue_id == queue.QID:
                return queue
        raise NotFoundError(f"There is no queue {queue_id!r} here.")

    def _find(self, scan_id: str) -> tuple[Queue, Any]:
        for queue in self.queues:
            for handle in queue.handles:
                if handle.scan_id == scan_id:
                    return queue, handle
        raise NotFoundError(f"There is no scan {scan_id!r} here.")

    def _describe(self, queue: Queue) -> dict[str, Any]:
        status = queue.get_status()
        for scan in status["scans"]:
            scan["queue_id"] = queue.QID
        return status

    def _instruments(self) -> list[dict[str, Any]]:
        found: dict[int, Any] = {}
        for queue in self.queues:
            for handle in queue.handles:
                found.update({id(i): i for i in handle.scan.instruments if hasattr(i, "status")})
        return [_describe_instrument(instrument) for instrument in found.values()]


def _describe_instrument(instrument: Any) -> dict[str, Any]:
    moves = hasattr(instrument, "position_column")
    columns = [instrument.column()] if moves else instrument.columns()
    here = getattr(instrument, "_position", None) if moves else None
    return {
        "instrument_id": instrument.instrument_id,
        "name": instrument.name,
        "nickname": instrument.nickname,
        "kind": "movement" if moves else "measurement",
        "adapter": instrument.adapter,
        "pybirch_class": type(instrument).__name__,
        "units": [split_column(column)[1] for column in columns],
        "limits": getattr(instrument, "limits", None),
        "status": str(instrument.status),
        "position": None if here is None else {columns[0]: here},
        "target": None,
        "value": None,
        "error": instrument.error,
        "updated_at": None,
    }
