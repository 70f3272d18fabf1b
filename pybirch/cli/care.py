"""Keeping one child alive: start, notice the end, wait a little longer each time, start again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pybirch.cli.child import ChildProcess, ChildSpec
from pybirch.cli.output import Tail


@dataclass(frozen=True)
class Patience:
    """How long to wait before a start after a death, in seconds.

    Attributes:
        first: after the first death.
        longest: the wait doubles up to here.
        healthy: a child that lived this long starts afresh with the first wait.
    """

    first: float = 0.2
    longest: float = 10.0
    healthy: float = 30.0


@dataclass(frozen=True)
class Ended:
    """A child's end: who it was, its code if that can be known, and the wait before the next start.

    Attributes:
        held: the file that must be changed before the next start.
    """

    process: ChildProcess
    code: int | None
    wait: float
    first_start: bool
    held: Path | None = None


class Care:
    """Keeps one child alive; `look()` is called over and over by the supervisor's loop."""

    def __init__(
        self,
        spec: ChildSpec,
        folder: Path,
        patience: Patience,
        *,
        adopted: ChildProcess | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self.process = adopted
        self._output = folder / f"{spec.name}.out"
        self._patience = patience
        self._clock = clock
        self._wait = patience.first
        self._next_start = clock()
        self._started_at = clock()
        self._starts = 0
        self._stamps: dict[Path, tuple[int, int] | None] = {}
        self._held: Path | None = None
        if adopted is None:
            self._output.unlink(missing_ok=True)
        self.tail = Tail(self._output, from_end=adopted is not None)

    def look(self) -> Ended | None:
        """Start the child if it is time; tell of its end, once.

        Raises:
            OSError: it could not be started.
        """
        if self.process is None:
            if self._clock() >= self._next_start and not self._is_held() and self.spec.may_start():
                self.process = self.spec.already_runs() or self._start()
            return None
        return self._bury() if self.process.has_ended() else None

    def _start(self) -> ChildProcess:
        self._started_at = self._clock()
        self._starts += 1
        self._held = None
        self._stamps = {file: stamp(file) for file in self.spec.held_codes.values()}
        return ChildProcess.start(self.spec, self._output)

    def _is_held(self) -> bool:
        """Whether it waits for a file that is still as it was when the child was started with it."""
        if self._held is None:
            return False
        now = stamp(self._held)
        return now is None or now == self._stamps[self._held]

    def postpone(self) -> float:
        """It could not even be started: wait as after a death; the wait is returned."""
        wait = self._wait
        self._next_start = self._clock() + wait
        self._wait = min(wait * 2, self._patience.longest)
        return wait

    def _bury(self) -> Ended:
        process = self.process
        assert process is not None
        if process.mine:
            process.kill()  # what it may have left in its session would hold the port or an instrument
        code = process.exit_code
        self._held = None if code is None else self.spec.held_codes.get(code)
        if self._held is not None or self._clock() - self._started_at >= self._patience.healthy:
            self._wait = self._patience.first
        self.process = None
        return Ended(process, code, self.postpone(), first_start=self._starts == 1, held=self._held)


def stamp(file: Path) -> tuple[int, int] | None:
    """Changes whenever the file is saved; None while it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
