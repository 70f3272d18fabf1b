"""The loop that a point costs: moves, reads, one tuple appended."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from pybirch.scan.course import Course
from pybirch.scan.outlet import BACKLOG_BYTES, Outlet
from pybirch.scan.traverse import Plan, traverse

log = logging.getLogger(__name__)

FIRST_LIMIT = 100
"""Readings that may wait before they are weighed; then at every doubling."""


class Engine:
    """Walks a plan once.

    Args:
        plan: what to do.
        outlet: where readings go.
        course: what somebody wishes meanwhile.
        say: tells watchers a sentence about the scan, or None when it no longer holds.

    Attributes:
        steps_done: steps that are behind.
    """

    def __init__(self, plan: Plan, outlet: Outlet, course: Course, say: Callable[[str | None], None]) -> None:
        self.steps_done = 0
        self._plan = plan
        self._outlet = outlet
        self._course = course
        self._say = say

    def walk(self) -> None:
        """Every step, in order; ends early with what `Course.heed` or an instrument raises.

        A step's readings are handed on together, or, where one of them raises, not at all.
        """
        course, outlet = self._course, self._outlet
        move_to = [movement.move_to for movement in self._plan.movements]
        read = [measurement.perform_measurement for measurement in self._plan.measurements]
        here = [float("nan")] * len(move_to)
        positions = tuple(here)
        pending, append, now = outlet.pending, outlet.pending.append, time.time
        limit = FIRST_LIMIT
        for ordinal, (moves, measurements) in enumerate(traverse(self._plan)):
            if course.attention:
                course.heed()
            for axis, target in moves:
                reached = move_to[axis](target)
                here[axis] = target if reached is None else reached
                positions = tuple(here)
            if len(measurements) == 1:
                number = measurements[0]
                values = read[number]()
                append((number, ordinal, now(), positions, values))
            elif measurements:
                step = [(read[n](), n, now()) for n in measurements]
                pending.extend([(n, ordinal, when, positions, values) for values, n, when in step])
            self.steps_done = ordinal + 1
            if outlet.idle:
                outlet.wake()
            if len(pending) > limit:
                limit = self._hold_back()
        if course.attention:
            course.heed()

    def _hold_back(self) -> int:
        """Wait while too much waits for the sinks; how many readings may wait until the next look."""
        outlet = self._outlet
        if outlet.backlog_bytes() <= BACKLOG_BYTES:
            return max(FIRST_LIMIT, 2 * len(outlet.pending))
        log.warning("a scan waits: its record is behind by %d readings", len(outlet.pending))
        self._say("waiting for the record to catch up")
        while outlet.backlog_bytes() > BACKLOG_BYTES // 2:
            self._course.heed()
            outlet.flush(1.0)
        self._say(None)
        return FIRST_LIMIT
