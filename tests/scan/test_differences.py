from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybirch.samples import Sample
from pybirch.scan.changes import with_changes
from pybirch.scan.conditions import conditions_of
from pybirch.scan.differences import GROUPS, compare
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.positions import around, linear
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import RepeatItem, SequenceItem, WaitItem, serialize_tree
from tests.lab import Meter, Stage, settings


def account(tree: Any = None, **known: Any) -> dict[str, Any]:
    if tree is None:
        inner = MovementItem(Stage("y"), [1, 2, 3], children=[MeasurementItem(Meter())])
        tree = [MovementItem(Stage("stage"), linear(0, 10, 11), {"velocity": 1}, children=[inner])]
    scan = Scan(settings(tree, "iv"), known.pop("sample", None))
    return {"settings": scan.settings.serialize(), "conditions": conditions_of(scan)} | known


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [str(change) for change in compare(before, after)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"scan_tree[0].positions.stop": 12.0},
         ["scan_tree[0] movement stage: positions.stop 10 -> 12 mm"]),
        ({"scan_tree[0].positions.num": 21}, ["scan_tree[0] movement stage: positions.num 11 -> 21"]),
        ({"scan_tree[0].positions": list(range(11))}, []),
        ({"scan_tree[0].positions": {"range": [0, 11, 1]}}, []),
        ({"scan_tree[0].positions": around(0, 2, 11)},
         ["scan_tree[0] movement stage: positions 0 to 10, 11 positions -> -1 to 1, 11 positions mm"]),
        ({"scan_tree[0].children[0].positions[1]": 2.5},
         ["scan_tree[0].children[0] movement y: positions[1] 2 -> 2.5 mm"]),
        ({"scan_tree[0].settings.velocity": 2}, ["scan_tree[0] movement stage: settings.velocity 1 -> 2"]),
        ({"scan_tree[0].settings.ramp": "on"}, ["scan_tree[0] movement stage: settings.ramp added: on"]),
        ({"scan_tree[0].settings": {}}, ["scan_tree[0] movement stage: settings.velocity removed: 1"]),
        ({"scan_tree[0].snake": True}, ["scan_tree[0] movement stage: snake added: yes"]),
        ({"scan_tree[0].children[0].children[0].repeats": 3},
         ["scan_tree[0].children[0].children[0] measurement meter: repeats added: 3",
          "scan_tree[0].children[0].children[0] measurement meter: keep added: every"]),
        ({"scan_tree[0].children[0].children[0].instrument.name": "dmm"},
         ["scan_tree[0].children[0].children[0] measurement dmm: instrument.name meter -> dmm"]),
        ({"scan_name": "iv 2", "user_fields.batch": [1, 2], "additional_tags": ["a"]},
         ["scan_name iv -> iv 2", "additional_tags none -> a", "user_fields.batch added: 1, 2"]),
        ({"on_pause": "safe"}, ["on_pause hold -> safe"]),
    ],
)  # fmt: skip
def test_what_is_different_is_said_with_its_place(changes: dict[str, Any], words: list[str]) -> None:
    before = account()
    data = ScanSettings.deserialize(with_changes(before["settings"], changes)).serialize()
    found = [str(one) for one in compare(before, before | {"settings": data}) if one.group != "instruments"]
    assert found == words


def items() -> list[Any]:
    return [WaitItem(1), MovementItem(Stage("x"), [1, 2]), RepeatItem(2, [MeasurementItem(Meter())])]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tree: tree.insert(0, WaitItem(5)), ["scan_tree[0] wait added"]),
        (lambda tree: tree.pop(0), ["scan_tree[0] wait removed"]),
        (lambda tree: tree.append(tree.pop(0)),
         ["scan_tree[2] wait moved from scan_tree[0] to scan_tree[2]"]),
        (lambda tree: tree.insert(1, MovementItem(Stage("z"), [0])), ["scan_tree[1] movement z added"]),
        (lambda tree: tree.__setitem__(0, SequenceItem([WaitItem(1)])),
         ["scan_tree[0] sequence added", "scan_tree[0] wait removed"]),
        (lambda tree: tree.__setitem__(0, WaitItem(3)), ["scan_tree[0] wait: seconds 1 -> 3"]),
    ],
)  # fmt: skip
def test_items_are_matched_by_what_they_are(change: Any, words: list[str]) -> None:
    before, after = items(), items()
    change(after)
    one = {"settings": {"scan_tree": serialize_tree(before)}}
    other = {"settings": {"scan_tree": serialize_tree(after)}}
    assert [str(found) for found in compare(one, other) if found.group == "tree"] == words


