"""`run_web.py` with fake children, as a program: the way in is real, the laboratory is not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from pybirch.cli import lab, up
from pybirch.lab_settings import LabSettings
from tests.cli.fakes import STATION, program

SERVER = """
import os, pathlib, signal, sys, threading
from tests.cli.fakes import FakeServer
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
try:
    server = FakeServer(pathlib.Path(sys.argv[1]), int(os.environ["PORT"]))
except OSError:
    sys.exit(3)
server.write_runtime_file(os.getpid())
ended.wait()
server.close()
"""


def fake_children(settings: LabSettings, *, port_sentence: str, **_: Any) -> list[Any]:
    root = str(Path(__file__).parents[2])
    environment = {**settings.environment(), "PYTHONPATH": os.pathsep.join([root, *sys.path])}
    return [
        program(
            "server", SERVER, str(settings.run_dir), environment=environment, fatal_codes={3: port_sentence}
        ),
        program("station", STATION, str(settings.run_dir / "station.json"), environment=environment),
    ]


def sit_at(terminal: str) -> None:
    """Make the terminal this program's own: what is typed there is its stdin and its signals."""
    import fcntl
    import termios

    keyboard = os.open(terminal, os.O_RDWR)
    fcntl.ioctl(keyboard, termios.TIOCSCTTY, 0)
    os.dup2(keyboard, 0)


lab.children = fake_children
if __name__ == "__main__":
    if terminal := os.environ.get("FAKE_TERMINAL"):
        sit_at(terminal)
    up.main()
