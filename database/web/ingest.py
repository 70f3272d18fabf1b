"""Frames from stations: numbered, taken once, stored if asked, then broadcast in the same order."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from database.services import DatabaseService
from database.web.attachment import announce_ended, attach_station, find_station
from database.web.services import Services
from pybirch.database_integration.fence import Fence
from pybirch.database_integration.items import Item, groups, parse
from pybirch.database_integration.storing import Storing
from pybirch.errors import ArchivedError, FieldError, NotYoursError, StaleWriterError, UnknownReferenceError
from pybirch.events import Event, InstrumentPosition, InstrumentStatus, QueueStatus, ScanStatus

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Frame:
    """One POST of a station; see the API's description. `fence` is that of who sent it."""

    station: str
    epoch: str
    seq: int
    store: bool
    items: list[dict[str, Any]]
    fence: Fence

    @property
    def writer(self) -> str:
        return f"{self.station}:{self.epoch}"

    def storing(self, db: DatabaseService, life: str | None) -> Storing:
        """What stores its items: those of its own life, or what an earlier one of the station left behind."""
        if life is None:
            return Storing(db, self.station, self.writer, fence=self.fence)
        past = life != self.epoch
        return Storing(db, self.station, f"{self.station}:{life}", late=True, past=past, fence=self.fence)


@dataclass
class _Line:
    """How far one life of a station has come; a frame half done goes on where it stopped."""

    last_seq: int = -1
    answer: dict[str, Any] = field(default_factory=dict)
    half_seq: int = -1
    done: int = 0
    instruments: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Refusals:
    """What was refused lately, so that who asks over and over is noted once."""

    def __init__(self, every: float = 60.0, most: int = 1_000) -> None:
        self._every, self._most = every, most
        self._noted: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def are_news(self, who: str, what: str) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - self._noted.get((who, what), -self._every) < self._every:
                return False
            self._noted.pop((who, what), None)
            self._noted[who, what] = now
            while len(self._noted) > self._most:
                del self._noted[next(iter(self._noted))]
            return True


class Ingest:
    """Takes frames; idempotent by (station, epoch, seq), and by identity after a restart of the server.

    Attributes:
        refusals: of what belongs to others, for the audit trail.
    """

    def __init__(self) -> None:
        self.refusals = Refusals()
        self._lines: dict[tuple[str, str], _Line] = {}
        self._lock = threading.Lock()

    def take(self, parts: Services, frame: Frame) -> dict[str, Any]:
        """Store and broadcast one frame; the answer repeats for a frame that comes again.

        Raises:
            NotYoursError: an item is about a queue or scan of somebody else.
            StaleWriterError: the station's epoch is over, or the scan was taken from it.
            FieldError: an item is malformed.
        """
        items = parse(frame.items)
        admit(parts, frame)
        with self._lock:
            line = self._lines.setdefault((frame.station, frame.epoch), _Line())
        with line.lock:
            if frame.seq <= line.last_seq:
                return {
                    "seq": frame.seq,
                    "duplicate": True,
                    "instruments": line.answer.get("instruments", []),
                }
            if frame.seq != line.half_seq:
                line.half_seq, line.done, line.instruments = frame.seq, 0, []
            self._apply(parts, frame, items, line)
            line.last_seq = frame.seq
            line.answer = {"seq": frame.seq, "duplicate": False, "instruments": line.instruments}
            self._forget_others(frame)
            return line.answer

    def _apply(self, parts: Services, frame: Frame, items: list[Item], line: _Line) -> None:
        """Group by group: store, broadcast what was stored, remember that it is done."""
        for group in groups(items[line.done :]):
            if frame.store or group[0].kind == "instrument_seen":
                try:
                    line.instruments += frame.storing(parts.db, group[0].life).store(
                        group, f"{frame.writer}:{frame.seq}:{line.done}"
                    )
                except (ArchivedError, NotYoursError, UnknownReferenceError):
                    raise  # names the field as whoever queued the scan knows it
                except ValueError as error:
                    raise FieldError(f"items[{line.done}]", str(error)) from error
            else:
                frame.fence.check_shown(group[0])
            for item in group:
                if item.event is not None:
                    self._broadcast(parts, frame, item.event, item.life)
            for seen in line.instruments:
                parts.stations.owns(frame.station, seen["instrument_id"])
            line.done += len(group)

    @staticmethod
    def _broadcast(parts: Services, frame: Frame, event: Event, life: str | None) -> None:
        """Show it; of a life that is over only what it has measured, and how its scans have ended."""
        if life is not None and life != frame.epoch:
            if isinstance(event, ScanStatus):
                announce_ended(parts, [event.scan_id])
            if isinstance(event, ScanStatus | QueueStatus | InstrumentStatus | InstrumentPosition):
                return
        if isinstance(event, InstrumentStatus | InstrumentPosition):
            parts.stations.owns(frame.station, event.instrument_id)
        parts.updates.publish(event)

    def _forget_others(self, frame: Frame) -> None:
        """Earlier lives of this station send nothing more."""
        with self._lock:
            for key in [k for k in self._lines if k[0] == frame.station and k[1] != frame.epoch]:
                del self._lines[key]


def admit(parts: Services, frame: Frame) -> None:
    """Let in the station's present life; a life nobody has heard of becomes the present one.

    Raises:
        StaleWriterError: a life of the past, or one that is known to have ended.
    """
    if parts.stations.heard(frame.station, frame.epoch):
        return
    row = find_station(parts, frame.station)
    if row is not None and (
        frame.epoch in row.past_epochs or (row.epoch == frame.epoch and not row.is_attached)
    ):
        raise StaleWriterError(
            f"Station {frame.station}: its life {frame.epoch} is over; attach as a new one."
        )
    attach_station(parts, frame.station, frame.epoch)
