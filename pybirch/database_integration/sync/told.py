"""What waits to be shown: the newest state of everything, and as many readings as there is room for.

Everything in it is stored already, so that whoever misses a reading here finds it in the record.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 16 * 2**20
"""Of what waits; then the oldest readings go, and only when none is left the oldest log lines."""
MOST_LINES = 2_000

READINGS = ("data_block", "data_point", "instrument_position")
_NAMED_BY = {
    "scan_status": "scan_id",
    "queue_status": "queue_id",
    "instrument_status": "instrument_id",
    "instrument_position": "instrument_id",
}
_STATE = {
    "scan_status": ("status", "requested", "message"),
    "queue_status": ("status", "current_scan"),
    "instrument_status": ("status", "error"),
}


@dataclass
class _Waiting:
    kind: str
    data: bytes
    key: tuple[str, Any] | None
    state: tuple[Any, ...]


class Told:
    """A line of encoded items. Not thread-safe; every call takes the same short time on average."""

    def __init__(self) -> None:
        self._items: OrderedDict[int, _Waiting] = OrderedDict()
        self._newest: dict[tuple[str, Any], int] = {}
        self._readings: deque[int] = deque()
        self._lines: deque[int] = deque()
        self._bytes = 0
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._items)

    def add(self, kind: str, payload: Mapping[str, Any], data: bytes) -> None:
        """Line up one item; a state that only says its progress anew takes the place of what said it last.

        Args:
            payload: what names the thing, and its state.
            data: the item as it goes over the wire.
        """
        new = _Waiting(kind, data, _key(kind, payload), tuple(payload.get(f) for f in _STATE.get(kind, ())))
        before = None if new.key is None else self._items.get(self._newest.get(new.key, -1))
        if before is not None and before.state == new.state:
            self._bytes += len(data) - len(before.data)
            before.data = data
        else:
            self._append(new)
        self._make_room()

    def take(self, most_items: int, most_bytes: int) -> list[bytes]:
        """The first items, at least one if there is any."""
        taken: list[bytes] = []
        size = 0
        while self._items and len(taken) < most_items:
            number, first = next(iter(self._items.items()))
            if taken and size + len(first.data) > most_bytes:
                break
            size += len(first.data)
            taken.append(first.data)
            self._remove(number)
        self._forget_taken()
        return taken

    def _append(self, item: _Waiting) -> None:
        number = next(self._numbers)
        self._items[number] = item
        self._bytes += len(item.data)
        if item.key is not None:
            self._newest[item.key] = number
        if item.kind in READINGS:
            self._readings.append(number)
        elif item.key is None:
            self._lines.append(number)

    def _make_room(self) -> None:
        while self._bytes > MOST_BYTES and self._drop(self._readings):
            pass
        while (self._bytes > MOST_BYTES or len(self._lines) > MOST_LINES) and self._drop(self._lines):
            pass

    def _forget_taken(self) -> None:
        first = next(iter(self._items), None)
        for numbers in (self._readings, self._lines):
            while numbers and (first is None or numbers[0] < first):
                numbers.popleft()

    def _drop(self, numbers: deque[int]) -> bool:
        """Leave out the oldest of these; False when there is none."""
        while numbers:
            number = numbers.popleft()
            if number in self._items:
                self._remove(number)
                return True
        return False

    def _remove(self, number: int) -> None:
        item = self._items.pop(number)
        self._bytes -= len(item.data)
        if item.key is not None and self._newest.get(item.key) == number:
            del self._newest[item.key]


def _key(kind: str, payload: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Of what this is the state; None for lines and readings, each of which stands for itself."""
    field = _NAMED_BY.get(kind)
    return None if field is None else (kind, payload.get(field))
