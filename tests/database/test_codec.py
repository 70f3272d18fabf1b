from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from database import codec
from database.codec import BLOSC2, RAW
from database.errors import DamagedDataError

numbers = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True, width=64)


@st.composite
def some_columns(draw: st.DrawFn) -> tuple[int, list[codec.Column]]:
    count = draw(st.one_of(st.integers(1, 5), st.integers(60, 90)))

    def array(*shape: int) -> NDArray[np.float64]:
        size = int(np.prod(shape))
        few = draw(st.lists(numbers, min_size=1, max_size=20))
        return np.resize(np.array(few, dtype=np.float64), size).reshape(shape)

    def column() -> codec.Column:
        match draw(st.sampled_from(["scalar", "array", "ragged"])):
            case "scalar":
                return array(count)
            case "array":
                return array(count, draw(st.integers(1, 7)))
        lengths = draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
        return [array(n) for n in lengths]

    columns = [column() for _ in range(draw(st.integers(0, 4)))]
    steps = draw(st.integers(-(2**62), 2**62)) + np.arange(count, dtype=np.int64)
    return count, [*columns, array(count), steps]


def same(a: codec.Column, b: codec.Column) -> bool:
    if isinstance(a, list) or isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a.shape == b.shape and a.tobytes() == b.tobytes()


@given(some_columns())
@settings(deadline=None, max_examples=150)
def test_every_bit_comes_back(made: tuple[int, list[codec.Column]]) -> None:
    count, columns = made
    kind, payload = codec.encode(columns, count)
    assert kind == (RAW if count < codec.FEWEST_COMPRESSED else BLOSC2)
    for lasting in (True, False):
        back = codec.decode(payload, kind, count, lasting=lasting)
        assert all(same(a, b) for a, b in zip(columns, back, strict=True))


@given(some_columns(), st.data())
@settings(deadline=None, max_examples=50)
def test_cut_and_joined_is_the_same(made: tuple[int, list[codec.Column]], data: st.DataObject) -> None:
    count, columns = made
    at = data.draw(st.integers(0, count))
    pieces = [codec.cut(columns, 0, at), codec.cut(columns, at, count)]
    assert all(same(a, b) for a, b in zip(columns, codec.join(pieces), strict=True))
    one_by_one = codec.Joined(count)
    for piece in pieces:
        one_by_one.add(piece)
    assert one_by_one.count == count
    assert all(same(a, b) for a, b in zip(columns, one_by_one.columns, strict=True))


def test_what_was_joined_lasts_when_the_next_block_is_decoded() -> None:
    """Also where the arrays of a column begin to differ in length."""
    even = [np.arange(200.0).reshape(100, 2), np.arange(100)]
    uneven: list[codec.Column] = [[np.full(1 + n % 3, n) * 1.0 for n in range(100)], np.arange(100, 200)]
    whole = codec.Joined(200)
    for columns in (even, uneven):
        kind, payload = codec.encode(columns, 100)
        whole.add(codec.decode(payload, kind, 100, lasting=False))
    assert same(whole.columns[0], [*even[0], *uneven[0]])
    assert same(whole.columns[1], np.arange(200))


def test_damage_is_noticed() -> None:
    array = np.linspace(0, 1, 300).reshape(3, 10, 10)
    kind, crc, payload = codec.encode_array(array)
    back = codec.decode_array(payload, kind, crc, "<f8", [3, 10, 10], "x")
    np.testing.assert_array_equal(back, array)
    with pytest.raises(DamagedDataError, match="picture 3"):
        codec.decode_array(payload[:-1] + b"?", kind, crc, "<f8", [3, 10, 10], "picture 3")


def test_a_later_layout_is_refused() -> None:
    kind, payload = codec.encode([np.zeros(3), np.arange(3)], 3)
    with pytest.raises(ValueError, match="layout 9"):
        codec.decode(b"\x09" + payload[1:], kind, 3)
