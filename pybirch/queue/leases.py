"""Who holds which instrument: one scan at a time on one piece of hardware.

A scan takes all it needs at once or nothing, so no two scans can wait for each other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable


class Leases:
    """The book of instruments in use, by lease key (see `BaseMeasurementInstrument.lease_key`)."""

    def __init__(self) -> None:
        self._holder: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._hung: set[str] = set()
        self._lock = threading.Lock()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def take(self, keys: Iterable[str], holder: str, label: str = "") -> bool:
        """All of `keys` for `holder`, or nothing; True if it has them now.

        Args:
            label: what people call the holder.
        """
        wanted = set(keys)
        with self._lock:
            if any(self._holder.get(key, holder) != holder for key in wanted):
                return False
            self._holder.update(dict.fromkeys(wanted, holder))
            self._labels[holder] = label or holder
            return True

    def release(self, holder: str, *, tell: bool = True) -> None:
        """Give back everything `holder` has, and tell those who wait."""
        with self._lock:
            self._holder = {key: other for key, other in self._holder.items() if other != holder}
            self._labels.pop(holder, None)
            self._hung.discard(holder)
        for listener in self._listeners if tell else ():
            listener()

    def keep_hung(self, keys: Iterable[str], holder: str) -> None:
        """Give back all `holder` has but `keys`: the scan has ended, and their drivers still hang in it."""
        kept = set(keys)
        with self._lock:
            left = f"{holder} (hung)"
            self._labels[left] = self._labels.get(holder, holder)
            self._hung.add(left)
            held = {key for key, other in self._holder.items() if other == holder}
            self._holder.update(dict.fromkeys(held & kept, left))
        self.release(holder)

    def release_hung(self, holder: str) -> None:
        """They came back."""
        self.release(f"{holder} (hung)")

    def has_hung(self, key: str) -> bool:
        """Whether who holds `key` has ended, and its driver has not come back."""
        with self._lock:
            return self._holder.get(key) in self._hung

    def label_of(self, key: str) -> str | None:
        """What people call who holds `key`; None if nobody does."""
        with self._lock:
            holder = self._holder.get(key)
            return None if holder is None else self._labels.get(holder, holder)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something was given back."""
        with self._lock:
            if listener not in self._listeners:
                self._listeners = (*self._listeners, listener)

    def forget(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners = tuple(known for known in self._listeners if known != listener)


PROCESS_LEASES = Leases()
"""Shared by all queues of this process unless they are given another book."""


def lease_keys(instruments: Iterable[object]) -> set[str]:
    """The keys of what these instruments are in the real world."""
    return {
        getattr(instrument, "lease_key", None) or f"object:{id(instrument)}" for instrument in instruments
    }
