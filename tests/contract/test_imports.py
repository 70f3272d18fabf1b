"""The core works without the database, the database without the web, and scripts without either."""

from __future__ import annotations

import subprocess
import sys

import pytest

WEB = "flask apiflask flask_socketio flask_login flask_wtf socketio engineio simple_websocket werkzeug jinja2"
DATABASE = "sqlalchemy alembic blosc2"
WINDOW = "qtpy PyQt6 pyqtgraph"

CORE_RUNS = """
from pybirch.instruments.simulated import FakeMultimeter, FakeStage
from pybirch.queue.queue import Queue
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanSettings

class Counter:
    points = 0
    def save_data(self, data, measurement_name):
        self.points += len(data)

counter = Counter()
tree = [MovementItem(FakeStage("stage"), [0, 1, 2], children=[MeasurementItem(FakeMultimeter("meter"))])]
scan = Scan(ScanSettings("p", "s", "t", "j", tree), extensions=[counter])
queue = Queue("Q", [scan])
queue.start()
assert queue.wait_for_completion(30)
assert scan.state == "completed" and len(scan.data["meter"]) == counter.points == 3
"""

RECORD_RUNS = """
import sys
from database.services import DatabaseService
from pybirch.database_integration import DatabaseQueue, ScanManager
from pybirch.database_integration.testing import FakeMultimeter, FakeStage
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanSettings

tree = [MovementItem(FakeStage("stage"), [0, 1, 2], children=[MeasurementItem(FakeMultimeter("meter"))])]
with DatabaseService(sys.argv[1]) as db:
    queue = DatabaseQueue(db, QID="Q")
    scan_id = queue.enqueue(Scan(ScanSettings("p", "s", "t", "j", tree)))
    queue.start()
    assert queue.wait_for_completion(30)
    assert db.get_data_point_count(scan_id) == 3
"""

LIVE_WITHOUT_SERVER = """
from pybirch.database_integration import ScanUpdateServer, create_websocket_scan_extension

class Socketio:
    heard = []
    def emit(self, event, *args, **rooms):
        self.heard.append(event)

server = ScanUpdateServer(Socketio())
server.broadcast_scan_status("S", "running", 0.5)
server.close()
assert Socketio.heard == ["scan_status"]
"""


def without(packages: str, script: str, *arguments: str) -> None:
    """Run a script in a Python where these packages cannot be imported."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({packages.split()!r})); "
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{blocked}\n{script}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr


def test_the_core_runs_without_database_web_and_window() -> None:
    without(f"{WEB} {DATABASE} {WINDOW} database GUI pybirch.database_integration", CORE_RUNS)


def test_the_record_runs_without_web_and_window(tmp_path: object) -> None:
    without(f"{WEB} {WINDOW} database.web GUI requests", RECORD_RUNS, f"{tmp_path}/lab.db")


def test_the_live_road_runs_without_web_framework_and_window() -> None:
    without(f"flask apiflask flask_socketio flask_login {WINDOW} database.web GUI", LIVE_WITHOUT_SERVER)


@pytest.mark.parametrize("module", ["pybirch.database_integration", "database.services", "database.models"])
def test_these_import_without_web_and_window(module: str) -> None:
    without(f"{WEB} {WINDOW} database.web GUI", f"import {module}; dir({module})")
