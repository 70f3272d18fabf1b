"""Frames from stations: numbered, taken once, stored if asked, then broadcast in the same order."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from database.web.attachment import attach_station, find_station
from database.web.services import Services
from database.web.storing import Storing
from pybirch.errors import FieldError, StaleWriterError
from pybirch.events import DataBlock, Event, InstrumentPosition, InstrumentStatus
from pybirch.wire import from_block, from_wire

log = logging.getLogger(__name__)

FACTS = (
    "scan_opened",
    "scan_dropped",
    "scan_rewound",
    "scan_terms",
    "queue_opened",
    "queue_ordered",
    "queue_rules",
    "instrument_seen",
)
"""Items that are no events: they only change the record."""


@dataclass(frozen=True)
class Frame:
    """One POST of a station; see the API's description."""

    station: str
    epoch: str
    seq: int
    store: bool
    items: list[dict[str, Any]]

    @property
    def writer(self) -> str:
        return f"{self.station}:{self.epoch}"


@dataclass(frozen=True)
class Item:
    """One thing of a frame: a fact for the record with its payload, or an event."""

    kind: str
    payload: dict[str, Any]
    event: Event | None = None


@dataclass
class _Line:
    """How far one life of a station has come; a frame half done goes on where it stopped."""

    last_seq: int = -1
    answer: dict[str, Any] = field(default_factory=dict)
    half_seq: int = -1
    done: int = 0
    instruments: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Ingest:
    """Takes frames; idempotent by (station, epoch, seq), and by identity after a restart of the server."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], _Line] = {}
        self._lock = threading.Lock()

    def take(self, parts: Services, frame: Frame) -> dict[str, Any]:
        """Store and broadcast one frame; the answer repeats for a frame that comes again.

        Raises:
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
        storing = Storing(parts.db, frame.station, frame.writer)
        for group in groups(items[line.done :]):
            if frame.store or group[0].kind == "instrument_seen":
                try:
                    line.instruments += storing.store(group, f"{frame.writer}:{frame.seq}:{line.done}")
                except ValueError as error:
                    raise FieldError(f"items[{line.done}]", str(error)) from error
            for item in group:
                if item.event is not None:
                    self._broadcast(parts, frame.station, item.event)
            for seen in line.instruments:
                parts.stations.owns(frame.station, seen["instrument_id"])
            line.done += len(group)

    @staticmethod
    def _broadcast(parts: Services, station: str, event: Event) -> None:
        if isinstance(event, InstrumentStatus | InstrumentPosition):
            parts.stations.owns(station, event.instrument_id)
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


def parse(items: list[dict[str, Any]]) -> list[Item]:
    """Items with their events decoded.

    Raises:
        FieldError: an item is malformed; the field names which.
    """
    return [_parse(f"items[{i}]", item) for i, item in enumerate(items)]


def _parse(where: str, item: dict[str, Any]) -> Item:
    kind, payload = item.get("kind"), item.get("payload")
    if not isinstance(kind, str) or not isinstance(payload, dict):
        raise FieldError(where, "needs a kind and a payload")
    if kind in FACTS:
        return Item(kind, payload)
    try:
        event = from_wire(kind, payload)
        return Item(kind, payload, from_block(event) if isinstance(event, DataBlock) else event)
    except (ValueError, TypeError, KeyError) as error:
        raise FieldError(where, str(error)) from error


def groups(items: list[Item]) -> Iterator[list[Item]]:
    """Neighbours that go into one transaction: blocks of one scan; everything else by itself."""
    numbered = enumerate(items)
    key: Callable[[tuple[int, Item]], Any] = lambda pair: (  # noqa: E731
        pair[1].payload.get("scan_id") if pair[1].kind == "data_block" else pair[0]
    )
    for _, group in groupby(numbered, key):
        yield [item for _, item in group]
