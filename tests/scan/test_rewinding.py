"""Going back to an earlier step: what is measured anew names what it repeats, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from pybirch.blocks import join
from pybirch.errors import FieldError, IllegalTransitionError, InstrumentError
from pybirch.events import EventBus, Readings, ScanStatus
from pybirch.extensions.base import ScanExtension
from pybirch.replacing import Run, hidden, newest, newest_parts, replaces_of, runs_of
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.rewinding import PIECE, Earlier, Rewind, standing
from pybirch.scan.scan import Scan
from pybirch.scan.strategies import Bisection
from pybirch.scan.tree import (
    AdaptiveItem,
    ConditionItem,
    ParallelItem,
    RepeatItem,
    SettingsItem,
    WaitItem,
    When,
)
from pybirch.states import ScanState
from tests.lab import PATIENCE, Diary, Doorway, Ear, Meter, Sink, Stage, line_scan, running, settings
from tests.scan import test_choices as choices

RUNNING, PAUSED = ScanState.RUNNING, ScanState.PAUSED


class Wisher(ScanExtension):
    """Wishes rewinds from within a reading, so that each comes at a known moment."""

    def __init__(self, wishes: dict[int, int | None]) -> None:
        self.wishes = wishes
        self.steps: list[int] = []

    def answer(self, number: int) -> Any:
        if number in self.wishes:
            self.scan.rewind(self.wishes[number])
        return np.array([[float(number)]])

    def on_rewind(self, step: int) -> None:
        self.steps.append(step)


def is_in(state: ScanState) -> Callable[[Scan], bool]:
    return lambda scan: scan.state is state


def blocks_of(sink: Sink, name: str = "meter") -> Readings:
    return join([block for block in sink.blocks if block.measurement == name])


def replaces(sink: Sink, name: str = "meter") -> list[int]:
    named = blocks_of(sink, name).replaces
    return [-1] * blocks_of(sink, name).count if named is None else named.tolist()


def grid(outer: Stage, inner: Stage, *reads: Any, lines: int = 3, points: int = 4) -> list[Any]:
    line = MovementItem(inner, range(points), children=[MeasurementItem(meter) for meter in reads])
    return [MovementItem(outer, range(lines), children=[line])]


def test_a_line_is_measured_again_from_a_step_on() -> None:
    wisher, sink, diary, stage = Wisher({5: 2}), Sink(), Diary(), Stage()
    scan = line_scan(stage, Meter(answer=wisher.answer), 8, extensions=[wisher, sink, diary])
    scan.run()
    assert scan.state is ScanState.COMPLETED
    assert sink.indexes() == list(range(12))
    assert blocks_of(sink).steps.tolist() == [0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 6, 7]
    assert replaces(sink) == [-1] * 6 + [2, 3, 4, 5, -1, -1]
    assert stage.visited == [*range(6), *range(2, 8)]
    assert wisher.steps == [2]
    assert scan.points_done == 12
    frame = scan.data["meter"]
    assert list(frame.index) == [0, 1, 6, 7, 8, 9, 10, 11]
    assert list(frame["x (mm)"]) == list(range(8))
    assert scan.readings("meter").count == 12, "by index nothing is missing"
    assert list(scan.readings("meter", 4, 8).steps) == [4, 5, 2, 3]
    assert not diary.overlapped


def test_an_extension_that_does_not_know_of_rewinds_hears_everything_else() -> None:
    class Old:
        heard: list[int] = []

        def save_data(self, data: Any, measurement_name: str) -> None:
            self.heard.extend(data.index)

    wisher, old = Wisher({3: 0}), Old()
    scan = line_scan(Stage(), Meter(answer=wisher.answer), 5, extensions=[wisher, old])
    scan.run()
    assert old.heard == list(range(9))


@pytest.mark.parametrize(
    ("at", "step", "start"),
    [(5, None, 4), (7, None, 4), (3, None, 0), (0, None, 0), (11, None, 8), (9, 0, 0), (9, 3, 3), (5, 5, 5)],
)
def test_a_grid_goes_back_to_the_line_or_to_a_step(at: int, step: int | None, start: int) -> None:
    wisher, sink = Wisher({at: step}), Sink()
    outer, inner = Stage("outer"), Stage("inner")
    scan = Scan(settings(grid(outer, inner, Meter(answer=wisher.answer))), extensions=[wisher, sink])
    scan.run()
    steps = blocks_of(sink).steps.tolist()
    assert steps == [*range(at + 1), *range(start, 12)]
    frame, y, x = scan.data["meter"], *blocks_of(sink).positions.values()
    assert sorted(steps[i] for i in frame.index) == list(range(12))
    assert y.tolist() == [step // 4 for step in steps], "each step at its own place"
    assert x.tolist() == [step % 4 for step in steps]


def test_several_measurements_and_several_readings_in_one_step() -> None:
    wisher, sink = Wisher({6: 1}), Sink()
    stage, a, b = Stage(), Meter("a", answer=wisher.answer), Meter("b")
    reads = [MeasurementItem(a), MeasurementItem(b), MeasurementItem(a)]
    tree = [MovementItem(stage, range(4), children=reads)]
    scan = Scan(settings(tree), extensions=[wisher, sink])
    scan.run()
    assert blocks_of(sink, "a").steps.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3]
    assert replaces(sink, "a") == [-1] * 8 + [2, 3, 4, 5, 6, 7]
    assert replaces(sink, "b") == [-1] * 4 + [1, 2, 3]
    assert scan.points_done == 14 + 7
    assert len(scan.data["a"]) == 8
    assert list(scan.data["b"].index) == [0, 4, 5, 6]


def test_twice_and_once_more_within_what_was_measured_anew() -> None:
    wisher, sink = Wisher({4: 1, 6: 1, 7: 0}), Sink()
    scan = line_scan(Stage(), Meter(answer=wisher.answer), 6, extensions=[wisher, sink])
    scan.run()
    assert blocks_of(sink).steps.tolist() == [0, 1, 2, 3, 4, 1, 2, 1, 0, 1, 2, 3, 4, 5]
    assert replaces(sink) == [-1, -1, -1, -1, -1, 1, 2, 5, 0, 7, 6, 3, 4, -1]
    assert list(scan.data["meter"].index) == [8, 9, 10, 11, 12, 13]


def test_from_a_pause_it_goes_back_at_once_and_stays_paused() -> None:
    door, sink, diary, bus = Doorway(), Sink(), Diary(), EventBus()
    ear, stage = Ear(bus), Stage()
    scan = line_scan(stage, Meter(doors={4: door}), 10, extensions=[sink, diary], bus=bus)
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        assert scan.wait_for(is_in(PAUSED), PATIENCE)
        scan.rewind(2)
        assert scan.wait_for(lambda scan: not scan.is_rewinding, PATIENCE)
        assert (scan.state, scan.progress, scan.points_done) == (PAUSED, 0.2, 5)
        scan.rewind(1)
        assert scan.wait_for(lambda scan: not scan.is_rewinding, PATIENCE)
        assert not scan.wait_for(lambda scan: scan.state is not PAUSED, 0.05)
        assert stage.visited == [0, 1, 2, 3, 4], "nothing moves before it is resumed"
        scan.resume()
    assert blocks_of(sink).steps.tolist() == [*range(5), *range(1, 10)]
    assert replaces(sink) == [-1] * 5 + [1, 2, 3, 4] + [-1] * 5
    assert diary.story.count("on_pause") == diary.story.count("on_resume") == 1
    bus.flush(PATIENCE)
    told = [(event.progress, event.message) for event in ear.of(ScanStatus) if event.message]
    assert (0.2, "rewound to step 2") in told
    assert (0.1, "rewound to step 1") in told
    bus.close()


def test_progress_falls_at_a_rewind_and_never_else() -> None:
    wisher, bus = Wisher({6: 2}), EventBus()
    ear = Ear(bus)

    def answer(number: int) -> Any:
        scan.say(f"at {number}")
        return wisher.answer(number)

    scan = line_scan(Stage(), Meter(answer=answer), 10, extensions=[wisher], bus=bus)
    scan.run()
    bus.flush(PATIENCE)
    told = [event for event in ear.of(ScanStatus) if event.progress is not None]
    falls = [b.message for a, b in pairwise(told) if b.progress < a.progress]
    assert falls == ["rewound to step 2"]
    assert told[-1].progress == 1.0
    bus.close()


@pytest.mark.parametrize("step", [-1, 6, 10, 1.0, True, "2"])
def test_a_step_that_is_not_done_is_refused_by_name(step: Any) -> None:
    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={5: door}), 10)
    with running(scan):
        door.wait_until_entered()
        with pytest.raises(FieldError, match="from 0 to 5") as refused:
            scan.rewind(step)
        assert refused.value.field == "step"
        door.open()
    assert scan.points_done == 10


def test_only_what_is_under_way_goes_back() -> None:
    scan = line_scan(Stage(), Meter(), 3)
    with pytest.raises(IllegalTransitionError, match="queued"):
        scan.rewind(0)
    scan.run()
    with pytest.raises(IllegalTransitionError, match="completed"):
        scan.rewind(0)


def test_at_the_last_step_it_still_goes_back_and_after_it_no_more() -> None:
    door = Doorway()
    wisher, stage, sink = Wisher({4: 3}), Stage(doors={"shutdown": door}), Sink()
    scan = line_scan(stage, Meter(answer=wisher.answer), 5, extensions=[wisher, sink])
    with running(scan):
        door.wait_until_entered()
        with pytest.raises(IllegalTransitionError, match="at its end"):
            scan.rewind(0)
        door.open()
    assert blocks_of(sink).steps.tolist() == [0, 1, 2, 3, 4, 3, 4]
    assert scan.state is ScanState.COMPLETED


def test_a_wish_before_the_first_step_is_kept_until_the_walk_begins() -> None:
    door, sink = Doorway(), Sink()
    scan = line_scan(Stage(doors={"connect": door}), Meter(), 3, extensions=[sink])
    with running(scan):
        door.wait_until_entered()
        scan.rewind(0)
        door.open()
    assert sink.indexes() == [0, 1, 2]
    assert scan.state is ScanState.COMPLETED


def test_an_abort_is_stronger_and_keeps_what_there_is() -> None:
    door, sink = Doorway(), Sink()
    scan = line_scan(Stage(), Meter(doors={5: door}), 10, extensions=[sink])
    with running(scan):
        door.wait_until_entered()
        scan.rewind(1)
        scan.abort()
        door.open()
    assert scan.state is ScanState.ABORTED
    assert len(scan.data["meter"]) == scan.points_done == 6


def test_aborted_after_a_rewind_the_newest_of_both_walks_are_shown() -> None:
    door, wisher = Doorway(), Wisher({7: 1})
    scan = line_scan(Stage(), Meter(answer=wisher.answer, doors={10: door}), 12, extensions=[wisher])
    with running(scan):
        door.wait_until_entered()
        scan.abort()
        door.open()
    assert scan.state is ScanState.ABORTED
    assert list(scan.data["meter"].index) == [0, 4, 5, 6, 7, 8, 9, 10]


def test_what_an_error_policy_left_out_is_read_the_second_time() -> None:
    wisher, sink = Wisher({6: 1}), Sink()
    troubles = {2: InstrumentError("no"), 9: InstrumentError("no")}

    def answer(number: int) -> Any:
        if number in troubles:
            meter.taken += 1
            raise troubles[number]
        return wisher.answer(number)

    meter = Meter(answer=answer)
    item = MeasurementItem(meter, on_error="skip")
    scan = Scan(settings([MovementItem(Stage(), range(8), children=[item])]), extensions=[wisher, sink])
    scan.run()
    assert blocks_of(sink).steps.tolist() == [0, 1, 3, 4, 5, 6, 1, 2, 4, 5, 6, 7]
    assert replaces(sink) == [-1] * 6 + [1, -1, 3, 4, 5, -1]
    assert sorted(blocks_of(sink).steps[list(scan.data["meter"].index)]) == list(range(8))


def test_a_condition_decides_anew_by_what_stands() -> None:
    """What the first walk read on the way that the second does not take is not believed any more."""
    wisher = Wisher({0: 2})
    first, mark = Meter("first"), Meter("mark")
    signs, marks = iter([-1.0, 1.0]), iter([-1.0, 7.0])
    first.answer = lambda n: np.array([[next(signs)]])
    mark.answer = lambda n: np.array([[next(marks)]])
    low, yes, no, clock = Meter("low"), Meter("yes"), Meter("no"), Meter("clock", answer=wisher.answer)
    tree = [
        MeasurementItem(mark),
        WaitItem(0.0),
        MeasurementItem(first),
        ConditionItem(When("first", above=0), [MeasurementItem(low)], [MeasurementItem(mark)]),
        ConditionItem(When("mark", above=0), [MeasurementItem(yes)], [MeasurementItem(no)]),
        WaitItem(0.0),
        MeasurementItem(clock),
    ]
    scan = Scan(settings(tree), extensions=[wisher])
    scan.run()
    assert (mark.taken, low.taken, yes.taken, no.taken) == (2, 1, 1, 1)
    assert list(scan.data["first"].index) == [1]
    assert list(scan.data["mark"].index) == [0, 1], "nothing has taken its place"


def test_bisection_goes_on_from_what_stands() -> None:
    """The readings before the step are believed, those behind it are taken again."""
    visited: list[float] = []
    wisher = Wisher({4: 2})
    stage = Stage()

    def answer(number: int) -> Any:
        wisher.answer(number)
        visited.append(stage.position)
        return np.array([[stage.position - 3.3]])

    meter = Meter(answer=answer)
    tree = [
        AdaptiveItem(
            stage, Bisection(0.0, 8.0, 0.0, 0.01), "meter", [MeasurementItem(meter)], max_positions=6
        )
    ]
    scan = Scan(settings(tree), extensions=[wisher])
    scan.run()
    assert visited[:5] == visited[:2] + visited[5:8]
    assert len(scan.data["meter"]) == 6


def test_settings_go_back_as_well() -> None:
    class Ranged(Meter):
        def perform_measurement(self) -> Any:
            super().perform_measurement()
            return np.array([[float(self.settings["range"])]])

    wisher = Wisher({1: 0})
    meter, clock = Ranged(), Meter("clock", answer=wisher.answer)
    read, tick = MeasurementItem(meter, settings={"range": 1}), MeasurementItem(clock)
    tree = [
        read,
        tick,
        SettingsItem(meter, {"range": 10}),
        MeasurementItem(meter),
        tick,
        MeasurementItem(meter),
    ]
    scan = Scan(settings(tree), extensions=[wisher])
    scan.run()
    assert scan.readings("meter").values["voltage (V)"].tolist() == [1, 10, 10, 1, 10, 10]


def test_the_line_of_a_nested_tree() -> None:
    stage, other, meter = Stage("a"), Stage("b"), Meter()
    read = MeasurementItem(meter)
    line = MovementItem(stage, range(3), children=[read, WaitItem(0.0)])
    side = ParallelItem(
        [
            MovementItem(stage, range(3), children=[read]),
            MovementItem(other, range(2), children=[MeasurementItem(Meter("n"))]),
        ]
    )
    choice = ConditionItem(When("meter", above=0), [line], [WaitItem(0.0), line])
    body = Scan(settings([read, RepeatItem(2, [WaitItem(0.0), line, read]), side, choice])).check().body
    starts = [body.loop_start(0, step) for step in range(body.steps)]
    assert starts[0] is None
    assert starts[1:17] == [1, *[2] * 6, 1, 1, *[10] * 6, 1]
    assert starts[17:20] == [17] * 3
    assert starts[20:26] == [20] * 6
    assert starts[26:] == [None, *[27] * 6]


TREES: dict[str, Callable[[Stage, Stage, Meter, Meter], list[Any]]] = {
    "line": lambda x, y, m, n: [MovementItem(x, range(9), children=[MeasurementItem(m)])],
    "grid": lambda x, y, m, n: grid(y, x, m, n, m, lines=3, points=3),
    "repeats": lambda x, y, m, n: [
        RepeatItem(
            3, [MeasurementItem(n), WaitItem(0.0), MovementItem(x, range(3), children=[MeasurementItem(m)])]
        )
    ],
    "side by side": lambda x, y, m, n: [
        ParallelItem(
            [
                MovementItem(x, range(5), children=[MeasurementItem(m)]),
                MovementItem(y, range(3), children=[MeasurementItem(n), MeasurementItem(n)]),
            ]
        )
    ],
}


@tries(max_examples=60, deadline=None)
@given(
    tree=st.sampled_from(sorted(TREES)),
    wishes=st.dictionaries(st.integers(0, 25), st.floats(0, 1) | st.none(), max_size=5),
)
def test_the_newest_view_has_each_reading_once(tree: str, wishes: dict[int, float | None]) -> None:
    class Anywhere(Wisher):
        def answer(self, number: int) -> Any:
            if number in wishes:
                share = wishes[number]
                done = self.scan._run._engine.steps_done
                self.scan.rewind(None if share is None else round(share * done))
            return np.array([[float(number)]])

    wisher, sink = Anywhere({}), Sink()
    meters = Meter("m", answer=wisher.answer), Meter("n")
    scan = Scan(settings(TREES[tree](Stage("x"), Stage("y"), *meters)), extensions=[wisher, sink])
    scan.run()
    assert scan.state is ScanState.COMPLETED
    for name in ("m", "n"):
        if name in scan.counts:
            check_newest(scan, name)


def check_newest(scan: Scan, name: str) -> None:
    """What `replaces` says against what can be counted."""
    readings = scan.readings(name)
    assert (readings.first_index, readings.count) == (0, scan.counts[name])
    bounds = [0, *(rewind.counts.get(name, 0) for rewind in scan._memory.rewinds), readings.count]
    newest_of: dict[tuple[int, int], int] = {}
    expected = np.full(readings.count, -1)
    for start, end in pairwise(bounds):
        seen: dict[int, int] = {}
        for i in range(start, end):
            step = int(readings.steps[i])
            key = step, seen.setdefault(step, 0)
            seen[step] += 1
            expected[i] = newest_of.get(key, -1)
            newest_of[key] = i
    got = readings.replaces if readings.replaces is not None else np.full(readings.count, -1)
    assert got.tolist() == expected.tolist()
    assert list(scan.data[name].index) == sorted(newest_of.values())


def test_a_long_record_is_read_from_its_end_and_no_further_than_needed() -> None:
    asked: list[tuple[int, int]] = []

    def steps_of(name: str, start: int, end: int) -> Any:
        asked.append((start, end))
        return np.arange(start, end)

    count = 5 * PIECE
    earlier = Earlier(count - 10, ["m", "n"], {"m": count}, [], steps_of)
    assert asked == [(count - PIECE, count)]
    assert earlier.repeated_by("n", np.arange(3)) is None
    assert earlier.repeated_by("m", np.arange(count, count + 3)) is None
    named = earlier.repeated_by("m", np.arange(count - 2, count + 2))
    assert named is not None
    assert named.tolist() == [count - 2, count - 1, -1, -1]


@given(st.lists(st.integers(-1, 12), max_size=30), st.integers(0, 50), st.data())
def test_runs_say_what_the_readings_say(named: list[int], first: int, data: Any) -> None:
    count = len(named)
    zeros = np.zeros(count)
    block = Readings(
        scan_id="S", measurement="m", first_index=first, steps=np.arange(count), times=zeros,
        positions={}, values={"v": zeros}, replaces=np.array(named, dtype=np.int64),
    )  # fmt: skip
    runs = runs_of(block)
    back = replaces_of(runs, first, first + count)
    assert (back.tolist() if back is not None else [-1] * count) == named
    assert not any(a.goes_on(b) for a, b in pairwise(runs))
    ranges = hidden(runs)
    gone = {i for i in named if i >= 0}
    assert {i for a, b in ranges.tolist() for i in range(a, b)} == gone
    assert (ranges[1:, 0] > ranges[:-1, 1]).all()
    start = data.draw(st.integers(0, 20))
    end = data.draw(st.integers(start, 25))
    shown = [i for i in range(start, end) if i not in gone]
    assert (start + np.flatnonzero(newest(ranges, start, end))).tolist() == shown
    assert [i for a, b in newest_parts(ranges, start, end) for i in range(a, b)] == shown


def test_runs_follow_each_other() -> None:
    assert Run(4, 3, 0).goes_on(Run(7, 2, 3))
    assert not Run(4, 3, 0).goes_on(Run(7, 2, 4))
    assert not Run(4, 3, 0).goes_on(Run(8, 2, 4))


def test_what_a_rewind_went_back_behind_does_not_stand() -> None:
    steps = np.array([0, 1, 2, 3, 1, 2, 0, 1])
    rewinds = [Rewind(1, {"m": 4}), Rewind(0, {"m": 6})]
    assert standing("m", steps, rewinds[:1]).tolist() == [True, False, False, False, True, True, True, True]
    assert standing("m", steps, rewinds).tolist() == [False] * 6 + [True] * 2


class Home(ScanExtension):
    """At a rewind, puts everything to where it was at first, and forgets that it was ever elsewhere."""

    goes_on = False

    def on_rewind(self, step: int) -> None:
        begin_anew()
        here = self.scan._run._sense.here
        here[:] = [float("nan")] * len(here)


def begin_anew() -> None:
    choices.at_home()
    for meter in choices.METERS:
        meter.gain = 1
        meter._settings.clear()


@tries(max_examples=150, deadline=None)
@given(choices.trees, st.data())
def test_a_tree_that_depends_measures_again_what_it_would_have_measured(tree: list[Any], data: Any) -> None:
    begin_anew()
    whole = choices.scan_of([choices.FIRST, *tree])
    whole.run()
    readings = sum(whole.counts.values())
    wishes = data.draw(st.dictionaries(st.integers(1, 2 * readings), st.floats(0, 1), max_size=3))
    scan = choices.scan_of([choices.FIRST, *tree])
    scan.extensions.append(Home())
    taken = 0

    def look(meter: Any, number: int) -> Any:
        nonlocal taken
        taken += 1
        if taken in wishes:
            scan.rewind(round(wishes[taken] * scan._run._engine.steps_done))  # pyright: ignore[reportOptionalMemberAccess]
        return meter.look(number)

    begin_anew()
    for meter in choices.METERS:
        meter.answer = partial(look, meter)
    try:
        scan.run()
    finally:
        for meter in choices.METERS:
            meter.answer = meter.look
    assert scan.state is ScanState.COMPLETED
    found = choices.measured(scan)
    for name in found:
        check_newest(scan, name)
    assert choices.story({name: standing_of(scan, block) for name, block in found.items()}) == choices.story(
        choices.measured(whole)
    )


def standing_of(scan: Scan, readings: Readings) -> Readings:
    """What the last walk has measured, and those before it up to where it began."""
    stand = standing(readings.measurement, readings.steps, scan._memory.rewinds)
    return replace(
        readings,
        steps=readings.steps[stand],
        times=readings.times[stand],
        positions={name: column[stand] for name, column in readings.positions.items()},
        values={name: column[stand] for name, column in readings.values.items()},
        replaces=None,
    )
