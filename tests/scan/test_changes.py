from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybirch.errors import FieldError
from pybirch.scan.changes import steps_of, with_changes
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.positions import PARTS, around, linear
from pybirch.scan.scan import ScanSettings
from tests.lab import Meter, Stage


def serialized() -> dict[str, Any]:
    inner = MovementItem(Stage("y"), [1, 2, 3], {"velocity": 1}, [MeasurementItem(Meter(), {"nplc": 1})])
    tree = [MovementItem(Stage("x"), linear(0, 10, 11), children=[inner])]
    return ScanSettings("P", "map", "map", "test", tree, user_fields={"batch": 1}).serialize()


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        ("scan_name", "finer", lambda d: d["scan_name"]),
        ("user_fields.batch", 2, lambda d: d["user_fields"]["batch"]),
        ("user_fields.new", [1], lambda d: d["user_fields"]["new"]),
        ("scan_tree[0].positions.stop", 12.0, lambda d: d["scan_tree"][0]["positions"]["linear"][1]),
        ("scan_tree[0].positions.linear[2]", 5, lambda d: d["scan_tree"][0]["positions"]["linear"][2]),
        ("scan_tree[0].positions.linear", [0, 1, 2], lambda d: d["scan_tree"][0]["positions"]["linear"]),
        ("scan_tree[0].positions", around(1, 2, 3), lambda d: d["scan_tree"][0]["positions"]),
        ("scan_tree[0].snake", True, lambda d: d["scan_tree"][0]["snake"]),
        (
            "scan_tree[0].children[0].positions[2]",
            9.0,
            lambda d: d["scan_tree"][0]["children"][0]["positions"][2],
        ),
        (
            "scan_tree[0].children[0].children[0].settings.filter",
            "on",
            lambda d: d["scan_tree"][0]["children"][0]["children"][0]["settings"]["filter"],
        ),
        ("scan_tree[0].instrument.name", "z", lambda d: d["scan_tree"][0]["instrument"]["name"]),
    ],
)
def test_a_field_is_changed_by_its_path_and_nothing_else(path: str, value: Any, at: Any) -> None:
    old = serialized()
    new = with_changes(old, {path: value})
    assert at(new) == value
    assert old == serialized(), "the settings given stay as they were"
    again = ScanSettings.deserialize(new).serialize()
    assert at(again) == value, "it survives being read"


def test_a_tree_is_changed_before_what_is_in_it() -> None:
    tree = serialized()["scan_tree"]
    new = with_changes(serialized(), {"scan_tree[0].positions.num": 3, "scan_tree": tree})
    assert new["scan_tree"][0]["positions"] == {"linear": [0.0, 10.0, 3]}


@pytest.mark.parametrize(
    "path",
    ["colour", "scan_tree[1].positions", "scan_tree[0].positons", "scan_tree[0].positions.step", "a..b", "",
     "scan_tree[0].children[0].positions.stop", "scan_tree.0", "scan_name.x", "scan_tree[-1]", "[0]",
     "scan_tree[0].movement", "user_fields.batch.range", "scan_tree[0].positions.linear[3]"],
)  # fmt: skip
def test_what_is_no_field_is_refused_by_its_path(path: str) -> None:
    with pytest.raises(FieldError) as refused:
        with_changes(serialized(), {path: 1})
    assert refused.value.field == (path or "changes")


def test_every_short_form_has_names_for_its_numbers() -> None:
    for form, parts in PARTS.items():
        for number, part in enumerate(parts):
            new = with_changes({"positions": {form: [1, 2, 3]}}, {f"positions.{part}": 7})
            assert new["positions"][form][number] == 7


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    try:
        steps = steps_of(text)
    except FieldError:
        return
    assert steps
    with suppress(FieldError):
        with_changes(serialized(), {text: 1})
