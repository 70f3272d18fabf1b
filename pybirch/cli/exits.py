"""Telling the server that a station has ended, until the server has taken it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

from pybirch.cli.api import ServerRefusedError, post
from pybirch.cli.runtime import read_server
from pybirch.errors import ServerUnavailableError

log = logging.getLogger(__name__)

_TOKEN_CHANGED = (401, 403)


@dataclass(frozen=True, slots=True)
class StationExit:
    """A station's end; `code` is None where it cannot be known, and so is `reason`, its own words on it."""

    station: str
    epoch: str
    code: int | None
    reason: str | None = None


class ExitReporter:
    """A thread that delivers exits in order, each again and again until the server answers."""

    def __init__(self, run_dir: Path, *, retry: float = 0.3, timeout: float = 2.0) -> None:
        self._run_dir = run_dir
        self._retry = retry
        self._timeout = timeout
        self._waiting: deque[StationExit] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._run, name="station exits", daemon=True)
        self._thread.start()

    def report(self, exit_: StationExit) -> None:
        with self._changed:
            self._waiting.append(exit_)
            self._changed.notify()

    def close(self, timeout: float = 0.5) -> None:
        """Stop trying; what was not delivered is found by the next station when it attaches."""
        with self._changed:
            self._open = False
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or not self._open)
                if not self._open:
                    return
                exit_ = self._waiting[0]
            delivered = self._deliver(exit_)
            with self._changed:
                if delivered:
                    self._waiting.popleft()
                elif self._changed.wait_for(lambda: not self._open, self._retry):
                    return

    def _deliver(self, exit_: StationExit) -> bool:
        server = read_server(self._run_dir)
        if server is None:
            return False
        try:
            known = {key: value for key, value in asdict(exit_).items() if key != "reason" or value}
            post(server, "/api/station/exited", known, self._timeout)
        except ServerRefusedError as error:
            if error.status in _TOKEN_CHANGED or error.status >= 500:
                return False
            log.warning("station %s epoch %s: exit refused: %s", exit_.station, exit_.epoch, error)
        except ServerUnavailableError:
            return False
        return True
