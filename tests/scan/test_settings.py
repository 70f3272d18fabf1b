"""Settings go to JSON and back; wrong ones are refused before anything moves."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybirch.errors import FieldError, NotFoundError, ScanSettingsError
from pybirch.scan.compiling import compile_tree
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.traverse import traverse
from pybirch.states import ScanState
from tests.lab import Diary, Meter, Stage, line, line_scan, settings

STAGES = {name: Stage(name) for name in "xyz"}
METERS = {name: Meter(name) for name in ("m1", "m2")}
FINITE = st.floats(-1e9, 1e9)
POSITIONS = st.one_of(
    st.lists(FINITE, min_size=1, max_size=5),
    st.lists(st.integers(-99, 99), min_size=1, max_size=5).map(np.array),
    st.builds(lambda a, n: range(a, a + n), st.integers(-9, 9), st.integers(1, 5)),
    st.builds(lambda a, b, n: {"linear": [a, b, n]}, FINITE, FINITE, st.integers(1, 5)),
    st.builds(lambda a, n: {"range": [a, a + n, 1]}, st.integers(-9, 9), st.integers(1, 5)),
)
EXTRA = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.booleans(), max_size=2)
LEAF = st.builds(MeasurementItem, st.sampled_from(list(METERS.values())), EXTRA)
ITEM = st.recursive(
    LEAF,
    lambda inner: st.builds(
        MovementItem, st.sampled_from(list(STAGES.values())), POSITIONS, EXTRA, st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)
SETTINGS = st.builds(
    ScanSettings,
    st.text(max_size=5),
    st.just("name"),
    st.text(max_size=5),
    st.text(max_size=5),
    scan_tree=st.none() | st.lists(ITEM, min_size=1, max_size=3),
    extensions=st.none() | st.lists(st.text(max_size=5), max_size=2),
    additional_tags=st.none() | st.lists(st.text(max_size=5), max_size=2),
    user_fields=st.none() | EXTRA,
)


MOVE = {"type": "movement", "instrument": {"name": "x"}, "positions": [1]}


def steps_of(given: ScanSettings) -> list[Any]:
    plan = compile_tree(list(given.scan_tree or ()))
    names = [m.name for m in plan.movements], [m.name for m in plan.measurements]
    return [names, *traverse(plan)]


@given(SETTINGS)
def test_json_and_back(given: ScanSettings) -> None:
    written = json.loads(json.dumps(given.serialize(), allow_nan=False))
    again = ScanSettings.deserialize(written, {**STAGES, **METERS})
    assert again.serialize() == written
    assert steps_of(again) == steps_of(given)
    unbound = ScanSettings.deserialize(written)
    assert unbound.serialize() == written


@given(st.lists(ITEM, min_size=1, max_size=3))
def test_the_plan_counts_what_the_walk_does(tree: list[Any]) -> None:
    plan = compile_tree(tree)
    walked = list(traverse(plan))
    assert plan.steps == len(walked)
    assert plan.readings == sum(len(lane.reads) for step in walked for lane in step.lanes)


def test_binding_names_the_instrument_that_is_missing() -> None:
    written = settings(line(Stage("x"), Meter())).serialize()
    with pytest.raises(NotFoundError, match="'x'"):
        ScanSettings.deserialize(written, {"meter": Meter()})


def refused(field: str, tree: Callable[[], Any]) -> Any:
    return pytest.param(field, tree)


def at(positions: Any, stage: Stage | None = None) -> list[Any]:
    return [MovementItem(stage or Stage(), positions, children=[MeasurementItem(Meter())])]


@pytest.mark.parametrize(
    ("field", "tree"),
    [
        refused("scan_tree", lambda: [*()]),
        refused("scan_tree[0]", lambda: ["x"]),
        refused("scan_tree", lambda: 5),
        refused("scan_tree", lambda: at([0])[0]),
        refused("positions of x", lambda: at([])),
        refused("positions of x[1]", lambda: at([0, float("nan")])),
        refused("positions of x[0]", lambda: at([float("inf")])),
        refused("positions of x", lambda: at(["a"])),
        refused("positions of x", lambda: at(["1"])),
        refused("positions of x", lambda: at([None])),
        refused("positions of x", lambda: at([1j])),
        refused("positions of x", lambda: at(np.array([1j]))),
        refused("positions of x", lambda: at("123")),
        refused("positions of x", lambda: at(5)),
        refused("positions of x", lambda: at(None)),
        refused("positions of x", lambda: at([[1, 2], [3, 4]])),
        refused("positions of x", lambda: at([[1], [2, 3]])),
        refused("positions of x", lambda: at({"linear": [0, 1]})),
        refused("positions of x", lambda: at({"linear": [0, 1, 0]})),
        refused("positions of x", lambda: at({"linear": [0, 1, "many"]})),
        refused("positions of x", lambda: at({"linear": [None, 1, 3]})),
        refused("positions of x", lambda: at({"linear": [0, float("nan"), 3]})),
        refused("positions of x", lambda: at({"range": [0, 1, 0]})),
        refused("positions of x", lambda: at({"range": [0, 1, -1]})),
        refused("positions of x", lambda: at({"range": [0, float("inf"), 1]})),
        refused("positions of x", lambda: at({"range": [0, 1e30, 1]})),
        refused("positions of x", lambda: at({"steps": 5})),
        refused("scan_tree[0].positions[2]", lambda: at([0, 5, 11], Stage(limits=(0, 10)))),
        refused("scan_tree[1].measurement", lambda: [MeasurementItem(Meter()), MeasurementItem(Meter())]),
        refused("scan_tree[0].children[0].measurement", lambda: line(Stage("same"), Meter("same"))),
        refused("scan_tree[0].movement", lambda: [MovementItem(Meter(), [1])]),
        refused("scan_tree[0].measurement", lambda: [MeasurementItem(Stage())]),
        refused("scan_tree[0].measurement", lambda: [MeasurementItem(None)]),
        refused("children[0] of x", lambda: [MovementItem(Stage(), [1], children=[Meter()])]),
        refused("meter.data_columns", lambda: [MeasurementItem(Meter(columns=["v", "v"], units=["V", "V"]))]),
        refused("meter.data_columns", lambda: line(Stage("voltage", "V"), Meter())),
        refused(
            "meter.data_columns",
            lambda: [
                MovementItem(
                    Stage("a", position_column="p"),
                    [1],
                    children=[
                        MovementItem(
                            Stage("b", position_column="p"), [1], children=[MeasurementItem(Meter())]
                        )
                    ],
                )
            ],
        ),
        refused("scan_tree[0].movement", lambda: unbound(line(Stage("gone"), Meter()))),
    ],
)
def test_wrong_settings_are_refused_naming_the_field(field: str, tree: Callable[[], Any]) -> None:
    with pytest.raises(ScanSettingsError) as caught:
        Scan(settings(tree())).check()
    assert caught.value.field.startswith(field)
    assert isinstance(caught.value, FieldError | ValueError)


def unbound(tree: list[Any]) -> Any:
    return ScanSettings.deserialize(settings(tree).serialize()).scan_tree


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("scan_name", {"scan_name": " "}),
        ("scan_name", {"scan_name": 5}),
        ("project_name", {"project_name": None}),
        ("scan_tree", {"scan_tree": "abc"}),
        ("scan_tree", {"scan_tree": 5}),
        ("scan_tree[0]", {"scan_tree": [5]}),
        ("scan_tree[0].type", {"scan_tree": [{"type": "dance", "instrument": {"name": "x"}}]}),
        ("scan_tree[0].instrument.name", {"scan_tree": [{"type": "measurement", "instrument": {}}]}),
        ("scan_tree[0].positions", {"scan_tree": [{"type": "movement", "instrument": {"name": "x"}}]}),
        (
            "scan_tree[0].positions",
            {"scan_tree": [{"type": "movement", "instrument": {"name": "x"}, "positions": ["a"]}]},
        ),
        (
            "scan_tree[0].children",
            {
                "scan_tree": [
                    {"type": "movement", "instrument": {"name": "x"}, "positions": [1], "children": 5}
                ]
            },
        ),
        (
            "scan_tree[0].settings",
            {"scan_tree": [{"type": "measurement", "instrument": {"name": "x"}, "settings": "fast"}]},
        ),
    ],
)
def test_wrong_json_is_refused_naming_the_field(field: str, change: dict[str, Any]) -> None:
    good = settings(None).serialize()
    with pytest.raises(ScanSettingsError) as caught:
        ScanSettings.deserialize(good | change)
    assert caught.value.field.startswith(field)


def test_missing_json_fields_are_named() -> None:
    with pytest.raises(ScanSettingsError, match="job_type"):
        ScanSettings.deserialize({"project_name": "", "scan_name": "n", "scan_type": ""})


def test_what_is_refused_moves_nothing_and_tells_extensions_in_order() -> None:
    stage, meter, diary = Stage(limits=(0, 3)), Meter(), Diary()
    scan = line_scan(stage, meter, 10, extensions=[diary])
    with pytest.raises(ScanSettingsError, match=r"positions\[4\].*limits"):
        scan.run()
    assert scan.state is ScanState.FAILED
    assert scan.error is not None
    assert "limits" in scan.error
    assert stage.life == meter.life == []
    assert diary.story == ["set_scan_reference", "on_error", "shutdown"]
    assert diary.statuses[-1].status is ScanState.FAILED


def test_settings_changed_after_a_look_are_checked_again() -> None:
    scan = line_scan(Stage(), Meter(), 3)
    assert scan.points_total == 3
    stage = Stage("other")
    scan.settings.scan_tree = line(stage, Meter(), 5)
    scan.run()
    assert stage.visited == [0, 1, 2, 3, 4]
    assert stage.is_safe


def test_no_tree_is_a_scan_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    scan = Scan(settings(None))
    with caplog.at_level(logging.WARNING):
        scan.run()
    assert scan.state is ScanState.COMPLETED
    assert scan.points_done == scan.points_total == 0
    assert scan.progress == 1.0
    assert scan.data == {}
    assert "no tree" in caplog.text


def test_a_scan_needs_settings() -> None:
    with pytest.raises(ScanSettingsError, match="settings"):
        Scan({"scan_name": "x"})  # pyright: ignore[reportArgumentType]
