"""What goes over the wire comes back the same, and is JSON that browsers read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pybirch import events, wire
from pybirch.events import Readings
from pybirch.states import InstrumentState, QueueState, ScanState, Wish

TEXT = st.text(max_size=20)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
AXES = st.dictionaries(TEXT, NUMBER, max_size=3)
EVENTS = st.one_of(
    st.builds(
        events.ScanStatus, scan_id=TEXT, status=st.sampled_from(ScanState), progress=st.none() | NUMBER,
        message=st.none() | TEXT, requested=st.none() | st.sampled_from(Wish),
    ),
    st.builds(
        events.QueueStatus, queue_id=TEXT, status=st.sampled_from(QueueState), current_scan=st.none() | TEXT,
        completed_scans=st.none() | st.integers(0, 99), total_scans=st.none() | st.integers(0, 99),
    ),
    st.builds(events.QueueLog, queue_id=TEXT, level=TEXT, message=TEXT, scan_id=st.none() | TEXT),
    st.builds(
        events.InstrumentStatus, instrument_id=st.integers(0, 9), instrument_name=TEXT,
        status=st.sampled_from(InstrumentState), position=st.none() | AXES, target=st.none() | AXES,
        value=st.none() | AXES, error=st.none() | TEXT,
    ),
    st.builds(
        events.InstrumentPosition, instrument_id=st.integers(0, 9), instrument_name=TEXT, position=AXES,
        target=st.none() | AXES, is_moving=st.booleans(),
    ),
    st.builds(
        events.DataPoint, scan_id=TEXT, measurement=TEXT, data=AXES, position=AXES,
        sequence_index=st.integers(0, 10**9), stride=st.integers(1, 100),
        replaces=st.none() | st.integers(0, 10**6),
    ),
)  # fmt: skip
ANY_NUMBER = st.floats(width=64)


@st.composite
def readings(draw: st.DrawFn) -> Readings:
    count = draw(st.integers(1, 6))
    vector = hnp.arrays(np.float64, count, elements=ANY_NUMBER)
    width = draw(st.integers(1, 4))
    table = hnp.arrays(np.float64, (count, width), elements=ANY_NUMBER)
    ragged = st.lists(
        hnp.arrays(np.float64, st.integers(1, 4), elements=ANY_NUMBER), min_size=count, max_size=count
    )
    name = st.text(max_size=6).map(lambda t: t or "a")
    unit = st.sampled_from(["", " (V)", " (V/sqrt(Hz))", "(V)", " ()", "  (V)", " (a) (b)"])
    column = st.tuples(name, unit).map("".join)
    first = draw(st.integers(0, 2**40))
    named = hnp.arrays(np.int64, count, elements=st.integers(-1, max(-1, min(first - 1, 5))))
    return Readings(
        scan_id="s",
        measurement="m",
        first_index=first,
        replaces=draw(st.none() | named),
        steps=draw(hnp.arrays(np.int64, count, elements=st.integers(0, 2**40))),
        times=np.sort(draw(hnp.arrays(np.float64, count, elements=st.floats(1.6e9, 1.7e9)))),
        positions=draw(st.dictionaries(column, vector, max_size=2)),
        values=draw(st.dictionaries(column, vector | table | ragged, min_size=1, max_size=3)),
    )


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(np.array_equal(one, other, equal_nan=True))


def strict(text: str) -> Any:
    """As a browser reads it: a bare NaN is no JSON."""

    def refuse(constant: str) -> Any:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@given(EVENTS)
def test_every_event_comes_back(event: Any) -> None:
    payload = strict(wire.dumps(wire.to_wire(event)))
    assert wire.from_wire(event.kind, payload) == event


@given(readings(), st.sampled_from(["json", "float64"]))
def test_readings_come_back_exactly(sent: Readings, encoding: str) -> None:
    block = wire.to_block(sent, encoding)
    payload = strict(wire.dumps(wire.to_wire(block)))
    got = wire.from_block(wire.from_wire("data_block", payload))  # pyright: ignore[reportArgumentType]
    assert got.first_index == sent.first_index
    assert got.timestamp == sent.timestamp
    assert same(got.steps, sent.steps)
    assert same(got.times, sent.times)
    none = np.full(sent.count, -1)
    assert same(*(none if one.replaces is None else one.replaces for one in (got, sent)))
    assert list(got.positions) == list(sent.positions)
    assert list(got.values) == list(sent.values)
    assert all(same(got.positions[c], sent.positions[c]) for c in sent.positions)
    assert all(same(got.values[c], sent.values[c]) for c in sent.values)


def column(count: int, value: float) -> Any:
    return np.full(count, value)


def many(count: int = 1000) -> Readings:
    return Readings(
        scan_id="s",
        measurement="m",
        first_index=7,
        steps=np.arange(count) + 2**30,
        times=1.7e9 + np.linspace(0, count / 10, count),
        positions={"x (mm)": np.linspace(0, 1, count)},
        values={
            "v (V)": np.full(count, np.nan),
            "i (A)": np.full(count, np.inf),
            "big": np.full(count, 1e300),
        },
    )


def test_float32_keeps_order_time_and_step() -> None:
    sent = many()
    block = wire.to_block(sent)
    assert block.encoding == "float32"
    got = wire.from_block(block)
    assert same(got.steps, sent.steps)
    assert np.abs(got.times - sent.times).max() < 1e-4
    assert np.abs(got.positions["x (mm)"] - sent.positions["x (mm)"]).max() < 1e-6
    assert np.isnan(got.values["v (V)"]).all()
    assert np.isposinf(got.values["i (A)"]).all()


def test_small_blocks_go_as_json_and_say_what_is_no_number() -> None:
    block = wire.to_block(many(3))
    assert block.encoding == "json"
    column = next(c for c in block.columns if c["name"] == "i")
    assert column["unit"] == "A"
    assert column["role"] == "data"
    assert column["values"] == [None] * 3
    assert column["nonfinite"] == {"0": "inf", "1": "inf", "2": "inf"}


def test_points_name_columns_barely_and_carry_no_nan() -> None:
    point = wire.to_points(many(5), stride=2)[1]
    assert point.sequence_index == 9
    assert point.stride == 2
    assert point.data == {"v": None, "i": None, "big": 1e300}
    assert point.position == {"x": 0.5}
    strict(wire.dumps(wire.to_wire(point)))


def test_points_do_not_lose_columns_that_differ_in_their_unit_only() -> None:
    sent = replace(
        many(1), values={"u (V)": np.array([1.0]), "u (mV)": np.array([2.0]), "i (A)": np.array([3.0])}
    )
    assert wire.to_points(sent)[0].data == {"u (V)": 1.0, "u (mV)": 2.0, "i": 3.0}


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        ("voltage (V)", ("voltage", "V")),
        ("noise (V/sqrt(Hz))", ("noise", "V/sqrt(Hz)")),
        ("a (b) (c)", ("a (b)", "c")),
        ("I(V)", ("I(V)", "")),
        ("plain", ("plain", "")),
        ("empty ()", ("empty ()", "")),
    ],
)
def test_columns_and_units(column: str, parts: tuple[str, str]) -> None:
    assert wire.split_column(column) == parts
    assert wire.join_column(*parts) == column


@given(st.text())
def test_a_column_is_never_renamed(column: str) -> None:
    assert wire.join_column(*wire.split_column(column)) == column


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c.pop("values"),
        lambda c: c.update(role="other"),
        lambda c: c.update(shape=[5]),
        lambda c: c.update(shape=[]),
        lambda c: c.update(values="§§§"),
        lambda c: c.update(nonfinite={"99": "nan"}, values=[1.0, 2.0, 3.0]),
    ],
)
@pytest.mark.parametrize("encoding", ["json", "float64"])
def test_spoiled_blocks_are_value_errors(spoil: Any, encoding: str) -> None:
    block = wire.to_block(many(3), encoding)
    spoil(block.columns[0])
    with pytest.raises(ValueError):
        wire.from_block(block)


def test_a_block_without_time_or_step_is_refused() -> None:
    block = wire.to_block(many(3))
    with pytest.raises(ValueError, match="time and a step"):
        wire.from_block(replace(block, columns=[c for c in block.columns if c["role"] != "time"]))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("nothing", {}),
        ("scan_status", {"scan_id": "s"}),
        ("scan_status", {"scan_id": "s", "status": "sleeping"}),
    ],
)
def test_unknown_events_and_states_are_refused(kind: str, payload: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        wire.from_wire(kind, payload)


def test_unknown_keys_are_left_out() -> None:
    event = wire.from_wire("queue_log", {"queue_id": "q", "level": "INFO", "message": "m", "new": 1})
    assert isinstance(event, events.QueueLog)


def test_dumps_knows_numpy_and_has_no_nan() -> None:
    text = wire.dumps(
        {"a": np.array([1.0, np.nan]), "b": np.float64("inf"), "c": np.int64(3), 4: float("nan")}
    )
    assert strict(text) == {"a": [1.0, None], "b": None, "c": 3, "4": None}


@pytest.mark.parametrize(
    "replaces", [[[0, 1, 0]], [[3, 3, 0]], [[3, 0, 0]], [[3, 1, 3]], [[3, 1]], ["abc"], [3]]
)
def test_what_cannot_be_repeated_is_refused(replaces: Any) -> None:
    block = wire.to_wire(replace(many(2), first_index=3)) | {"replaces": replaces}
    with pytest.raises(ValueError, match=r"replaces|cannot repeat"):
        wire.from_block(wire.from_wire("data_block", block))  # pyright: ignore[reportArgumentType]


def test_points_name_what_they_repeat_where_they_do() -> None:
    block = replace(many(3), first_index=3, replaces=np.array([-1, 1, 2]))
    points = [wire.to_wire(point) for point in wire.to_points(block)]
    assert [point.get("replaces") for point in points] == [None, 1, 2]
    assert "replaces" not in points[0]
    assert wire.to_wire(block)["replaces"] == [[4, 2, 1]]
    assert "replaces" not in wire.to_wire(replace(block, replaces=None))
