"""The real demo under its real supervisor: a killed station is told of and replaced, Ctrl-C ends all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest

from pybirch.cli.runtime import read_children, read_server, read_station
from tests.conftest import until

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]


class Demo:
    """`run_web.py --demo` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.run_dir = folder / "data" / "demo" / "run"
        self.printed = folder / "terminal.txt"
        ours = ("DATABASE_URL", "DATA_STORAGE_PATH", "HOST", "PORT")
        with self.printed.open("wb") as stream:
            self.popen = subprocess.Popen(
                [sys.executable, str(ROOT / "run_web.py"), "--demo", "--port", "0"],
                cwd=folder,
                env={k: v for k, v in os.environ.items() if k not in ours},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def pid(self, name: str) -> int | None:
        record = read_children(self.run_dir).get(name)
        return record.pid if record else None

    def overview(self) -> dict[str, Any]:
        server = read_server(self.run_dir)
        assert server is not None
        request = Request(f"{server.url}/api/overview", headers={"Authorization": f"Bearer {server.token}"})
        with urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def running(self) -> list[str]:
        return [scan["scan_id"] for scan in self.overview()["scans"] if scan["status"] == "running"]

    def state_of(self, scan_id: str) -> str:
        return next(scan["status"] for scan in self.overview()["scans"] if scan["scan_id"] == scan_id)

    def end(self) -> float:
        """Ctrl-C; how many seconds it took."""
        begun = time.monotonic()
        self.popen.send_signal(signal.SIGINT)
        self.popen.wait(10)
        return time.monotonic() - begun


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    if demo.popen.poll() is None:
        demo.end()


def test_the_demo_survives_its_station_and_ends_in_order(demo: Demo) -> None:
    until(lambda: "/login?code=" in demo.printed.read_text(), timeout=30, what="a sign-in link")
    scan_id = until(demo.running, timeout=20, what="a running scan")[0]
    station = until(lambda: demo.pid("station"))
    life = until(lambda: read_station(demo.run_dir))

    os.kill(station, signal.SIGKILL)
    until(lambda: demo.state_of(scan_id) == "interrupted", timeout=2, what="the scan shown as interrupted")
    until(
        lambda: [s["state"] for s in demo.overview()["stations"] if s["epoch"] != life.epoch] == ["live"],
        timeout=20,
        what="a new station",
    )

    children = [demo.pid(name) for name in ("simulator", "server", "station")]
    assert demo.end() < 5
    assert demo.popen.returncode == 0
    assert not any(pid is None or psutil.pid_exists(pid) for pid in children)
