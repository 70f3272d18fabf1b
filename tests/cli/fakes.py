"""Small programs that stand in for server and station, and the supervisor around them."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pybirch.cli.care import Patience
from pybirch.cli.child import ChildSpec
from pybirch.cli.exits import ExitReporter
from pybirch.cli.output import LogBook
from pybirch.cli.runtime import write_private
from pybirch.cli.supervisor import Supervisor

SLEEPER = """
import signal, sys, threading
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
print("INFO fake: up", flush=True)
ended.wait()
print("INFO fake: down", flush=True)
"""
STUBBORN = """
import signal, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("INFO fake: up", flush=True)
threading.Event().wait()
"""
STATION = """
import json, os, pathlib, signal, sys, threading
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
file = pathlib.Path(sys.argv[1])
content = {"pid": os.getpid(), "epoch": f"epoch-{os.getpid()}", "name": "station"}
draft = file.with_suffix(".new")
draft.write_text(json.dumps(content))
draft.replace(file)
ended.wait()
"""


def program(name: str, code: str, *arguments: str, **more: Any) -> ChildSpec:
    """A child that runs a few lines of Python; its command line says it is PyBirch's."""
    return ChildSpec(name=name, command=[sys.executable, "-c", code, *arguments, "pybirch-fake"], **more)


FAILING_STATION = """
import json, os, pathlib, sys
run, lab = map(pathlib.Path, sys.argv[1:3])
bad = "bad" in lab.read_text()
content = {"pid": os.getpid(), "epoch": f"epoch-{os.getpid()}", "name": "station"}
(run / "station.json").write_text(json.dumps(content | ({"error": "lab.py, line 1: bad"} if bad else {})))
if bad:
    sys.exit(5)
import threading
threading.Event().wait()
"""


class FakeServer:
    """Answers `POST /api/link` and `/api/station/exited`, in this process, and remembers what was said."""

    def __init__(self, run_dir: Path, port: int = 0) -> None:
        self.exits: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.statuses: list[int] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.tokens.add(self.headers["Authorization"])
                status = fake.statuses.pop(0) if fake.statuses else 200
                if self.path == "/api/station/exited" and status == 200:
                    fake.exits.append(json.loads(body))
                answer = json.dumps({"url": f"{fake.url}/login?code=abc"}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self._run_dir = run_dir

    def write_runtime_file(self, pid: int) -> None:
        write_private(self._run_dir / "server.json", {"url": self.url, "pid": pid, "token": "secret"})

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class Run:
    """A supervisor in a thread of this process."""

    def __init__(self, specs: Sequence[ChildSpec], run_dir: Path, patience: Patience | None = None) -> None:
        self.said: list[str] = []
        self.error: BaseException | None = None
        self._logbook = LogBook(run_dir / "pybirch.log", self.said.append)
        self._reporter = ExitReporter(run_dir, retry=0.05)
        self.supervisor = Supervisor(specs, run_dir, self._logbook, self._reporter, patience)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.supervisor.run()
        except BaseException as error:
            self.error = error

    def pid(self, name: str) -> int | None:
        child = self.supervisor.child(name)
        return None if child is None else child.pid

    def end(self, timeout: float = 5.0) -> bool:
        """Stop it; True if it ended in time."""
        self.supervisor.stop()
        self._thread.join(timeout)
        self._reporter.close()
        self._logbook.close()
        return not self._thread.is_alive()
