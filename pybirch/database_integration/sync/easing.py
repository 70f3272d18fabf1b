"""What may wait when many watch: progress and values, of which only the newest counts.

Each watcher costs a frame for every event, so the frames a second are what is limited. A change of
state never waits, and takes with it what waited of the same thing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pybirch.events import Event, InstrumentStatus, ScanStatus

FRAMES_PER_SECOND = 2_000
"""Of such events, to all watchers together: about a quarter of a core."""

Key = tuple[str, Any]


class Easing:
    """Holds the newest of each thing while there is no room for it. Not thread safe: its owner has the lock.

    Args:
        clock: monotonic seconds.
        rate: frames a second there is room for.
    """

    def __init__(self, clock: Callable[[], float], rate: float = FRAMES_PER_SECOND) -> None:
        self._clock = clock
        self._rate = rate
        self._room = rate
        self._counted = clock()
        self._states: dict[Key, tuple[Any, ...]] = {}
        self._held: dict[Key, Event] = {}

    def pass_on(self, event: Event, watchers: int) -> list[Event]:
        """What is to be sent now: the event, with what waited of the same thing before it; or nothing yet."""
        told = _told(event)
        if told is None:
            return [event]
        key, state = told
        if self._states.get(key) == state and (self._held or not self._has_room(watchers)):
            self._held[key] = event
            return []
        waited = self._held.pop(key, None)
        self._states[key] = state
        self._room = max(-self._rate, self._room - watchers)
        return [event] if waited is None else [waited, event]

    def take_due(self, watchers: int) -> list[Event]:
        """What there is room for now, the longest waiting first."""
        due: list[Event] = []
        while self._held and self._has_room(watchers):
            self._room -= watchers
            due.append(self._held.pop(next(iter(self._held))))
        return due

    def due_in(self, watchers: int) -> float | None:
        """Seconds until there is room (negative: there is); None when nothing waits."""
        if not self._held:
            return None
        self._has_room(watchers)
        return (min(watchers, self._rate) - self._room) / self._rate

    def take_all(self) -> list[Event]:
        held, self._held = list(self._held.values()), {}
        return held

    def forget(self, event: Event) -> None:
        """Drop what is kept about a thing that has ended."""
        told = _told(event)
        if told is not None:
            self._states.pop(told[0], None)

    def _has_room(self, watchers: int) -> bool:
        now = self._clock()
        self._room = min(self._rate, self._room + (now - self._counted) * self._rate)
        self._counted = now
        return self._room >= min(watchers, self._rate)


def _told(event: Event) -> tuple[Key, tuple[Any, ...]] | None:
    """Which thing it is about, and the state it tells of; None for what never waits."""
    match event:
        case ScanStatus():
            return (event.kind, event.scan_id), (event.status, event.requested, event.message)
        case InstrumentStatus():
            return (event.kind, event.instrument_id), (event.status, event.error)
    return None
