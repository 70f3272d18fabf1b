"""Whose turn it is: which of the scans that wait may begin, and what keeps the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property

from pybirch.queue.handles import ScanHandle
from pybirch.states import ScanState


class Turns:
    """A look at a queue's scans at one moment.

    Args:
        handles: all of them, in order.
        wanted: scan_ids of those that are to run and have not begun.
        under_way: scan_ids of those that have been picked to run.
    """

    def __init__(
        self, handles: Sequence[ScanHandle], wanted: Collection[str], under_way: Collection[str]
    ) -> None:
        self._handles = handles
        self._wanted = wanted
        self._under_way = under_way
        self._named = {handle.scan_id: handle for handle in handles}
        self._hopes: dict[str, bool] = {}

    def in_turn(self) -> list[ScanHandle]:
        """Those that are to run and will some time, the most urgent first, else as they stand."""
        waiting = [handle for handle in self._handles if handle.scan_id in self._wanted]
        hopeful = [handle for handle in waiting if not handle.terms.after or self._has_hope(handle)]
        return sorted(hopeful, key=lambda handle: -handle.terms.priority)

    def ready(self, now: datetime) -> list[ScanHandle]:
        """Those of `in_turn` that may begin at once, as far as the queue is concerned."""
        return [
            handle
            for handle in self.in_turn()
            if handle.terms.is_due(now) and all(map(self._is_fulfilled, handle.terms.after))
        ]

    def held_back(self, ready: Sequence[ScanHandle]) -> list[ScanHandle]:
        """Those that wait for others, and are not ready."""
        begin = {handle.scan_id for handle in ready}
        return [
            handle
            for handle in self._handles
            if handle.terms.after and handle.scan_id in self._wanted and handle.scan_id not in begin
        ]

    def why_not(self, handle: ScanHandle) -> str | None:
        """What a scan waits for in this queue, or in vain; None when that is over."""
        open_ = [key for key in handle.terms.after if not self._is_fulfilled(key)]
        vain = [key for key in open_ if not self._may_come(key)]
        if vain:
            return f"will not run: {_listed(self._told(key) for key in vain)}"
        return f"waits for {_listed(self._name(key) for key in open_)}" if open_ else None

    # What must be completed before

    def _has_hope(self, handle: ScanHandle) -> bool:
        """Whether everything it waits for has come, or may still come."""
        key = handle.scan_id
        if key not in self._hopes:
            self._hopes[key] = False  # who waits for itself in the end waits in vain
            self._hopes[key] = all(
                self._is_fulfilled(other) or self._may_come(other) for other in handle.terms.after
            )
        return self._hopes[key]

    def _is_fulfilled(self, scan_id: str) -> bool:
        return any(run.state is ScanState.COMPLETED for run in self._runs_of(scan_id))

    def _may_come(self, scan_id: str) -> bool:
        for run in self._runs_of(scan_id):
            if run.scan_id in self._under_way or run.state.is_active:
                return True
            if run.scan_id in self._wanted and (not run.terms.after or self._has_hope(run)):
                return True
        return False

    def _runs_of(self, scan_id: str) -> Iterator[ScanHandle]:
        """The scan and the later runs of it."""
        ways = [scan_id]
        while ways:
            one = ways.pop()
            if one in self._named:
                yield self._named[one]
            ways += self._run_again.get(one, ())

    @cached_property
    def _run_again(self) -> dict[str, list[str]]:
        """scan_id -> those that repeat it."""
        again: dict[str, list[str]] = {}
        for handle in self._handles:
            if handle.scan.restarted_from is not None:
                again.setdefault(handle.scan.restarted_from, []).append(handle.scan_id)
        return again

    def _name(self, scan_id: str) -> str:
        known = self._named.get(scan_id)
        return known.scan.settings.scan_name if known else scan_id

    def _told(self, scan_id: str) -> str:
        known = self._named.get(scan_id)
        state = "is not in this queue" if known is None else f"is {known.state}"
        return f"{self._name(scan_id)}, which it waits for, {state}"


def _listed(words: Iterable[str]) -> str:
    return ", and ".join(words)


def circle(handles: Sequence[ScanHandle], scan_id: str, after: Iterable[str]) -> list[str]:
    """The scan_ids on the way from `scan_id` back to itself, if it waited for these; else none."""
    waits_for = {handle.scan_id: handle.terms.after for handle in handles} | {scan_id: tuple(after)}
    ways: list[list[str]] = [[scan_id]]
    seen = set[str]()
    while ways:
        way = ways.pop()
        for following in waits_for.get(way[-1], ()):
            if following == scan_id:
                return way
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []
