"""The stations that are connected: who answers, since when not, and the commands sent to them."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from pybirch.errors import (
    ArchivedError,
    CommandTimeoutError,
    EditConflictError,
    FieldError,
    IllegalTransitionError,
    NotFoundError,
    PyBirchError,
    StationUnavailableError,
)

if TYPE_CHECKING:
    from pybirch.database_integration.sync.websocket_server import ScanUpdateServer

log = logging.getLogger(__name__)

SILENCE = 2.0
"""Seconds without a heartbeat after which a station is shown as not answering."""
DEADLINE = 5.0
"""Seconds a station has to answer a command."""

NOBODY = "No station has taken this up; nothing was done. Start one with `pybirch station`."


class StationState(StrEnum):
    LIVE = "live"
    NOT_ANSWERING = "not_answering"
    EXITED = "exited"
    NONE = "none"

    @property
    def is_there(self) -> bool:
        """It may be running, whether or not it has been heard lately."""
        return self in (StationState.LIVE, StationState.NOT_ANSWERING)


@dataclass(frozen=True)
class StationView:
    """What is known of one station; `sid` is its socket, None while it has none; `reason` what ended it.

    `kept` readings wait on its disk, for a database or server that does not take them now.
    """

    name: str
    epoch: str
    state: StationState = StationState.LIVE
    sid: str | None = None
    heard: float = 0.0
    last_heard: datetime = field(default_factory=lambda: datetime.now(UTC))
    pid: int | None = None
    host: str = ""
    instruments: frozenset[int] = frozenset()
    reason: str = ""
    kept: int = 0


class StationLink(Protocol):
    """How a command reaches a station: `emit` to its socket, with a callback for the answer."""

    def emit(self, event: str, data: Any, *, to: str, callback: Callable[..., None]) -> None: ...


class Stations:
    """The registry. Thread safe; it never emits while it holds its lock.

    Args:
        link: the Socket.IO server.
        updates: where `station_status` goes out.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        link: Callable[[], StationLink],
        updates: ScanUpdateServer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = link
        self._updates = updates
        self._clock = clock
        self._stations: dict[str, StationView] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._sending = threading.Lock()
        self._seqs: dict[str, int] = {}
        self._first_seq = int(time.time() * 1000)

    # ------------------------------------------------------------------ who is there

    def all(self) -> list[StationView]:
        with self._lock:
            return list(self._stations.values())

    def get(self, name: str) -> StationView | None:
        with self._lock:
            return self._stations.get(name)

    def attach(self, name: str, epoch: str, sid: str | None, pid: int | None = None, host: str = "") -> None:
        """A station has connected, or a frame of it has come before its line; a line it has is kept."""
        with self._lock:
            before = self._stations.get(name)
            view = StationView(name, epoch, sid=sid, pid=pid, host=host)
            if before is not None:
                view = replace(view, instruments=before.instruments)
                if sid is None and before.epoch == epoch:
                    view = replace(view, sid=before.sid, pid=pid or before.pid, host=host or before.host)
            self._put(view)
        self._tell(name)

    def expect(self, name: str, epoch: str, pid: int | None = None, host: str = "") -> None:
        """A station that was attached before this server started; silence will show whether it still is."""
        with self._lock:
            self._put(StationView(name, epoch, pid=pid, host=host))

    def heard(self, name: str, epoch: str, sid: str | None = None, kept: int | None = None) -> bool:
        """A sign of life; False when it is of another life than the present one."""
        with self._lock:
            station = self._stations.get(name)
            if (
                station is None
                or station.epoch != epoch
                or station.state in (StationState.EXITED, StationState.NONE)
            ):
                return False
            kept = station.kept if kept is None else kept
            news = station.state is not StationState.LIVE or kept != station.kept
            self._put(replace(station, state=StationState.LIVE, sid=sid or station.sid, kept=kept))
        if news:
            self._tell(name)
        return True

    def disconnected(self, sid: str) -> None:
        """A socket has closed; whether its station is still alive, silence will show."""
        with self._lock:
            for station in self._stations.values():
                if station.sid == sid:
                    self._stations[station.name] = replace(station, sid=None)

    def exited(
        self, name: str, epoch: str, *, in_order: bool = False, reason: str = ""
    ) -> StationView | None:
        """A station's process has ended; None when a newer one has taken its place.

        It keeps its line until that is closed: should it beat again, it lives.
        """
        with self._lock:
            station = self._stations.get(name) or StationView(name, epoch)
            if station.epoch != epoch:
                return None
            state, sid = (StationState.NONE, None) if in_order else (StationState.EXITED, station.sid)
            station = replace(station, state=state, sid=sid, reason=reason)
            self._stations[name] = station
        self._tell(name)
        return station

    def owns(self, name: str, instrument_id: int) -> None:
        """Remember that a station has spoken for this instrument."""
        with self._lock:
            station = self._stations.get(name)
            if station is not None and instrument_id not in station.instruments:
                self._stations[name] = replace(station, instruments=station.instruments | {instrument_id})

    def check(self) -> None:
        """Show stations that have been silent too long as not answering; a chore of housekeeping."""
        now = self._clock()
        with self._lock:
            silent = [
                s for s in self._stations.values() if s.state is StationState.LIVE and now - s.heard > SILENCE
            ]
            for station in silent:
                self._stations[station.name] = replace(station, state=StationState.NOT_ANSWERING)
        for station in silent:
            log.warning("station %s: not heard for %.1f s", station.name, now - station.heard)
            self._tell(station.name)

    def _await_return(self, name: str | None) -> None:
        """A station heard of a moment ago and without a line is on its way back, as after a restart of
        the server: give it that moment."""

        def settled() -> bool:
            station = self._stations.get(name or "")
            return station is None or station.sid is not None or station.state is not StationState.LIVE

        with self._changed:
            self._changed.wait_for(settled, SILENCE)

    def _put(self, station: StationView) -> None:
        heard = replace(station, heard=self._clock(), last_heard=datetime.now(UTC))
        self._stations[station.name] = heard
        self._changed.notify_all()

    def _tell(self, name: str) -> None:
        station = self.get(name)
        if station is not None:
            self._updates.emit("station_status", status_payload(station), ["global"])

    # ------------------------------------------------------------------ commands

    def command(self, name: str | None, action: str, **what: Any) -> dict[str, Any]:
        """Send a command to a station and wait for what it answers.

        Returns:
            The station's answer, with the `command_id`.

        Raises:
            StationUnavailableError: no station of that name is connected; nothing was sent.
            CommandTimeoutError: no answer within `DEADLINE`; the outcome is unknown.
            IllegalTransitionError, EditConflictError, FieldError, NotFoundError: the station refused,
                with its own words.
        """
        answered = threading.Event()
        answers: list[Any] = []

        def take(*arguments: Any) -> None:
            answers.extend(arguments or (None,))
            answered.set()

        self._await_return(name)
        with self._sending:
            station = self.get(name) if name else None
            if station is None or station.sid is None:
                raise StationUnavailableError(
                    f"Station {name} is not connected; nothing was done." if name else NOBODY
                )
            seq = self._seqs[station.name] = self._seqs.get(station.name, self._first_seq) + 1
            command = {
                "command_id": uuid.uuid4().hex,
                "seq": seq,
                "deadline": time.time() + DEADLINE,
                "timeout": DEADLINE,
                "epoch": station.epoch,
                "action": action,
                **{key: value for key, value in what.items() if value is not None},
            }
            self._link().emit("command", command, to=station.sid, callback=take)
        if not answered.wait(DEADLINE):
            raise CommandTimeoutError(
                f"Station {station.name} did not answer within {DEADLINE:g} s; "
                "look at the state before you try again."
            )
        answer = answers[0] if isinstance(answers[0], dict) else {}
        if not answer.get("ok"):
            raise refusal(answer, f"Station {station.name} refused: {action}.")
        return {**answer, "command_id": command["command_id"]}


def refusal(answer: dict[str, Any], otherwise: str) -> PyBirchError:
    """What a station answered instead of doing it, as the error it was there."""
    text, field = str(answer.get("error") or otherwise), answer.get("field")
    match answer.get("refused"):
        case "EditConflictError":
            return EditConflictError(text)
        case "NotFoundError":
            return NotFoundError(text)
    if isinstance(field, str):
        kind = ArchivedError if answer.get("refused") == "ArchivedError" else FieldError
        return kind(field, text.removeprefix(f"{field}: "))
    return IllegalTransitionError(text)


def status_payload(station: StationView) -> dict[str, Any]:
    """The `station_status` event."""
    return {
        "station": station.name,
        "state": station.state.value,
        "last_heard": station.last_heard.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "epoch": station.epoch,
        "reason": station.reason or None,
        "kept": station.kept,
    }
