"""What the terminal says once the server answers: the sign-in link, and another one for Enter."""

from __future__ import annotations

import os
import select
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from pybirch.cli.api import living_server, sign_in_link
from pybirch.cli.runtime import ServerFile, family, read_server
from pybirch.errors import ServerUnavailableError

Say = Callable[[str], None]


def block(link: str, data_dir: Path, *, ask_enter: bool) -> str:
    """The friendly block: where to go, where the data is, how to stop."""
    command = f"`{link_command()}`"
    another = f"press Enter, or run {command}, for another" if ask_enter else f"{command} prints another"
    return "\n".join(
        (
            "",
            "  PyBirch is running. Open this link in a browser to sign in:",
            "",
            f"    {link}",
            "",
            f"  It is valid for ten minutes and for one use; {another}.",
            f"  Data folder  {data_dir}",
            "  To stop      press Ctrl-C: running scans are aborted, instruments made safe",
            "",
        )
    )


def link_command() -> str:
    """How to call `pybirch link` from another terminal, whether or not the environment is active there."""
    program = Path(sys.executable).with_name("pybirch")
    if shutil.which("pybirch") or not program.exists():
        return "pybirch link"
    return f"{os.path.relpath(program)} link"


class SignIn:
    """A thread that waits for the server, prints the block, then listens for Enter.

    Args:
        run_dir: where the server's runtime file is.
        server_pid: the server child's pid, None while there is none.
        say: prints.
        data_dir: named in the block.
    """

    def __init__(self, run_dir: Path, server_pid: Callable[[], int | None], say: Say, data_dir: Path) -> None:
        self._run_dir = run_dir
        self._server_pid = server_pid
        self._say = say
        self._data_dir = data_dir
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sign-in", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        while not self._closing.is_set():
            link = self._first_link()
            if link is not None:
                self._say(block(link, self._data_dir, ask_enter=terminal_is_ours()))
                break
            self._closing.wait(0.1)
        while not self._closing.is_set():
            if enter_pressed(0.3, self._closing):
                self._another()

    def _first_link(self) -> str | None:
        """A link of the server we started, and of no other that may have left a runtime file."""
        server, pid = read_server(self._run_dir), self._server_pid()
        if server is None or pid is None or server.pid not in family(pid):
            return None
        try:
            return sign_in_link(server)
        except ServerUnavailableError:
            return None

    def _another(self) -> None:
        server = living_server(self._run_dir)
        try:
            self._say(f"  {sign_in_link(server)}" if server else "  The server is just starting; try again.")
        except ServerUnavailableError as error:
            self._say(f"  No link just now: {error}.")


def link_when_ready(
    run_dir: Path, seconds: float, closing: threading.Event | None = None
) -> tuple[ServerFile, str]:
    """A link of a server that may still be starting.

    Raises:
        ServerUnavailableError: it did not answer in time.
    """
    pause = closing or threading.Event()
    trouble = ServerUnavailableError(f"its server did not answer; see {run_dir / 'pybirch.log'}")
    for _ in range(max(1, int(seconds / 0.2))):
        server = living_server(run_dir)
        if server is not None:
            try:
                return server, sign_in_link(server)
            except ServerUnavailableError as error:
                trouble = error
        if pause.wait(0.2):
            break
    raise trouble


def terminal_is_ours() -> bool:
    """Somebody sits at a terminal, and this program is the one that reads it."""
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False


def enter_pressed(seconds: float, closing: threading.Event) -> bool:
    """Wait a little for a line on the terminal; without one, just wait."""
    if not terminal_is_ours():
        closing.wait(seconds)
        return False
    if sys.platform == "win32":
        return bool(sys.stdin.readline())
    try:
        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        if not ready:
            return False
        if sys.stdin.readline():
            return True
    except OSError:  # the terminal was closed
        pass
    closing.wait(seconds)  # or said Ctrl-D
    return False
