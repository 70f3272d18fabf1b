"""One child process of the supervisor: started, watched by pid, asked to stop, killed with its group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from pybirch.cli.runtime import CREATED_TOLERANCE_S, ChildRecord

WINDOWS = sys.platform == "win32"
REAP_TIME_S = 0.3


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What to start, and when.

    Attributes:
        name: as it is called in the log.
        command: the command line; never with a secret in it.
        environment: added to the supervisor's own.
        may_start: asked before each start.
        already_runs: asked before each start, too: a process of somebody else's that does this job,
            which is then watched instead.
        fatal_codes: exit codes of a first start that end everything, with the sentence to say.
        held_codes: exit codes after which it is started again only when that file has been changed.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    may_start: Callable[[], bool] = lambda: True
    already_runs: Callable[[], ChildProcess | None] = lambda: None
    fatal_codes: Mapping[int, str] = field(default_factory=dict)
    held_codes: Mapping[int, Path] = field(default_factory=dict)


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class ChildProcess:
    """A running child: our own, or one that an earlier supervisor left behind.

    Attributes:
        mine: False for a process that somebody else started: it is watched and never stopped.
    """

    def __init__(
        self, process: psutil.Process, popen: subprocess.Popen[bytes] | None, *, mine: bool = True
    ) -> None:
        self._process = process
        self._popen = popen
        self.mine = mine
        self.pid = process.pid
        self.created = process.create_time()

    @classmethod
    def start(cls, spec: ChildSpec, output: Path) -> ChildProcess:
        """Start it in a session of its own, its output appended to a file.

        A file and not a pipe: the child outlives a supervisor that is killed, and goes on writing.
        """
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        with open(output, "ab", opener=_for_its_owner) as stream:
            popen = subprocess.Popen(
                spec.command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **spec.environment},
                start_new_session=True,
                creationflags=flags,
            )
        return cls(psutil.Process(popen.pid), popen)

    @classmethod
    def adopt(cls, record: ChildRecord) -> ChildProcess | None:
        """The process of an earlier supervisor's record, if that very process still lives."""
        found = cls.watch(record.pid)
        if found is None or abs(found.created - record.created) > CREATED_TOLERANCE_S:
            return None
        found.mine = True
        return found

    @classmethod
    def watch(cls, pid: int) -> ChildProcess | None:
        """A living process that is not ours to stop."""
        try:
            found = cls(psutil.Process(pid), None, mine=False)
        except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
            return None
        return None if found.has_ended() else found

    def has_ended(self) -> bool:
        if self._popen is not None:
            return self._popen.poll() is not None
        try:
            return not self._process.is_running() or self._process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and for an adopted process, whose code nobody can know."""
        return None if self._popen is None else self._popen.returncode

    def ask_to_stop(self) -> None:
        """SIGTERM (CTRL_BREAK on Windows), once it is worth asking."""
        if self.has_ended():
            return
        try:
            if WINDOWS:
                self._process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
            else:
                self._process.terminate()
        except psutil.NoSuchProcess:
            return

    def kill(self) -> None:
        """Kill what is left of the child and of everything in its session."""
        if WINDOWS or not self._leads_its_group():
            self._kill_tree()
        else:
            self._kill_group()
        if self._popen is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs in a driver, and cannot be helped
                self._popen.wait(REAP_TIME_S)

    def _leads_its_group(self) -> bool:
        if self._popen is not None:
            return True
        try:
            return os.getpgid(self.pid) == self.pid
        except ProcessLookupError:
            return False

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def _kill_tree(self) -> None:
        try:
            tree = [*self._process.children(recursive=True), self._process]
        except psutil.NoSuchProcess:
            return
        for process in tree:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
