"""The loop that a point costs: moves, reads, and appends to a few lists."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from typing import Any

from pybirch.scan.course import AbortAsked, Course, WalkAgain
from pybirch.scan.hands import Flag, Lanes, Unread, movers_of, readers_of
from pybirch.scan.outlet import BACKLOG_BYTES, Outlet
from pybirch.scan.parts import Line, Moves, Part, Reads, Step, Unmoved, floats
from pybirch.scan.plan import Plan
from pybirch.scan.sense import Sense
from pybirch.scan.stillness import wait_until_still
from pybirch.scan.traverse import parts

log = logging.getLogger(__name__)

UNWEIGHED = 100
"""Readings that may wait before they are weighed again, if they are as heavy as those before."""


class Engine:
    """Walks a plan once.

    Args:
        plan: what to do.
        outlet: where readings go.
        course: what somebody wishes meanwhile.
        sense: what is known of positions and readings.
        say: tells watchers a sentence about the scan, or None when it no longer holds.
        flag: is told what was left out.
        bring_up: makes instruments ready that a pause has put in their safe state, before a walk that is
            taken up again; may raise.
        start: the first step to do; those before are done.
        rewound: called when the walk goes back to a step, before anything moves.

    Attributes:
        steps_done: steps that are behind.
    """

    def __init__(
        self,
        plan: Plan,
        outlet: Outlet,
        course: Course,
        sense: Sense,
        say: Callable[[str | None], None],
        flag: Flag,
        bring_up: Callable[[], None],
        start: int = 0,
        rewound: Callable[[int], None] = lambda step: None,
    ) -> None:
        self.steps_done = start
        self._start = start
        self._way_back = "going back to where it was interrupted"
        self._rewound = rewound
        self._settings_at_first: list[dict[str, Any]] = []
        self._is_rewound = False
        self._plan = plan
        self._move = movers_of(plan, course, flag)
        self._changed = list(plan.changed)
        self._axis = [mover.axis for mover in plan.movers]
        self._read = readers_of(plan, course, flag)
        self._measurement = [reader.measurement for reader in plan.readers]
        self._several = len(plan.measurements) > 1
        self._timing_of_axis = [getattr(one, "timing", None) for one in plan.movements]
        timings = [getattr(one, "timing", None) for one in plan.measurements]
        self._timing_of_reader = [
            timings[reader.measurement] if reader.repeats == 1 else None for reader in plan.readers
        ]
        self._sense = sense
        self._here = sense.here
        self._lanes = Lanes()
        self._limit = 0
        self._outlet = outlet
        self._course = course
        self._say = say
        self._bring_up = bring_up

    def walk(self) -> None:
        """Every step that is left, in order; ends early with what `Course.heed` or an instrument raises.

        A step's readings are handed on together, or, where one of them raises, not at all.
        """
        self._settings_at_first = [dict(_settings(instrument)) for instrument in self._plan.changed]
        self._course.begin_walk()
        try:
            again = self._walked()
            while again is not None:
                again = self._taken_up(again) or self._walked()
        finally:
            self._course.leave_walk()
            self._lanes.close()

    @property
    def threads(self) -> set[int]:
        """Those that work beside the one that walks."""
        return set(self._lanes.idents)

    def leave(self, stuck: Any) -> None:
        """From another thread, when the one that walks hangs in a driver: what it does next ends its walk."""
        self._move[:] = [_left] * len(self._move)
        self._read[:] = [_left] * len(self._read)
        self._changed.clear()
        if any(stuck is one for one in self._plan.movements):
            self._here.clear()  # the innermost loop has its reader at hand, but notes the position first

    def _taken_up(self, again: WalkAgain) -> WalkAgain | None:
        """Ready to walk from where `again` says; not None when that is elsewhere by now.

        What was measured is with the sinks first. In a pause nothing moves.
        """
        self._outlet.flush()
        if again.at is not None:
            self._start = self.steps_done = again.at
            self._way_back = f"going back to step {again.at}"
            self._is_rewound = True
            self._rewound(again.at)
        self._start = self.steps_done
        self._sense.begin_again()
        try:
            self._course.heed()
            self._bring_up()
        except WalkAgain as other:
            return other
        if self._is_rewound:
            self._is_rewound = False
            self._set_as_at_first()
        return None

    def _set_as_at_first(self) -> None:
        """The settings with which the walk began; those up to the present step follow."""
        for instrument, settings in zip(self._plan.changed, self._settings_at_first, strict=True):
            now = _settings(instrument)
            other = {name: value for name, value in settings.items() if now.get(name) != value}
            if other:
                self._change(instrument, other)

    def _walked(self) -> WalkAgain | None:
        """From the present step to the end; not None when the walk is to be taken up again, somewhere."""
        found = parts(self._plan, self.steps_done, self._sense)
        try:
            part = next(found, None)
            while part is not None:
                part = self._do(part, found)
            self.steps_done = self._plan.steps
            self._course.end_walk()
        except WalkAgain as again:
            return again
        return None

    def _do(self, part: Part, found: Generator[Part]) -> Part | None:
        """Do one part; the next."""
        if self._course.attention:
            self._course.heed()
        try:
            if isinstance(part, Line):
                self._line(part)
            else:
                self._step(part)
        except Unmoved as unmoved:
            return _after(found, unmoved)
        return next(found, None)

    def _line(self, line: Line) -> None:
        """A line, going on behind what is left out of it."""
        self.steps_done = line.number
        self._make(line.moves)
        targets = floats(line.targets)
        while True:
            try:
                if len(line.reads) == 1:
                    self._fast(line.mover, targets, line.reads[0])
                else:
                    self._slow(line.mover, targets, line.reads)
                return
            except (Unmoved, Unread):
                self.steps_done += 1

    def _fast(self, mover: int, targets: Iterator[float], reader: int) -> None:
        """Move and read, move and read: what most points cost, so nothing is looked up twice."""
        course, outlet, here, axis, now = self._course, self._outlet, self._here, self._axis[mover], time.time
        move, read, number = self._move[mover], self._read[reader], self._measurement[reader]
        pending, several = outlet.pending, self._several
        add_step, add_time, add_number = pending.steps.append, pending.times.append, pending.numbers.append
        add_positions, add_values, values = pending.positions.extend, pending.values.append, pending.values
        step, limit, reading, look = self.steps_done, self._limit, None, 2
        try:
            for target in targets:
                if course.attention:
                    course.heed()
                if look:
                    self._make(((mover, target),))
                    reading = self._timed(reader)
                    look -= 1
                else:
                    reached = move(target)
                    here[axis] = target if reached is None else reached
                    reading = read()
                add_time(now())
                add_step(step)
                add_positions(here)
                if several:
                    add_number(number)
                add_values(reading)
                self.steps_done = step = step + 1
                if outlet.idle:
                    outlet.wake()
                    look = 1  # now and then, one is timed
                if len(values) > limit:
                    limit = self._hold_back()
        finally:
            self._limit = limit
            if reading is not None:
                self._sense.latest[number] = (step - 1, reading)

    def _slow(self, mover: int, targets: Iterator[float], reads: Reads) -> None:
        """The same with several readings, or none, at each place."""
        for target in targets:
            if self._course.attention:
                self._course.heed()
            self._make(((mover, target),))
            self._read_all((reads,))
            self.steps_done += 1
            self._keep_pace()

    def _step(self, step: Step) -> None:
        self.steps_done = step.number
        if not step.counts and step.number > 0 and step.number == self._start:
            self._go_back(step)
        else:
            self._do_step(step)
        self.steps_done = step.number + step.counts
        self._keep_pace()

    def _go_back(self, step: Step) -> None:
        self._say(self._way_back)
        try:
            self._do_step(step)
        finally:
            self._say(None)

    def _do_step(self, step: Step) -> None:
        for number, settings in step.changes:
            self._change(self._changed[number], settings)
        if len(step.lanes) == 1:
            self._make(step.lanes[0].moves)
        else:
            self._lanes.all_of([partial(self._make, lane.moves) for lane in step.lanes if lane.moves])
        if step.wait:
            self._course.wait(step.wait)
        if step.until is not None:
            wait_until_still(self._plan.probes[step.until.probe], step.until, self._course, self._say)
        self._read_all(tuple(lane.reads for lane in step.lanes))

    def _make(self, moves: Moves) -> None:
        """Make the moves, and learn how long they take."""
        for mover, target in moves:
            axis, begun = self._axis[mover], time.perf_counter()
            reached = self._move[mover](target)
            seconds = time.perf_counter() - begun
            there = target if reached is None else reached
            timing = self._timing_of_axis[axis]
            if timing is not None:
                timing.move(_way(self._here[axis], there), seconds)
            self._here[axis] = there

    def _timed(self, reader: int) -> Any:
        """A reading, and learn how long it takes."""
        begun = time.perf_counter()
        values = self._read[reader]()
        timing = self._timing_of_reader[reader]
        if timing is not None:
            timing.read(time.perf_counter() - begun, getattr(values, "size", 1))
        return values

    def _change(self, instrument: Any, settings: Any) -> None:
        instrument.settings = settings
        instrument.apply_settings(settings)

    def _read_all(self, lanes: tuple[Reads, ...]) -> None:
        """A step's readings, handed on in one piece."""
        taken = self._lanes.all_of([partial(self._take, reads) for reads in lanes if reads])
        readings = [reading for lane in taken for reading in lane]
        if not readings:
            return
        numbers = [number for number, _, _ in readings]
        pending = self._outlet.pending
        pending.times += [time_ for _, time_, _ in readings]
        pending.steps += [self.steps_done] * len(readings)
        pending.positions += self._here * len(readings)
        if self._several:
            pending.numbers += numbers
        pending.values += [values for _, _, values in readings]
        for number, _, values in readings:
            self._sense.latest[number] = (self.steps_done, values)
        if self._outlet.idle:
            self._outlet.wake()

    def _keep_pace(self) -> None:
        """After a step, when it counts as done: a walk that is taken up again does not repeat it."""
        if len(self._outlet.pending) > self._limit:
            self._limit = self._hold_back()

    def _take(self, reads: Reads) -> list[tuple[int, float, Any]]:
        """Measurement, time and values of each reading of a lane that is not left out."""
        found: list[tuple[int, float, Any]] = []
        for reader in reads:
            try:
                values = self._timed(reader)
            except Unread:
                continue
            found.append((self._measurement[reader], time.time(), values))
        return found

    def _hold_back(self) -> int:
        """Wait while too much waits for the sinks; how many readings may wait until the next look."""
        outlet = self._outlet
        count, weight = outlet.backlog()
        if weight <= BACKLOG_BYTES:
            return min(max(UNWEIGHED, 2 * count), BACKLOG_BYTES * count // weight if weight else UNWEIGHED)
        log.warning("a scan waits: its record is behind by %d readings", len(outlet.pending))
        self._say("waiting for the record to catch up")
        try:
            while outlet.backlog()[1] > BACKLOG_BYTES // 2:
                self._course.heed()
                outlet.flush(1.0)
        finally:
            self._say(None)
        return 0


def _after(found: Generator[Part], unmoved: Unmoved) -> Part | None:
    """What comes after the position that was left out."""
    try:
        return found.throw(unmoved)
    except StopIteration:
        return None


def _left(*_: Any) -> Any:
    raise AbortAsked


def _settings(instrument: Any) -> Mapping[str, Any]:
    return getattr(instrument, "settings", None) or {}


def _way(before: Any, after: Any) -> float:
    """How far a move went; NaN where a driver gave no number, which is told when it is handed on."""
    try:
        return abs(after - before)
    except TypeError:
        return float("nan")
