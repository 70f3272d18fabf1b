"""Starting a laboratory: the link, Ctrl-C, a taken port, a second run, a killed supervisor."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pybirch.cli.runtime import read_children, read_server, read_station
from tests.conftest import until

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]


class Terminal:
    """One `run_web.py`; what it prints goes to a file."""

    def __init__(self, folder: Path, number: int, *arguments: str, keyboard: str = "") -> None:
        self.run_dir = folder / "data" / "run"
        self._printed = folder / f"terminal{number}.txt"
        self._stream = self._printed.open("wb")
        environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "DATA_STORAGE_PATH")}
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.cli.lab_of_fakes", *arguments],
            cwd=folder,
            env={**environment, "PYTHONPATH": str(ROOT), "FAKE_TERMINAL": keyboard},
            start_new_session=bool(keyboard),
            stdin=subprocess.DEVNULL,
            stdout=self._stream,
            stderr=subprocess.STDOUT,
        )

    @property
    def text(self) -> str:
        return self._printed.read_text()

    def is_ready(self) -> bool:
        return "/login?code=" in self.text

    def children(self) -> list[int]:
        return [record.pid for record in read_children(self.run_dir).values()]

    def ends(self, timeout: float = 10) -> int:
        code = self.popen.wait(timeout)
        self._stream.close()
        return code

    def clear(self) -> None:
        """End it and whatever it had started, if the test has not."""
        orphans = self.children()
        if self.popen.poll() is None:
            self.popen.terminate()
            self.popen.wait(10)
        self._stream.close()
        for pid in filter(lives, orphans):
            os.kill(pid, signal.SIGKILL)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def hangup() -> Iterator[None]:
    """What is started hears a hangup, even where these tests were started by nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    terminals: list[Terminal] = []

    def run(*arguments: str, keyboard: str = "") -> Terminal:
        terminals.append(Terminal(tmp_path, len(terminals), *arguments, keyboard=keyboard))
        return terminals[-1]

    yield run
    for terminal in terminals:
        terminal.clear()


def test_it_prints_a_link_and_ctrl_c_leaves_nobody(start: Callable[..., Terminal]) -> None:
    terminal = start("--port", "0")
    until(terminal.is_ready, timeout=20)
    until(lambda: len(terminal.children()) == 2)
    assert str(terminal.run_dir.parent) in terminal.text
    assert "Enter" not in terminal.text
    pids = terminal.children()
    begun = time.monotonic()
    terminal.popen.send_signal(signal.SIGINT)
    assert terminal.ends(timeout=5) == 0
    assert time.monotonic() - begun < 5
    assert not any(map(lives, pids))
    assert terminal.text.endswith("PyBirch has stopped.\n")


def test_a_taken_port_is_one_sentence(
    start: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        terminal = start("--port", str(port))
        assert terminal.ends() == 1
    assert terminal.text.startswith(f"error: port {port} is in use by another program")
    assert "; choose another: python run_web.py --port " in terminal.text
    assert terminal.text.count("\n") == 1
    assert terminal.children() == []


def test_advice_on_a_taken_port_keeps_what_was_typed(
    start: Callable[..., Terminal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)
    (tmp_path / "my lab.py").write_text("")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        typed = ("--lab", f"../{tmp_path.name}/my lab.py", "--host", "127.0.0.1", "--no-station")
        terminal = start(*typed, "--port", str(other.getsockname()[1]))
        assert terminal.ends() == 1
    advice = shlex.split(terminal.text.partition("; choose another: ")[2])
    assert advice[:-1] == ["python", "run_web.py", *typed, "--port"]
    assert advice[-1].isdigit()


def test_a_port_that_pybirch_of_this_folder_has_is_no_strangers(
    start: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)
    first = start("--port", "0")
    until(first.is_ready, timeout=20)
    server = read_server(first.run_dir)
    assert server is not None
    demo = start("--demo", "--port", server.url.rpartition(":")[2])
    assert demo.ends() == 1
    assert demo.text.startswith(
        f"error: PyBirch runs already in this folder, at {server.url} (data in {first.run_dir.parent}); "
        "to start this one beside it: python run_web.py --demo --port "
    )


def test_a_second_run_says_where_the_first_is(start: Callable[..., Terminal]) -> None:
    first = start("--port", "0")
    until(first.is_ready, timeout=20)
    second = start("--port", "0")
    assert second.ends() == 0
    server = read_server(first.run_dir)
    assert server is not None
    assert "already runs" in second.text
    assert f"{server.url}/login?code=" in second.text
    assert first.popen.poll() is None


def test_a_new_run_takes_over_what_a_killed_one_left(start: Callable[..., Terminal]) -> None:
    first = start("--port", "0")
    until(first.is_ready, timeout=20)
    until(lambda: read_station(first.run_dir))
    until(lambda: len(first.children()) == 2)
    left = first.children()
    server = read_server(first.run_dir)
    assert server is not None
    first.popen.kill()
    first.ends()
    assert all(map(lives, left))
    second = start("--port", server.url.rpartition(":")[2])
    until(second.is_ready, timeout=20)
    assert second.children() == left
    assert "the station is still alive" in second.text
    second.popen.terminate()
    assert second.ends(timeout=5) == 0
    assert not any(map(lives, left))


class Keyboard:
    """A pseudo-terminal to type into."""

    def __init__(self) -> None:
        self._typing_end, self._program_end = os.openpty()
        self.name = os.ttyname(self._program_end)
        self._open = True

    def type(self, keys: bytes) -> None:
        os.write(self._typing_end, keys)

    def close(self) -> None:
        """As when its window is closed."""
        if self._open:
            self._open = False
            os.close(self._typing_end)
            os.close(self._program_end)


@pytest.fixture
def keyboard() -> Iterator[Keyboard]:
    keyboard = Keyboard()
    yield keyboard
    keyboard.close()


@pytest.mark.usefixtures("hangup")
def test_a_closed_terminal_window_ends_everything(start: Callable[..., Terminal], keyboard: Keyboard) -> None:
    terminal = start("--port", "0", keyboard=keyboard.name)
    until(terminal.is_ready, timeout=20)
    pids = terminal.children()
    keyboard.close()
    assert terminal.ends(timeout=5) == 0
    assert not any(map(lives, pids))


def test_enter_prints_another_link_and_ctrl_c_is_typed(
    start: Callable[..., Terminal], keyboard: Keyboard
) -> None:
    terminal = start("--port", "0", keyboard=keyboard.name)
    until(terminal.is_ready, timeout=20)
    assert "press Enter" in terminal.text
    keyboard.type(b"\n")
    until(lambda: terminal.text.count("/login?code=") == 2)
    pids = terminal.children()
    keyboard.type(b"\x03")
    assert terminal.ends(timeout=5) == 0
    assert not any(map(lives, pids))
