"""What is refused before anything moves, with the field and what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from pybirch.errors import ScanSettingsError
from pybirch.instruments.movement import Movement
from pybirch.scan.scan import Scan
from pybirch.scan.tree import MeasurementItem, MovementItem, RepeatItem
from tests.lab import Meter, Stage, settings


def refusal(tree: list[Any]) -> str:
    with pytest.raises(ScanSettingsError) as caught:
        Scan(settings(tree)).check()
    return str(caught.value)


@pytest.mark.parametrize("units", [["V"], ["V", "A", "Ω"]])
def test_units_are_one_for_each_column_or_none(units: list[str]) -> None:
    assert refusal([MeasurementItem(Meter(columns=["u", "i"], units=units))]) == (
        f"meter.data_units: are {len(units)} for 2 columns; give one for each column, or none at all"
    )
    bare = Meter(columns=["u", "i"])
    bare.data_units = []
    assert Scan(settings([MeasurementItem(bare)])).check().columns_of == [("u", "i")]


def test_units_as_one_text_are_refused() -> None:
    meter = Meter()
    meter.data_units = "V"  # type: ignore[assignment]
    assert refusal([MeasurementItem(meter)]) == "meter.data_units: must be a list of texts, not 'V'"


def test_a_movement_inside_itself_is_refused() -> None:
    stage = Stage()
    inner = MovementItem(stage, [0, 1], children=[MeasurementItem(Meter())])
    path = "scan_tree[0].children[0].children[0].movement"
    assert refusal([MovementItem(stage, [0, 1], children=[RepeatItem(2, [inner])])]) == (
        f"{path}: x is moved inside its own movement; use it once"
    )
    Scan(settings([inner, MovementItem(stage, [5])])).check()


class Still(Movement):
    """Forgets to say how it moves."""


class Getter(Movement):
    """Can only tell where it is."""

    @property
    def position(self) -> float:  # type: ignore[override]
        return 0.0


@pytest.mark.parametrize("kind", [Still, Getter])
def test_a_movement_that_moves_nothing_is_refused(kind: type[Movement]) -> None:
    assert refusal([MovementItem(kind("still"), [0])]) == (
        "scan_tree[0].movement: still moves nothing: give it a position setter or move_to"
    )


def test_a_plain_movement_is_a_number_to_step() -> None:
    Scan(settings([MovementItem(Movement("step"), [0, 1])])).run()
