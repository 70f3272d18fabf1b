"""Many scans and many watchers at once: each hears exactly what its rooms are told, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio

from pybirch.database_integration.sync.ordered_client import OrderedClient
from pybirch.events import DataBlock
from pybirch.wire import from_block, from_wire
from tests.conftest import until
from tests.system import crowded_lab
from tests.system.running import RunningLab

KINDS = ("scan_status", "queue_status", "data_point", "data_block", "queue_log")


class Watcher:
    """A Socket.IO client that keeps everything it hears.

    Thirty clients of python-socketio in one process start a thread for every message each of them
    hears, which is more than a small machine can do beside the laboratory: most are ours, as a window's.
    """

    def __init__(self, lab: RunningLab, client: socketio.Client | None = None) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        self.client = client or OrderedClient()
        for kind in KINDS:
            self.client.on(kind, self._keep(kind))
        headers = {"Authorization": f"Bearer {lab.token}"}
        self.client.connect(lab.url, headers=headers, transports=["websocket"], wait_timeout=10)

    def _keep(self, kind: str) -> Callable[[dict[str, Any]], None]:
        def keep(payload: dict[str, Any]) -> None:
            with self._lock:
                self.heard.append((kind, payload))

        return keep

    def subscribe(self, event: str, payload: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.call(event, payload, timeout=10)
        assert isinstance(answer, dict)
        assert answer["ok"], answer
        return answer

    def of(self, kind: str) -> list[dict[str, Any]]:
        with self._lock:
            return [payload for heard, payload in self.heard if heard == kind]

    def indexes(self, scan_id: str) -> list[int]:
        """Of the scan's readings, in the order of the sequence."""
        found: list[int] = []
        for payload in self.of("data_block"):
            if payload["scan_id"] == scan_id:
                block = from_wire("data_block", payload)
                assert isinstance(block, DataBlock)
                readings = from_block(block)
                found += range(readings.first_index, readings.end_index)
        found += [p["sequence_index"] for p in self.of("data_point") if p["scan_id"] == scan_id]
        return sorted(found)

    def ended(self) -> set[str]:
        return {p["scan_id"] for p in self.of("scan_status") if p["status"] == "completed"}


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    """`watch(lab)`: a new watcher."""
    made: list[Watcher] = []

    def begin(lab: RunningLab, client: socketio.Client | None = None) -> Watcher:
        made.append(Watcher(lab, client))
        return made[-1]

    yield begin
    for watcher in made:
        watcher.client.disconnect()


def test_twenty_scans_and_thirty_watchers(
    start: Callable[..., RunningLab], watch: Callable[..., Watcher]
) -> None:
    lab = start("--lab", str(Path(crowded_lab.__file__)), DATABASE_URL="sqlite:///crowd.db")
    until(lambda: lab.get("/api/scans")["total"] == 20, 30, "the station has made its queues")
    scans = {s["scan_id"]: s for q in crowded_lab.QUEUES for s in lab.scans(q)}
    assert len(scans) == 20
    ids = list(scans)

    of_scan = {scan_id: watch(lab) for scan_id in ids}
    for number, (scan_id, watcher) in enumerate(of_scan.items()):
        watcher.subscribe("subscribe_scan", {"scan_id": scan_id, "blocks": number % 2 == 0})
    of_queue = {queue: watch(lab) for queue in crowded_lab.QUEUES}
    for queue, watcher in of_queue.items():
        watcher.subscribe("subscribe_queue", {"queue_id": queue})
        watcher.subscribe("subscribe_scan", {"scan_id": lab.scans(queue)[0]["scan_id"], "blocks": True})
        watcher.subscribe("subscribe_instruments", {})
    of_nothing = [watch(lab, socketio.Client(reconnection=False, handle_sigint=False)) for _ in range(6)]
    everybody = [*of_scan.values(), *of_queue.values(), *of_nothing]
    assert len(everybody) == 30

    for queue in crowded_lab.QUEUES:
        assert lab.post(f"/api/queue/{queue}/start", {"mode": "parallel"}).status_code == 200
    until(lambda: all(watcher.ended() == set(ids) for watcher in everybody), 60, "all hear all 20 end")

    whole = list(range(crowded_lab.POINTS))
    for scan_id, watcher in of_scan.items():
        until(lambda w=watcher, s=scan_id: w.indexes(s) == whole, 5, f"{scan_id} arrived whole and once")
        readings = watcher.of("data_block") + watcher.of("data_point")
        assert {p["scan_id"] for p in readings} == {scan_id}
        assert not watcher.of("queue_log")
    for queue, watcher in of_queue.items():
        until(lambda w=watcher: len(w.of("queue_log")) >= 11, 5, "each scan's beginning and end in the log")
        logs = [(p["timestamp"], p["message"]) for p in watcher.of("queue_log")]
        assert len(logs) == len(set(logs)) >= 11
        assert {p["queue_id"] for p in watcher.of("queue_log")} == {queue}
    for watcher in of_nothing:
        assert not watcher.of("data_block")
        assert not watcher.of("data_point")
        assert not watcher.of("queue_log")
    for watcher in everybody:
        told = [(p["scan_id"], p["timestamp"], p["status"]) for p in watcher.of("scan_status")]
        assert len(told) == len(set(told)), "a status came twice"
