"""What a queue does by itself after a scan has ended: try again, stop, begin the next round."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pybirch.queue.handles import ScanHandle
from pybirch.queue.notes import Notes
from pybirch.queue.places import Places
from pybirch.queue.policy import OnFailure, QueuePolicy
from pybirch.queue.terms import Terms
from pybirch.scan.scan import Scan
from pybirch.states import ScanState

log = logging.getLogger(__name__)


class Sequel:
    """Follows each end of a scan, in the thread that ran it.

    Args:
        places: the queue's scans.
        notes: where it is written down.
        policy: gives the queue's present rules.
        again: makes a scan anew.
        queued: is told of each scan that was added.
        stop: ends the queue after the scans under way; for a reason.
    """

    def __init__(
        self,
        places: Places,
        notes: Notes,
        policy: Callable[[], QueuePolicy],
        again: Callable[[Scan], Scan],
        queued: Callable[[Scan], None],
        stop: Callable[[str], None],
    ) -> None:
        self._places = places
        self._notes = notes
        self._policy = policy
        self._again = again
        self._queued = queued
        self._stop = stop
        self._one_at_a_time = threading.Lock()

    def after(self, handle: ScanHandle) -> None:
        """A scan has ended, and the queue goes on."""
        self._safely(handle, self._after_end)

    def _safely(self, handle: ScanHandle, follow: Callable[[ScanHandle], object]) -> None:
        """One at a time; what the record or the settings refuse is written down, and the queue goes on."""
        name = handle.scan.settings.scan_name
        try:
            with self._one_at_a_time:
                follow(handle)
        except Exception as error:
            log.exception("after scan %s", handle.scan_id)
            self._notes.write("ERROR", f"{name} could not be queued again: {error}", handle.scan)

    def _after_end(self, handle: ScanHandle) -> None:
        if handle.state is not ScanState.FAILED or self._after_failure(handle):
            self._after_round(handle)

    def take_up_rounds(self) -> None:
        """Begin the rounds that were not begun when the queue last came to rest."""
        ended = {h.terms.group: h for h in self._places.all() if h.terms.comes_again and h.is_finished()}
        for handle in ended.values():
            self._safely(handle, self._after_round)

    def _after_failure(self, handle: ScanHandle) -> bool:
        """Try again, or do as the policy says; whether the queue goes on."""
        policy, terms = self._policy(), handle.terms
        name = handle.scan.settings.scan_name
        if terms.attempt <= policy.retries:
            due = datetime.now(UTC) + timedelta(seconds=policy.retry_delay) if policy.retry_delay else None
            self._add(
                self._again(handle.scan), replace(terms, attempt=terms.attempt + 1, not_before=due), handle
            )
            when = f" in {policy.retry_delay:g} s" if policy.retry_delay else ""
            told = f"{name} is tried again{when}, {terms.attempt} of {policy.retries} times"
            self._notes.write("WARNING", told, handle.scan)
        elif policy.on_failure is OnFailure.STOP:
            self._stop(f"{name} failed")
            return False
        return True

    def _after_round(self, handle: ScanHandle) -> None:
        terms = handle.terms
        if not terms.comes_again:
            return
        group = [h for h in self._places.all() if terms.group and h.terms.group == terms.group] or [handle]
        members = [h for h in group if h.terms.round == terms.round]
        if not all(map(_is_over, members)) or any(h.terms.round > terms.round for h in group):
            return
        what = handle.scan.settings.scan_name if len(members) == 1 else f"group {terms.group}"
        if not any(h.state is ScanState.COMPLETED for h in members):
            self._notes.write(
                "WARNING", f"{what} is not repeated: nothing of round {terms.round} was completed"
            )
            return
        runs = {h.scan_id for h in members}
        self._next_round([h for h in members if h.scan.restarted_from not in runs], members[-1])
        of = f" of {terms.rounds}" if terms.rounds else ""
        self._notes.write("INFO", f"{what}: round {terms.round + 1}{of} queued")

    def _next_round(self, members: list[ScanHandle], behind: ScanHandle) -> None:
        made = {member.scan_id: self._again(member.scan) for member in members}
        for member in members:
            terms = member.terms
            after = tuple(made[key].scan_id if key in made else key for key in terms.after)
            anew = replace(
                terms, round=terms.round + 1, attempt=1, not_before=None, after=after, left=False, comebacks=0
            )
            behind = self._add(made[member.scan_id], anew, behind)

    def _add(self, scan: Scan, terms: Terms, behind: ScanHandle) -> ScanHandle:
        added = self._places.insert(scan, terms, behind)
        self._queued(scan)
        return added


def _is_over(handle: ScanHandle) -> bool:
    """Whether its round need not wait for it."""
    return handle.is_finished() and (handle.state is not ScanState.INTERRUPTED or handle.terms.left)
