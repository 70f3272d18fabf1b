"""Every position is visited, in order, and every reading knows where it was taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan
from tests.lab import Meter, Sink, Stage, line_scan, settings


@pytest.mark.parametrize(
    ("positions", "visited"),
    [
        ([3, 1, 2], [3, 1, 2]),
        ((0.5,), [0.5]),
        (range(4), [0, 1, 2, 3]),
        (range(6, 0, -2), [6, 4, 2]),
        (np.array([1.5, -2.5]), [1.5, -2.5]),
        (np.arange(3), [0, 1, 2]),
        ({"linear": [0, 1, 5]}, [0, 0.25, 0.5, 0.75, 1]),
        ({"linear": [1, 0, 2]}, [1, 0]),
        ({"range": [0, 3, 1]}, [0, 1, 2]),
        ([1, 1, 1], [1, 1, 1]),
    ],
)
def test_every_position_in_order(positions: Any, visited: list[float]) -> None:
    stage, meter = Stage(), Meter()
    scan = Scan(settings([MovementItem(stage, positions, children=[MeasurementItem(meter)])]))
    scan.run()
    assert stage.visited == visited
    assert list(scan.data["meter"]["x (mm)"]) == visited
    assert list(scan.data["meter"]["voltage (V)"]) == list(range(len(visited)))
    assert scan.points_done == scan.points_total == len(visited)
    assert scan.progress == 1.0


def test_a_grid_moves_the_outer_axis_once_a_row() -> None:
    outer, inner, meter = Stage("y"), Stage("x"), Meter()
    scan = Scan(
        settings(
            [
                MovementItem(
                    outer,
                    [0, 1],
                    children=[MovementItem(inner, [5, 6, 7], children=[MeasurementItem(meter)])],
                )
            ]
        )
    )
    scan.run()
    assert outer.visited == [0, 1]
    assert inner.visited == [5, 6, 7, 5, 6, 7]
    frame = scan.data["meter"]
    assert list(frame.columns) == ["y (mm)", "x (mm)", "voltage (V)"]
    assert list(zip(frame["y (mm)"], frame["x (mm)"], strict=True)) == [
        (y, x) for y in (0, 1) for x in (5, 6, 7)
    ]


def test_siblings_are_done_in_order() -> None:
    order: list[str] = []

    def noting(name: str) -> Meter:
        return Meter(name, answer=lambda n: order.append(name) or [float(n)])

    one, two, three = noting("one"), noting("two"), noting("three")
    x, y = Stage("x"), Stage("y")
    scan = Scan(
        settings(
            [
                MeasurementItem(one),
                MovementItem(
                    x,
                    [1, 2],
                    children=[
                        MeasurementItem(two),
                        MovementItem(y, [8, 9], children=[MeasurementItem(three)]),
                        MeasurementItem(one),
                    ],
                ),
                MeasurementItem(two),
            ]
        )
    )
    scan.run()
    assert order == ["one", *["two", "three", "three", "one"] * 2, "two"]
    assert scan.points_done == scan.points_total == 10
    assert y.visited == [8, 9, 8, 9]
    ones = scan.data["one"]
    assert list(ones.index) == [0, 1, 2]
    assert np.isnan(ones["x (mm)"].iloc[0]), "read before x was moved"
    assert list(ones["x (mm)"].iloc[1:]) == [1, 2]


def test_one_measurement_under_two_axes_has_both_columns() -> None:
    x, y, meter = Stage("x"), Stage("y"), Meter()
    leaf = [MeasurementItem(meter)]
    scan = Scan(settings([MovementItem(x, [1, 2], children=leaf), MovementItem(y, [3], children=leaf)]))
    scan.run()
    frame = scan.data["meter"]
    assert list(frame.columns) == ["x (mm)", "y (mm)", "voltage (V)"]
    assert list(frame["x (mm)"]) == [1, 2, 2]
    assert np.isnan(frame["y (mm)"].iloc[:2]).all()
    assert frame["y (mm)"].iloc[2] == 3


def test_readings_at_one_place_share_their_step() -> None:
    stage, one, two, sink = Stage(), Meter("one"), Meter("two"), Sink()
    tree = [MovementItem(stage, [0, 1, 2], children=[MeasurementItem(one), MeasurementItem(two)])]
    Scan(settings(tree), extensions=[sink]).run()
    assert sink.indexes("one") == sink.indexes("two") == [0, 1, 2]
    steps = {b.measurement: list(b.steps) for b in sink.blocks}
    assert steps["one"] == steps["two"]
    assert stage.visited == [0, 1, 2]


def test_a_measurement_read_twice_at_a_place_counts_twice() -> None:
    meter = Meter()
    scan = Scan(settings([MovementItem(Stage(), [0, 1], children=[MeasurementItem(meter)] * 2)]))
    scan.run()
    assert list(scan.data["meter"]["x (mm)"]) == [0, 0, 1, 1]


def test_a_movement_alone_is_moved() -> None:
    x, y = Stage("x"), Stage("y")
    scan = Scan(settings([MovementItem(x, [1, 2], children=[MovementItem(y, [3])])]))
    scan.run()
    assert x.visited == [1, 2]
    assert y.visited == [3, 3]
    assert scan.points_done == 0
    assert scan.progress == 1.0


def test_the_position_read_back_is_the_one_recorded() -> None:
    class Rough(Stage):
        def move_to(self, target: float) -> float:
            super().move_to(target)
            return target + 0.25

    scan = line_scan(Rough(), Meter(), 3)
    scan.run()
    assert list(scan.data["meter"]["x (mm)"]) == [0.25, 1.25, 2.25]


def test_settings_are_applied_before_the_first_move() -> None:
    stage, meter = Stage(), Meter()
    item = MovementItem(stage, [1], settings={"speed": 3}, children=[MeasurementItem(meter, {"range": 10})])
    Scan(settings([item])).run()
    assert stage.settings["speed"] == 3
    assert meter.settings["range"] == 10


def test_times_are_when_each_reading_was_there() -> None:
    """The same rule for a reading alone and among others: after it was taken."""
    import time

    ends: dict[str, float] = {}

    def timed(name: str) -> Meter:
        def answer(number: int) -> list[float]:
            begin = time.time()
            while time.time() - begin < 0.005:
                pass
            ends[name] = time.time()
            return [0.0]

        return Meter(name, answer=answer)

    sink = Sink()
    Scan(settings([MeasurementItem(timed("one")), MeasurementItem(timed("two"))]), extensions=[sink]).run()
    Scan(settings([MeasurementItem(timed("three"))]), extensions=[sink]).run()
    for block in sink.blocks:
        assert block.times[0] >= ends[block.measurement]


def test_a_tree_of_many_points_starts_at_once() -> None:
    tree: list[Any] = [MeasurementItem(Meter())]
    for name in "abcde":
        tree = [MovementItem(Stage(name), range(100), children=tree)]
    assert Scan(settings(tree)).points_total == 10**10
