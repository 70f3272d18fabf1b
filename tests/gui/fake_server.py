"""A small server with one queue and one scan, for what watches a lab from outside."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import numpy as np
from flask import Flask, jsonify, request
from flask_socketio import SocketIO, join_room
from werkzeug.serving import make_server

from pybirch.events import QueueLog, QueueStatus, Readings, ScanStatus, utc_now
from pybirch.states import QueueState, ScanState
from pybirch.wire import dumps, orjson, to_block, to_wire

TOKEN = "right token"
SCAN, QUEUE = "scan-1", "demo queue"


class WireJson:
    dumps = staticmethod(lambda value, **_: dumps(value))
    loads = staticmethod(lambda text, **_: orjson.loads(text))


class FakeServer:
    def __init__(self) -> None:
        self.commands: list[tuple[str, str]] = []
        self.refuses = False
        self.status = "queued"
        self.count = 0
        self._lines: list[socket.socket] = []
        self.app = Flask("fake")
        self.sockets = SocketIO(self.app, async_mode="threading", json=WireJson, cors_allowed_origins=None)
        self._routes()
        self._events()
        self._server = make_server("127.0.0.1", 0, self.app, threaded=True)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="fake server")
        self._thread.start()

    # What tests do

    def measure(self, count: int, *, heard: bool = True) -> None:
        """`count` new readings are in the record; watchers hear of them, or do not."""
        first, self.count = self.count, self.count + count
        if heard:
            self.tell_readings(first, count)

    def tell_readings(self, first: int, count: int) -> None:
        self.sockets.emit("data_block", to_wire(readings(first, count)), to=f"scan_{SCAN}_blocks")

    def becomes(self, status: str) -> None:
        self.status = status
        queue = QueueState.IDLE if ScanState(status).is_finished else QueueState(status)
        self.sockets.emit(
            "scan_status", to_wire(ScanStatus(scan_id=SCAN, status=ScanState(status), progress=0.5))
        )
        self.sockets.emit("queue_status", to_wire(QueueStatus(queue_id=QUEUE, status=queue, total_scans=1)))

    def log(self, message: str) -> None:
        self.sockets.emit("queue_log", to_wire(QueueLog(queue_id=QUEUE, level="WARNING", message=message)))

    def drop_everybody(self) -> None:
        """The network is cut: no goodbye."""
        lines, self._lines = self._lines, []
        for line in lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def is_watched(self) -> bool:
        manager = self.sockets.server.manager
        return bool(list(manager.get_participants("/", f"scan_{SCAN}_blocks")))

    def close(self) -> None:
        self.drop_everybody()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # What the server answers

    def _routes(self) -> None:
        app = self.app

        @app.before_request
        def known():
            if request.headers.get("Authorization") != f"Bearer {TOKEN}":
                return jsonify(ok=False, error={"message": "this token is not known"}), 401
            return None

        @app.get("/api/overview")
        def overview():
            queue = {k: v for k, v in self._queue().items() if k != "scans"}
            instrument = {
                "instrument_id": 7,
                "name": "stage",
                "status": "idle",
                "position": {"stage (mm)": 1.5},
            }
            return jsonify(
                lab={"name": "Far lab"},
                queues=[queue],
                scans=[self._scan()],
                instruments=[instrument],
                stations=[{"name": "station", "state": "live"}],
                now=utc_now(),
            )

        @app.get("/api/queue/<_queue>")
        def queue(_queue):
            return jsonify(self._queue())

        @app.get("/api/queue/<_queue>/logs")
        def logs(_queue):
            line = {
                "id": 1,
                "timestamp": utc_now(),
                "level": "INFO",
                "message": "earlier line",
                "scan_id": None,
            }
            return jsonify(items=[line])

        @app.get("/api/scan/<_scan>")
        def scan(_scan):
            columns = [{"name": "current", "unit": "A", "role": "data", "shape": []}]
            measurement = {
                "name": "meter",
                "columns": columns,
                "count": self.count,
                "last_index": self.count - 1,
            }
            return jsonify(self._scan() | {"measurements": [measurement] if self.count else []})

        @app.get("/api/scan/<_scan>/data/<_measurement>")
        def data(_scan, _measurement):
            start = min(int(request.args["start"]), self.count)
            end = max(start, min(int(request.args["end"]), self.count))
            block = to_block(readings(start, end - start), request.args["format"])
            return jsonify(
                first_index=start,
                end_index=end,
                count=end - start,
                stride=1,
                columns=block.columns,
                encoding=block.encoding,
            )

        @app.post("/api/queue/<_queue>/<action>")
        def command(_queue, action):
            self.commands.append((QUEUE, action))
            if self.refuses:
                return jsonify(ok=False, error={"message": "The queue is idle and cannot be paused."}), 409
            self.becomes({"pause": "paused", "abort": "aborted"}.get(action, "running"))
            return jsonify(ok=True, command_id="1", queue=self._queue())

        @app.post("/api/stop")
        def stop():
            return jsonify(ok=False, stations=[{"name": "station", "ok": False, "error": "did not answer"}])

    def _events(self) -> None:
        @self.sockets.on("connect")
        def connect(_auth=None):
            self._lines.append(request.environ["werkzeug.socket"])
            return request.headers.get("Authorization") == f"Bearer {TOKEN}"

        @self.sockets.on("subscribe_scan")
        def subscribe_scan(_data):
            join_room(f"scan_{SCAN}_blocks")
            last = {"meter": self.count - 1} if self.count else {}
            return {"ok": True, "scan_id": SCAN, "status": self.status, "last": last}

        for name in ("unsubscribe_scan", "subscribe_queue", "subscribe_instruments"):
            self.sockets.on_event(name, lambda _data=None: {"ok": True})

    def _scan(self) -> dict[str, Any]:
        return {
            "scan_id": SCAN,
            "name": "far scan",
            "status": self.status,
            "requested": None,
            "progress": 0.5,
            "queue_id": QUEUE,
            "started_at": None if self.status == "queued" else utc_now(),
            "points_done": self.count,
            "points_total": 100,
        }

    def _queue(self) -> dict[str, Any]:
        status = self.status if self.status in ("running", "paused") else "idle"
        return {
            "queue_id": QUEUE,
            "name": QUEUE,
            "status": status,
            "completed_scans": 0,
            "total_scans": 1,
            "scans": [self._scan()],
        }


def readings(first: int, count: int) -> Readings:
    numbers = np.arange(first, first + count, dtype=float)
    return Readings(
        scan_id=SCAN,
        measurement="meter",
        first_index=first,
        steps=numbers.astype(int),
        times=numbers,
        positions={"source (V)": numbers},
        values={"current (A)": numbers * 2},
    )
