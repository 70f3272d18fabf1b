"""Readings of one scan as they come from a server: each exactly once, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pybirch.blocks import since
from pybirch.events import Readings

Fetch = Callable[[str, int, int], Readings]
"""(measurement, start, end) -> readings from `start`, perhaps not all up to `end`."""


class CatchUp:
    """Drops what is double and fetches what is lacking.

    Args:
        scan_id: the scan followed.
        fetch: reads the record.
    """

    def __init__(self, scan_id: str, fetch: Fetch) -> None:
        self.scan_id = scan_id
        self._fetch = fetch
        self._next: dict[str, int] | None = None
        self._early: list[Readings] = []

    def after(self) -> dict[str, int]:
        """Measurement -> last index handed on."""
        return {name: index - 1 for name, index in (self._next or {}).items()}

    def subscribed(self, last: Mapping[str, int]) -> Iterator[Readings]:
        """The server's record ends at `last`: what was missed since; nothing at the first time."""
        if self._next is None:
            self._next = {name: index + 1 for name, index in last.items()}
            early, self._early = self._early, []
            for block in early:
                yield from self.heard(block)
            return
        for name, index in last.items():
            yield from self._until(name, index + 1)

    def heard(self, block: Readings) -> Iterator[Readings]:
        """What of `block`, and of the gap before it, is new."""
        if self._next is None:  # it overtook the answer to the subscription, which may not count it
            self._early.append(block)
            return
        name = block.measurement
        yield from self._until(name, block.first_index)
        expected = self._next.get(name, 0)
        if block.first_index <= expected < block.end_index:
            self._next[name] = block.end_index
            yield since(block, expected)

    def _until(self, name: str, end: int) -> Iterator[Readings]:
        assert self._next is not None
        while (start := self._next.get(name, 0)) < end:
            missing = self._fetch(name, start, end)
            if not missing.first_index <= start < missing.end_index:
                return
            self._next[name] = missing.end_index
            yield since(missing, start)
