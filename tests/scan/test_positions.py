"""Where a movement goes, in short forms and from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pybirch.errors import ScanSettingsError
from pybirch.scan.positions import around, as_positions, from_file, linear, logarithmic


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (linear(0, 1, 3), [0, 0.5, 1]),
        (logarithmic(0.1, 100, 4), [0.1, 1, 10, 100]),
        (logarithmic(-1, -100, 3), [-1, -10, -100]),
        (around(5, 2, 3), [4, 5, 6]),
        (around(5, -2, 3), [6, 5, 4]),
        (around(5, 2, 1), [5]),
    ],
)
def test_short_forms(given: Any, expected: list[float]) -> None:
    assert np.allclose(as_positions(given), expected)


@pytest.mark.parametrize(
    "given", [logarithmic(-1, 1, 3), logarithmic(0, 1, 3), {"around": [0, 1, 0]}, {"spiral": [1]}]
)
def test_what_gives_no_positions_is_refused(given: Any) -> None:
    with pytest.raises(ScanSettingsError, match="positions"):
        as_positions(given)


def test_a_file_has_a_number_a_line_or_named_columns(tmp_path: Path) -> None:
    plain, table = tmp_path / "plain.txt", tmp_path / "table.csv"
    plain.write_text("1.5\n2.5\n\n-3e2\n")
    table.write_text("x, y\n1,10\n2,20\n")
    assert list(from_file(plain)) == [1.5, 2.5, -300.0]
    assert list(from_file(table, "y")) == [10.0, 20.0]
    for column in ("z", 0, 5):
        with pytest.raises(ScanSettingsError, match=r"table\.csv, column"):
            from_file(table, column)
    with pytest.raises(ScanSettingsError, match=r"nowhere\.csv"):
        from_file(tmp_path / "nowhere.csv")
    plain.write_text("1\nnan\n")
    with pytest.raises(ScanSettingsError, match="finite"):
        from_file(plain)


@pytest.mark.parametrize("form", [linear, logarithmic, around])
@pytest.mark.parametrize("num", [2.5, 0.1, 0, -3, "3", True])
def test_the_number_of_positions_is_a_whole_one(form: Any, num: Any) -> None:
    with pytest.raises(ScanSettingsError, match=r"^num: must be a whole number from 1 on, not"):
        form(1, 2, num)


def test_a_number_that_numpy_counted_will_do() -> None:
    assert linear(0, 1, np.arange(3).size) == linear(0, 1, np.int64(3)) == {"linear": [0.0, 1.0, 3]}  # type: ignore[arg-type]


def test_json_may_write_3_as_a_float_and_nothing_in_between() -> None:
    assert list(as_positions({"linear": [0, 1, 3.0]})) == [0, 0.5, 1]
    with pytest.raises(ScanSettingsError, match=r"num must be a whole number, not 2\.5"):
        as_positions({"linear": [0, 1, 2.5]})


@pytest.mark.parametrize(
    "given", [[1, "5 cm"], ["5 cm"], np.array(["5 cm", "x"]), np.array([1, "5 cm"], object)]
)
def test_a_text_among_the_positions_is_named(given: Any) -> None:
    with pytest.raises(ScanSettingsError, match=r"positions\[\d\]: '(5 cm|1)' is text; give a number"):
        as_positions(given)
    with pytest.raises(ScanSettingsError, match=r"^positions\[1\]: '5 cm'"):
        as_positions([1, "5 cm", "x"])
