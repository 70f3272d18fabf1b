"""Steps from the middle of a tree on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pybirch.errors import ScanSettingsError
from pybirch.scan.compiling import compile_tree
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.parts import Step
from pybirch.scan.plan import Plan
from pybirch.scan.traverse import parts, traverse
from pybirch.scan.tree import (
    ParallelItem,
    RepeatItem,
    SequenceItem,
    SettingsItem,
    WaitItem,
    deserialize_tree,
    serialize_tree,
)
from tests.lab import Meter, Stage

STAGES = [Stage(f"stage {n}") for n in range(5)]
METERS = [Meter(f"meter {n}") for n in range(2)]


def leaves_of(*meters: Meter) -> Any:
    return (
        st.builds(MeasurementItem, st.sampled_from(meters), repeats=st.integers(1, 2))
        | st.just(WaitItem(0.0))
        | st.builds(SettingsItem, st.sampled_from(meters), st.fixed_dictionaries({"gain": st.integers(0, 9)}))
    )


leaves = leaves_of(*METERS)


def moved(children: Any, stages: Any) -> Any:
    return st.builds(
        lambda stage, targets, below, snake: MovementItem(stage, targets, children=below, snake=snake),
        stages,
        st.lists(st.floats(-9, 9), min_size=1, max_size=4),
        st.lists(children, max_size=3),
        st.booleans(),
    )


def grouped(children: Any) -> Any:
    beside = st.builds(
        lambda one, other: ParallelItem([one, other]),
        moved(leaves_of(METERS[0]), st.just(STAGES[3])),
        moved(leaves_of(METERS[1]), st.just(STAGES[4])),
    )
    some = st.lists(children, min_size=1, max_size=3)
    return (
        moved(children, st.sampled_from(STAGES[:3]))
        | beside
        | st.builds(RepeatItem, st.integers(1, 3), some)
        | st.builds(SequenceItem, some)
    )


trees = st.lists(st.recursive(leaves, grouped, max_leaves=6), min_size=1, max_size=3)


class Bench:
    """Where the axes are and what the settings are, step by step."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.here: dict[int, float] = {}
        self.settings: dict[int, dict[str, Any]] = {}

    def do(self, step: Step) -> Any:
        for instrument, settings_ in step.changes:
            self.settings[instrument] = self.settings.get(instrument, {}) | dict(settings_)
        for lane in step.lanes:
            self.here |= {self.plan.movers[mover].axis: target for mover, target in lane.moves}
        reads = [lane.reads for lane in step.lanes if lane.reads]
        return step.number, dict(self.here), dict(self.settings), reads, step.wait


def walked(plan: Plan, start: int = 0) -> list[Any]:
    """The state at each step that counts."""
    bench = Bench(plan)
    return [state for step in traverse(plan, start) for state in [bench.do(step)] if step.counts]


@given(trees, st.data())
@settings(max_examples=300, deadline=None)
def test_a_later_start_finds_everything_as_it_was(tree: Any, data: Any) -> None:
    plan = compile_tree(tree)
    whole = walked(plan)
    assert [state[0] for state in whole] == list(range(plan.steps))
    start = data.draw(st.integers(0, plan.steps))
    assert walked(plan, start) == whole[start:]


def test_no_axis_is_brought_back_that_moves_anyway() -> None:
    inner = MovementItem(STAGES[1], [1, 2, 3], children=[MeasurementItem(METERS[0])])
    plan = compile_tree([MovementItem(STAGES[0], [7, 8], children=[inner])])
    back, line, *_ = parts(plan, 4)
    assert isinstance(back, Step)
    assert [lane.moves for lane in back.lanes] == [((0, 8.0),)]
    assert line.number == 4


def test_the_middle_of_a_large_tree_is_reached_at_once() -> None:
    x, y, meter = *STAGES[:2], METERS[0]
    inner = MovementItem(x, range(10_000), children=[MeasurementItem(meter)])
    plan = compile_tree([MovementItem(y, range(10_000), children=[inner])])
    bench, steps = Bench(plan), traverse(plan, 98_765_432)
    bench.do(next(steps))
    number, here, _, reads, _ = bench.do(next(steps))
    assert number == 98_765_432
    assert {plan.movements[axis].name: target for axis, target in here.items()} == {
        x.name: 5432.0,
        y.name: 9876.0,
    }
    assert reads == [(0,)]


def test_branches_go_side_by_side() -> None:
    x = MovementItem(STAGES[0], [1, 2, 3], children=[MeasurementItem(METERS[0])])
    y = MovementItem(STAGES[1], [10, 20], children=[MeasurementItem(METERS[1])])
    plan = compile_tree([ParallelItem([x, y])])
    assert plan.axes_of == [(0, 1), (0, 1)]
    assert (plan.steps, plan.readings) == (3, 5)
    assert [[lane.moves for lane in step.lanes] for step in traverse(plan)] == [
        [((0, 1.0),), ((1, 10.0),)],
        [((0, 2.0),), ((1, 20.0),)],
        [((0, 3.0),)],
    ]


@given(trees)
@settings(max_examples=50, deadline=None)
def test_a_tree_is_the_same_after_json(tree: Any) -> None:
    data = json.loads(json.dumps(serialize_tree(tree)))
    assert serialize_tree(deserialize_tree(data)) == data


def where(tree: Any) -> list[tuple[float, ...]]:
    """Where the axes are at each step."""
    return [tuple(here[axis] for axis in sorted(here)) for _, here, *_ in walked(compile_tree(tree))]


def test_a_snake_goes_back_and_forth() -> None:
    y, x, meter = STAGES[0], STAGES[1], MeasurementItem(METERS[0])
    line = MovementItem(x, [1, 2, 3], children=[meter], snake=True)
    there = [(0, 1), (0, 2), (0, 3), (1, 3), (1, 2), (1, 1), (2, 1), (2, 2), (2, 3)]
    assert where([MovementItem(y, [0, 1, 2], children=[line])]) == there
    plane = RepeatItem(2, [MovementItem(y, [0, 1], children=[line], snake=True)])
    assert where([plane]) == [
        *((0, 1), (0, 2), (0, 3), (1, 3), (1, 2), (1, 1)),
        *((1, 1), (1, 2), (1, 3), (0, 3), (0, 2), (0, 1)),
    ]


def test_what_is_repeated_counts_as_often() -> None:
    plan = compile_tree([RepeatItem(3, [MeasurementItem(METERS[0]), WaitItem(0.5)]), WaitItem(1)])
    assert (plan.steps, plan.readings) == (7, 3)
    assert [step.wait for step in traverse(plan)] == [0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"type": "repeat", "times": 0, "children": [{"type": "wait", "seconds": 1}]}, "scan_tree[0].times"),
        ({"type": "repeat", "times": 2}, "scan_tree[0].children of repeat"),
        ({"type": "repeat", "times": 2, "children": [{"type": "wait"}]}, "scan_tree[0].children[0].seconds"),
        ({"type": "wait", "seconds": -1}, "scan_tree[0].seconds"),
        ({"type": "wait", "seconds": float("inf")}, "scan_tree[0].seconds"),
        ({"type": "dance"}, "scan_tree[0].type"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(data: dict[str, Any], field: str) -> None:
    with pytest.raises(ScanSettingsError) as caught:
        deserialize_tree([data])
    assert caught.value.field == field
