"""A whole laboratory started as people start it, for tests that look at it from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.conftest import until

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 40.0


class RunningLab:
    """`run_web.py` in a folder of its own, on a free loopback port.

    Args:
        folder: the lab's folder.
        arguments: for run_web.py, e.g. ``--demo``.
        environment: further settings.
    """

    def __init__(self, folder: Path, *arguments: str, data: str = "data", **environment: str) -> None:
        self.folder = folder
        self.data_dir = folder / data
        self._output = (folder / "terminal.txt").open("ab")
        settings = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "DATA_STORAGE_PATH", "PORT", "HOST", "SECRET_KEY")
        }
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "run_web.py"), "--port", "0", *arguments],
            cwd=folder,
            env=settings | {"PYTHONPATH": str(ROOT)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        until(self._is_up, START_SECONDS, f"the laboratory answers; its terminal says:\n{self.terminal()}")

    def _is_up(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"run_web.py ended:\n{self.terminal()}")
        try:
            stations = self.get("/api/overview")["stations"]
        except (OSError, ValueError, KeyError, requests.RequestException):
            return False
        return "--no-station" in self.process.args or any(s["state"] == "live" for s in stations)  # type: ignore[operator]

    def terminal(self) -> str:
        """What stands on the terminal it was started from."""
        return (self.folder / "terminal.txt").read_text(encoding="utf-8", errors="replace")

    @property
    def server(self) -> dict[str, Any]:
        """The runtime file: url, pid, token."""
        return json.loads((self.data_dir / "run" / "server.json").read_text(encoding="utf-8"))

    @property
    def url(self) -> str:
        return self.server["url"]

    @property
    def token(self) -> str:
        return self.server["token"]

    @property
    def database(self) -> Path:
        """The SQLite file of the demo."""
        return self.data_dir / "pybirch.db"

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}{path}", headers=self._headers(), timeout=10)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        return requests.post(f"{self.url}{path}", json=body or {}, headers=self._headers(), timeout=10)

    def link(self) -> str:
        """A fresh sign-in link."""
        return self.post("/api/link").json()["url"]

    def scans(self, queue_id: str) -> list[dict[str, Any]]:
        return self.get(f"/api/queue/{queue_id}")["scans"]

    def pid(self, child: str) -> int | None:
        """Of "server", "station" or "simulator"; None while it is not there."""
        children = json.loads((self.data_dir / "run" / "children.json").read_text(encoding="utf-8"))
        return int(children[child]["pid"]) if child in children else None

    def kill(self, child: str) -> None:
        """kill -9, as a crash would."""
        pid = self.pid(child)
        assert pid is not None, f"there is no {child}"
        os.kill(pid, signal.SIGKILL)

    def family(self) -> list[psutil.Process]:
        """The supervisor and everything it has started."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def close(self) -> None:
        """Ctrl-C, and wait until everybody is gone."""
        family = self.family() if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        finally:
            self._output.close()
            for process in family:
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}
