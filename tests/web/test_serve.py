"""The server as a process: its runtime file, its port, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
import socketio

from database.web.serve import PORT_IN_USE

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are another thing on Windows"),
]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts servers of one lab; ends what is left of them."""
    started: list[subprocess.Popen[str]] = []

    def run(port: int = 0, **settings: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "DATA_STORAGE_PATH": str(tmp_path / "data"),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'lab.db'}",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            **settings,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "database.web.serve"],
            env=environment,
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=5)


@pytest.fixture
def running(tmp_path: Path, wait_for: Any) -> Callable[[subprocess.Popen[str]], dict[str, Any]]:
    """What server.json says once that process has written it."""
    file = tmp_path / "data" / "run" / "server.json"

    def read(process: subprocess.Popen[str]) -> dict[str, Any]:
        def told() -> Any:
            assert process.poll() is None, process.communicate()[1]
            found = json.loads(file.read_text()) if file.exists() else {}
            return found if found.get("pid") else None

        return wait_for(told, timeout=20)

    return read


def headers(told: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {told['token']}"}


@pytest.mark.parametrize("runner", ["werkzeug", "gunicorn"])
def test_it_announces_itself_and_goes_quickly_with_clients_connected(
    start: Callable[..., Any], running: Any, tmp_path: Path, runner: str
) -> None:
    process = start(SERVER=runner)
    told = running(process)
    file = tmp_path / "data" / "run" / "server.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert requests.get(f"{told['url']}/api/overview", timeout=5).status_code == 401
    assert requests.get(f"{told['url']}/api/overview", headers=headers(told), timeout=5).status_code == 200
    clients = [socketio.Client(reconnection=False) for _ in range(3)]
    for client in clients:
        client.connect(told["url"], headers=headers(told), transports=["websocket"])
    begun = time.monotonic()
    os.kill(told["pid"], signal.SIGTERM)
    assert process.wait(5) == 0
    assert time.monotonic() - begun < 2
    assert not file.exists()
    for client in clients:
        client.disconnect()
        client.eio.ws.shutdown()


def gave_up(process: subprocess.Popen[str], file: Path, pid: int, wait_for: Any) -> bool:
    """Whether the process found its port in use; waits until it has or has announced itself."""
    wait_for(lambda: process.poll() is not None or json.loads(file.read_text())["pid"] != pid, timeout=20)
    return process.poll() == PORT_IN_USE


@pytest.mark.parametrize("runner", ["werkzeug", "gunicorn"])
def test_after_a_kill_it_comes_back_on_the_same_port_with_the_same_token(
    start: Callable[..., Any], running: Any, wait_for: Any, tmp_path: Path, runner: str
) -> None:
    file = tmp_path / "data" / "run" / "server.json"
    first = start(SERVER=runner)
    told = running(first)
    port = int(told["url"].rpartition(":")[2])
    client = socketio.Client(reconnection=False)
    client.connect(told["url"], headers=headers(told), transports=["websocket"])
    os.kill(told["pid"], signal.SIGKILL)
    first.wait(5)
    second = start(port=port, SERVER=runner)
    while gave_up(second, file, told["pid"], wait_for):  # a worker needs a second to notice
        assert runner == "gunicorn"
        second = start(port=port, SERVER=runner)
    again = wait_for(lambda: (now := running(second))["pid"] != told["pid"] and now, timeout=20)
    assert (again["url"], again["token"]) == (told["url"], told["token"])
    assert requests.get(f"{told['url']}/api/overview", headers=headers(told), timeout=5).status_code == 200
    client.disconnect()
    client.eio.ws.shutdown()


def test_the_unknown_do_not_hold_all_threads_of_gunicorn(start: Callable[..., Any], running: Any) -> None:
    told = running(start(SERVER="gunicorn"))
    where = ("127.0.0.1", int(told["url"].rpartition(":")[2]))
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n\r\ncode="
    with ExitStack() as held:
        slow = [held.enter_context(socket.create_connection(where, 5)) for _ in range(300)]
        for client in slow:
            client.sendall(head)
        answer = requests.post(f"{told['url']}/api/stop", headers=headers(told), timeout=5)
        assert answer.status_code == 200
        assert slow[0].recv(1) == b"", "who has been unknown for longest makes room"


def test_a_port_in_use_is_a_sentence_and_a_code(start: Callable[..., Any]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        process = start(port=port)
        _, said = process.communicate(timeout=20)
    assert process.returncode == PORT_IN_USE
    assert said.strip().splitlines() == [
        f"pybirch: Port {port} on 127.0.0.1 is in use by another program; choose another with PORT=…"
    ]


def test_scripts_in_other_processes_find_it(
    start: Callable[..., Any], running: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Any
) -> None:
    import database.web.app as module

    told = running(start())
    monkeypatch.setattr(module, "_newest", None)
    monkeypatch.setenv("DATA_STORAGE_PATH", str(tmp_path / "data"))
    proxy = module.get_scan_update_server()
    proxy.broadcast_scan_status("from-a-script", "running", 0.5)

    def scan() -> Any:
        answer = requests.get(f"{told['url']}/api/scan/from-a-script", headers=headers(told), timeout=5)
        return answer.status_code == 200 and answer.json()["status"] == "running"

    wait_for(scan)
    proxy.close()
