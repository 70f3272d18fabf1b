"""Trees that depend on what is measured, and scans of them that go on after a crash."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybirch.blocks import join, part
from pybirch.errors import ScanSettingsError
from pybirch.events import Readings
from pybirch.extensions.base import ScanExtension
from pybirch.queue.queue import Queue
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.strategies import Bisection, Refinement, register_strategy, strategy_of
from pybirch.scan.tree import (
    AdaptiveItem,
    ConditionItem,
    LeaveItem,
    MeasurementItem,
    MovementItem,
    ParallelItem,
    RepeatItem,
    SequenceItem,
    SettingsItem,
    When,
    walk,
)
from pybirch.states import ScanState
from tests.lab import Meter, Stage

STAGES = [Stage(f"stage {number}") for number in range(5)]


class Field(Meter):
    """Reads a smooth function of where all stages are, and of its gain."""

    def __init__(self, name: str, weight: float) -> None:
        super().__init__(name, self.look)
        self.weight = weight
        self.gain = 1

    def look(self, number: int) -> Any:
        where = sum(math.sin(stage.position * (n + 1) * self.weight) for n, stage in enumerate(STAGES))
        return np.array([[where * self.gain]])

    def initialize(self) -> None:
        super().initialize()
        self.gain = 1


METERS = [Field("meter 0", 0.7), Field("meter 1", 1.3)]
FIRST = MeasurementItem(METERS[0])
HIGH = When("meter 0", above=1)


class Kept(ScanExtension):
    """A record in memory, at first with the readings before a step."""

    def __init__(self, blocks: dict[str, Readings], before: int) -> None:
        self.blocks = {
            name: part(block, 0, int(np.searchsorted(block.steps, before))) for name, block in blocks.items()
        }
        self.blocks = {name: block for name, block in self.blocks.items() if block.count}

    def save_readings(self, blocks: list[Readings]) -> None:
        for block in blocks:
            known = self.blocks.get(block.measurement)
            self.blocks[block.measurement] = block if known is None else join([known, block])

    def steps(self, measurements: Any) -> int:
        return max((int(self.blocks[m].steps[-1]) + 1 for m in measurements if m in self.blocks), default=0)

    def counts(self) -> dict[str, int]:
        return {name: block.count for name, block in self.blocks.items()}

    def read(self, measurement: str, start: int, end: int) -> Readings:
        return part(self.blocks[measurement], start, end)

    def steps_of(self, measurement: str, start: int, end: int) -> Any:
        return self.read(measurement, start, end).steps

    def rewinds(self) -> list[Any]:
        return []


def scan_of(tree: list[Any]) -> Scan:
    return Scan(ScanSettings("project", "choices", "", "", tree))


def measured(scan: Scan) -> dict[str, Readings]:
    return {name: scan.readings(name) for name in scan.counts}


def story(blocks: dict[str, Readings]) -> list[Any]:
    """Each reading with its step, positions and values; NaN as text, to be compared."""
    return sorted(
        (int(block.steps[i]), name, *(str(v[i]) for v in (*block.positions.values(), *block.values.values())))
        for name, block in blocks.items()
        for i in range(block.count)
    )


def at_home() -> None:
    for stage in STAGES:
        stage.position = 0.0


def interrupted_before(scan: Scan, step: int) -> Scan:
    """The scan, killed when nothing of `step` was kept, and about to go on with instruments anywhere."""
    again = Scan.recall(scan.settings, scan_id=scan.scan_id, state=ScanState.INTERRUPTED)
    again.record = kept = Kept(measured(scan), step)
    for stage in STAGES:
        stage.position = 0.0
    going_on = again.to_go_on()
    going_on.extensions.append(kept)
    return going_on


whens = st.builds(When, st.just("meter 0"), above=st.floats(-2, 2))
leaves = (
    st.builds(MeasurementItem, st.sampled_from(METERS))
    | st.just(FIRST)
    | st.builds(SettingsItem, st.just(METERS[1]), st.fixed_dictionaries({"gain": st.integers(1, 3)}))
)


def free_of(stage: Stage, items: list[Any]) -> list[Any]:
    """The items that leave this stage alone: a movement does not go inside itself."""
    return [item for item in items if all(below.instrument is not stage for _, below in walk([item]))]


def deeper(children: Any) -> Any:
    some = st.lists(children, min_size=1, max_size=3)
    positions = st.lists(st.floats(-3, 3), min_size=1, max_size=4)
    moved = st.builds(
        lambda stage, targets, below, snake: MovementItem(
            stage, targets, children=[FIRST, *free_of(stage, below)], snake=snake
        ),
        st.sampled_from(STAGES[:3]),
        positions,
        some,
        st.booleans(),
    )
    leaving = st.builds(
        lambda when, what: ConditionItem(when, [LeaveItem(what)]),
        whens,
        st.sampled_from(["round", "loop", "scan"]),
    )
    sought = st.builds(
        lambda stage, level, below: AdaptiveItem(
            stage, Bisection(-1, 2, level, 0.3), "meter 0", [FIRST, *free_of(stage, below)], max_positions=6
        ),
        st.sampled_from(STAGES[:3]),
        st.floats(-1, 1),
        st.lists(children | leaving, max_size=2),
    )
    beside = st.builds(
        lambda one, other: ParallelItem(
            [
                MovementItem(STAGES[3], one, children=[MeasurementItem(METERS[1])]),
                MovementItem(STAGES[4], other),
            ]
        ),
        positions,
        positions,
    )
    return (
        moved
        | sought
        | beside
        | st.builds(
            lambda times, below, way: RepeatItem(times, [*below, way]), st.integers(1, 3), some, leaving
        )
        | st.builds(ConditionItem, whens, some, st.lists(children, max_size=2))
        | st.builds(SequenceItem, some)
    )


trees = st.lists(st.recursive(leaves, deeper, max_leaves=7), min_size=1, max_size=3)


@given(trees, st.data())
@settings(max_examples=150, deadline=None)
def test_what_goes_on_measures_what_would_have_been_measured(tree: list[Any], data: Any) -> None:
    at_home()
    whole = scan_of([FIRST, *tree])
    whole.run()
    blocks = measured(whole)
    steps = sorted({int(step) for block in blocks.values() for step in block.steps})
    killed = interrupted_before(whole, data.draw(st.sampled_from(steps)) + 1)
    killed.run()
    assert killed.state is ScanState.COMPLETED
    assert story(measured(killed)) == story(blocks)


def positions_of(scan: Scan, name: str = "meter 0") -> list[float]:
    return [float(p) for p in next(iter(scan.readings(name).positions.values()))]


def test_bisection_finds_the_crossing() -> None:
    at_home()
    item = AdaptiveItem(STAGES[0], Bisection(0, 2, 0.5, 1e-3), "meter 0", [FIRST], column="voltage")
    scan = scan_of([item])
    scan.run()
    assert positions_of(scan)[-1] == pytest.approx(math.asin(0.5) / 0.7, abs=1e-3)
    assert scan.progress == 1.0
    assert scan.points_done < 20 < scan.points_total


class Coarse(Stage):
    """Goes to the nearest hundredth."""

    def move_to(self, target: float) -> float | None:
        super().move_to(round(target, 2))
        return round(target, 2)


@pytest.mark.parametrize("strategy", [Bisection(0, 1, 0.003, 1e-6), Refinement(0, 1, start=3, tolerance=0.0)])
def test_an_axis_that_cannot_go_finer_ends_the_search(strategy: Any) -> None:
    coarse = Coarse("coarse")
    bend = Meter("bend", lambda n: np.array([[max(0.0, coarse.position - 0.5)]]))
    scan = scan_of([AdaptiveItem(coarse, strategy, "bend", [MeasurementItem(bend)], max_positions=500)])
    scan.run()
    where = positions_of(scan, "bend")
    assert len(where) < 100
    assert min(abs(one - 0.5) for one in where[-3:]) <= 0.011


def test_bisection_without_a_crossing_stops_at_once() -> None:
    at_home()
    scan = scan_of([AdaptiveItem(STAGES[0], Bisection(0, 1, 50.0, 1e-3), "meter 0", [FIRST])])
    scan.run()
    assert positions_of(scan) == [0.0, 1.0]


def test_refinement_goes_where_the_curve_bends() -> None:
    step = Meter("step", lambda n: np.array([[1.0 if STAGES[0].position > 0.3 else 0.0]]))
    item = AdaptiveItem(
        STAGES[0],
        Refinement(-1, 1, start=5, tolerance=0.05),
        "step",
        [MeasurementItem(step)],
        max_positions=40,
    )
    scan = scan_of([item])
    scan.run()
    where = np.array(positions_of(scan, "step"))
    assert np.sort(where[:5]) == pytest.approx(np.linspace(-1, 1, 5))
    assert np.abs(where[-10:] - 0.3).max() < 0.1


def test_a_scientist_s_own_function_chooses() -> None:
    def halves(positions: Any, values: Any) -> float | None:
        assert len(positions) == len(values)
        return 1.0 if not positions else positions[-1] / 2 if len(positions) < 4 else None

    with pytest.raises(ScanSettingsError, match="register_strategy"):
        AdaptiveItem(STAGES[0], lambda *_: None, "meter 0", [FIRST])
    register_strategy("halves", halves)
    scan = scan_of([AdaptiveItem(STAGES[0], halves, "meter 0", [FIRST])])
    assert scan.settings.serialize()["scan_tree"][0]["strategy"] == {"function": "halves"}
    scan.run()
    assert positions_of(scan) == [1.0, 0.5, 0.25, 0.125]


def test_a_condition_skips_stops_and_branches() -> None:
    at_home()
    ramp = Meter("ramp", lambda n: np.array([[STAGES[0].position]]))
    other = Meter("other", lambda n: np.array([[0.0]]))
    tree = [
        MovementItem(
            STAGES[0],
            [1, 2, 3, 4, 5, 6],
            children=[
                MeasurementItem(ramp),
                ConditionItem(When("ramp", above=1.5, below=2.5), [LeaveItem("round")]),
                ConditionItem(When("ramp", above=4.5), [LeaveItem("scan")]),
                MeasurementItem(other),
            ],
        )
    ]
    scan = scan_of(tree)
    scan.run()
    assert positions_of(scan, "ramp") == [1, 2, 3, 4, 5]
    assert positions_of(scan, "other") == [1, 3, 4]
    assert scan.state is ScanState.COMPLETED
    assert scan.progress == 1.0
    assert scan.message == "ramp > 4.5 holds (it is 5)"


@pytest.mark.parametrize(
    ("tree", "field"),
    [
        ([ConditionItem(When("nobody", above=1), [FIRST])], "when"),
        ([FIRST, ConditionItem(When("meter 0", "amps", above=1), [FIRST])], "column"),
        ([LeaveItem("loop")], "scan_tree[0].what"),
        (
            [FIRST, ConditionItem(When("meter 0", above=1), [LeaveItem("round")])],
            "scan_tree[1].children[0].what",
        ),
        ([AdaptiveItem(STAGES[0], Bisection(0, 1, 0, 0.1), "other", [FIRST])], "measurement"),
        (
            [AdaptiveItem(Stage("short", limits=(0, 1)), Bisection(0, 2, 0, 0.1), "meter 0", [FIRST])],
            "scan_tree[0].strategy.high",
        ),
        ([ParallelItem([FIRST])], "scan_tree[0].children"),
        ([ParallelItem([FIRST, FIRST])], "scan_tree[0].children[1]"),
        (
            [FIRST, ParallelItem([FIRST, ConditionItem(HIGH, [FIRST])])],
            "scan_tree[1].children[1]",
        ),
        ([FIRST, MeasurementItem(METERS[0], repeats=2, keep="std")], "meter 0.keep"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_moves(tree: list[Any], field: str) -> None:
    with pytest.raises(ScanSettingsError) as caught:
        scan_of(tree).check()
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (lambda: Bisection(1, 0, 0, 0.1), "strategy.low"),
        (lambda: Bisection(0, 1, 0, 0.0), "strategy.tolerance"),
        (lambda: Refinement(0, 1, start=2), "strategy.start"),
        (lambda: When("meter"), "when"),
        (lambda: When("meter", above=math.nan), "when.above"),
        (lambda: strategy_of({"magic": {}}), "strategy"),
        (
            lambda: AdaptiveItem(STAGES[0], {"bisection": {"low": 0}}, "meter 0", [FIRST]),
            "strategy.bisection",
        ),
        (lambda: AdaptiveItem(STAGES[0], Bisection(0, 1, 0, 0.1), "", [FIRST]), "measurement"),
        (lambda: LeaveItem("town"), "what"),
    ],
)
def test_what_makes_no_sense_is_named(made: Any, field: str) -> None:
    with pytest.raises(ScanSettingsError) as caught:
        made()
    assert caught.value.field == field


def test_a_strategy_that_is_not_registered_here_is_named_when_it_is_asked() -> None:
    scan = scan_of([AdaptiveItem(STAGES[0], {"function": "gone"}, "meter 0", [FIRST])])
    with pytest.raises(ScanSettingsError, match="'gone'"):
        scan.run()
    assert scan.state is ScanState.FAILED


def test_a_tree_that_depends_says_that_its_points_are_the_most_there_can_be() -> None:
    search = AdaptiveItem(STAGES[0], Bisection(0, 2, 0.5, 0.1), "meter 0", [FIRST])
    queue = Queue("Q", [scan_of([search]), scan_of([FIRST])])
    described = [handle.describe() for handle in queue.handles]
    assert [row["points_vary"] for row in described] == [True, False]
    assert [row["points_total"] for row in described] == [100, 1]