def test_of_two_alike_the_one_that_stayed_is_found() -> None:
    both = [MovementItem(Stage("x"), [1.0]), MovementItem(Stage("x"), [2.0])]
    one = {"settings": {"scan_tree": serialize_tree(both)}}
    other = {"settings": {"scan_tree": serialize_tree(both[1:])}}
    assert told(one, other)[:1] == ["scan_tree[0] movement x removed"]


def test_what_it_ran_under_is_compared() -> None:
    before = account(owner="ada", terms={"priority": 1, "after": ["a"], "round": 3})
    after = copy.deepcopy(before) | {"owner": "eve", "terms": {"after": ["b", "c"]}}
    stage, _, meter = after["conditions"]["instruments"]
    stage["settings"] = {"velocity": 9}
    meter["adapter"], meter["identity"] = "GPIB::2", "ACME,2"
    meter["driver"] = {"class": "x.M", "package": "x", "version": "0.16"}
    after["conditions"]["software"]["numpy"] = "9.9"
    after["conditions"]["sample"] = {"ID": "S-2", "material": ""}
    found = compare(before, after)
    assert [change.group for change in found] == sorted((change.group for change in found), key=GROUPS.index)
    words = "\n".join(map(str, found))
    for text in (
        "stage: settings.velocity added: 9",
        "meter: adapter empty -> GPIB::2",
        "meter: identity added: ACME,2",
        "meter: version added: 0.16",
        f"numpy {before['conditions']['software']['numpy']} -> 9.9",
        "ID added: S-2",
        "priority removed: 1",
        "after 1 -> 2",
        "operator ada -> eve",
    ):
        assert text in words
    assert "round" not in words
    assert found.remarks == []


def test_scans_of_older_versions_are_compared_as_far_as_they_are_known() -> None:
    before = account() | {"conditions": None}
    after = account()
    after["conditions"]["instruments"][2]["settings"] = {"nplc": 1}
    found = compare(before, after)
    assert found.changes == []
    assert len(found.remarks) == 1
    assert "the earlier scan ran under is not kept" in found.remarks[0]
    assert "either scan" in compare(before, before).remarks[0]


def test_what_an_instrument_did_not_tell_is_no_change() -> None:
    before, after = account(), account()
    before["conditions"]["instruments"][2]["settings"] = {"nplc": 1}
    after["conditions"]["instruments"][2]["problems"] = ["did not tell within 2 s"]
    found = compare(before, after)
    assert found.changes == []
    assert found.remarks == ["meter, after: did not tell within 2 s"]


def test_a_sample_that_the_queue_gave_counts_too() -> None:
    assert told(account(), account() | {"sample": {"ID": "S-1"}}) == ["sample ID added: S-1"]
    then = account(sample=Sample("S-1", "GaAs"))
    renamed = then | {"sample": {"ID": "S-1", "material": "Si"}}
    assert told(then, renamed) == [], "what it was when the scan ran"


def test_an_instrument_that_is_new_is_said() -> None:
    other = account([MovementItem(Stage("stage"), [1], children=[MeasurementItem(Meter("new"))])])
    words = told(account(), other)
    assert "new added" in words
    assert "meter removed" in words


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, VALUES)
def test_any_fields_can_be_compared_and_what_is_the_same_is_no_change(one: Any, other: Any) -> None:
    before, after = ({"settings": {"user_fields": value}} for value in (one, other))
    assert compare(before, before).changes == []
    forth, back = compare(before, after), compare(after, before)
    assert len(forth) == len(back)
    assert all(map(str, forth))


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_every_item_is_matched_gone_or_new(before: list[str], after: list[str]) -> None:
    trees = [
        [{"type": "wait", "title": name, "seconds": number} for number, name in enumerate(names)]
        for names in (before, after)
    ]
    one, other = ({"settings": {"scan_tree": tree}} for tree in trees)
    kinds = [change.kind for change in compare(one, other) if change.field == ""]
    assert len(before) - kinds.count("removed") == len(after) - kinds.count("added")
