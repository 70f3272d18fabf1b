"""What an instrument is made with is checked when it is made, by the argument's name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pybirch.errors import FieldError
from pybirch.instruments.measurement import Measurement
from pybirch.instruments.movement import Movement


@pytest.mark.parametrize(
    "limits", [(20, 0), "0-20", (20,), (0, 1, 2), (0, math.nan), (math.nan, 0), ("0", "1"), 5, {"low": 0}]
)
def test_limits_that_make_no_sense_are_refused(limits: Any) -> None:
    with pytest.raises(FieldError, match=r"^limits: "):
        Movement("stage", "mm", limits=limits)


@pytest.mark.parametrize("limits", [(0, 20), [0, 20], np.array([0, 20])])
def test_limits_may_be_any_two_numbers(limits: Any) -> None:
    assert Movement("stage", "mm", limits=limits).limits == (0.0, 20.0)
    assert Movement("field", "T", limits=(0, math.inf)).limits == (0.0, math.inf)


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("name", lambda: Movement("")),
        ("name", lambda: Measurement(" ")),
        ("name", lambda: Movement(None)),  # type: ignore[arg-type]
        ("name", lambda: Measurement(5)),  # type: ignore[arg-type]
        ("position_units", lambda: Movement("stage", None)),  # type: ignore[arg-type]
        ("position_units", lambda: Movement("stage", 5)),  # type: ignore[arg-type]
        ("position_column", lambda: Movement("stage", "mm", 5)),  # type: ignore[arg-type]
        ("data_columns", lambda: Measurement("meter", "voltage")),  # type: ignore[arg-type]
        (r"data_columns\[1\]", lambda: Measurement("meter", ["voltage", 1])),  # type: ignore[list-item]
        ("data_units", lambda: Measurement("meter", ["voltage"], "V")),  # type: ignore[arg-type]
        (r"data_units\[0\]", lambda: Measurement("meter", ["voltage"], [None])),  # type: ignore[list-item]
    ],
)
def test_names_and_units_are_text(field: str, make: Callable[[], Any]) -> None:
    with pytest.raises(FieldError, match=f"^{field}: must "):
        make()


def test_a_target_outside_the_limits_is_told_with_its_unit() -> None:
    with pytest.raises(FieldError, match=r"^position: 25 mm is outside stage's limits 0 … 20 mm$"):
        Movement("stage", "mm", limits=(0, 20)).move_to(25)
    with pytest.raises(FieldError, match=r"^position: 25 is outside step's limits 0 … 20$"):
        Movement("step", limits=(0, 20)).move_to(25)
