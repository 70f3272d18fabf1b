"""After a station ended in the middle of scans and is back: what becomes of them, and who says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pybirch.errors import PyBirchError
from pybirch.queue.handles import ScanHandle
from pybirch.queue.policy import OnInterrupted
from pybirch.states import QueueState, ScanState

if TYPE_CHECKING:
    from pybirch.queue.queue import Queue

log = logging.getLogger(__name__)

MOST_COMEBACKS = 10
"""Of one scan without being asked: what ends its station each time is not gone on with for ever."""

POLICY = "the queue's policy"


def is_question(handle: ScanHandle) -> bool:
    """Whether somebody must say how to go on with a scan: resume it, run it again, or leave it."""
    open_ = handle.state is ScanState.INTERRUPTED and not handle.scan.is_waiting
    return open_ and not handle.terms.left


def come_back(queue: Queue) -> None:
    """Do with interrupted scans as the queue's policy says; where it goes on with one, with the queue too.

    With `OnInterrupted.ASK` nothing moves.
    """
    rule = queue.policy.on_interrupted
    asked = [handle for handle in queue.handles if is_question(handle)]
    if rule is OnInterrupted.ASK or not asked:
        return
    gone_on = [handle for handle in asked if _answered(queue, handle, rule)]
    if gone_on and rule is not OnInterrupted.LEAVE and queue.state in (QueueState.IDLE, QueueState.RUNNING):
        queue.start(mode=queue.mode, by=POLICY)


def _answered(queue: Queue, handle: ScanHandle, rule: OnInterrupted) -> bool:
    """Whether it could be done; if not, somebody is asked."""
    name = handle.scan.settings.scan_name
    if handle.terms.comebacks >= MOST_COMEBACKS and rule is not OnInterrupted.LEAVE:
        log.warning("%s was interrupted %d times; it waits for somebody", name, handle.terms.comebacks + 1)
        return False
    try:
        _ANSWERS[rule](queue, handle)
    except PyBirchError as error:
        log.warning("%s could not be gone on with: %s", name, error)
        return False
    return True


def _resume(queue: Queue, handle: ScanHandle) -> None:
    queue.keep_terms(handle.scan_id, replace(handle.terms, comebacks=handle.terms.comebacks + 1))
    queue.resume(handle.scan_id, by=POLICY)


def _restart(queue: Queue, handle: ScanHandle) -> None:
    new = queue.restart(handle.scan_id, by=POLICY)
    fresh = queue.get_handle_by_id(new)
    queue.keep_terms(new, replace(fresh.terms, comebacks=fresh.terms.comebacks + 1))


def _leave(queue: Queue, handle: ScanHandle) -> None:
    queue.leave(handle.scan_id, by=POLICY)


_ANSWERS: dict[OnInterrupted, Callable[[Queue, ScanHandle], None]] = {
    OnInterrupted.RESUME: _resume,
    OnInterrupted.RESTART: _restart,
    OnInterrupted.LEAVE: _leave,
}
