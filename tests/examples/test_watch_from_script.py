"""A script's queue beside a server: recorded there; without one, a sentence."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from database.services import DatabaseService
from tests.conftest import WaitFor
from tests.examples.conftest import Run, clean_environment


@pytest.fixture
def server(tmp_path: Path, wait_for: WaitFor) -> Iterator[subprocess.Popen[bytes]]:
    """`pybirch serve` for this folder, on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pybirch.cli", "serve", "--port", "0"],
        cwd=tmp_path,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for((tmp_path / "data" / "run" / "server.json").exists, timeout=20, what="a server")
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait(8)


def test_without_a_server_it_says_so(run: Run) -> None:
    done = run("watch_from_script.py")

    assert done.returncode == 1
    assert done.stderr.strip() == ("error: no PyBirch server runs here; start one with `python run_web.py`")


def test_without_a_token_it_says_how_to_get_one(run: Run) -> None:
    done = run("watch_from_script.py", "http://127.0.0.1:9")

    assert done.returncode == 1
    assert "pybirch token create" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.system
def test_the_server_records_it(run: Run, server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    done = run("watch_from_script.py")

    assert done.returncode == 0, done.stderr
    assert (told := re.match(r"(\S+): completed, 101 readings", done.stdout)), done.stdout
    with DatabaseService(tmp_path / "pybirch.db") as db:
        assert db.get_data_point_count(told[1]) == 101
        assert {row.queue_id for row in db.queues.list()} == {"from-a-script"}
