"""What people get wrong on their first day is answered by a sentence that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from pybirch import Lab, Measurement, MeasurementItem, MovementItem, Scan, ScanSettings
from pybirch.errors import FieldError, ScanSettingsError
from pybirch.instruments.simulated import FakeMultimeter, FakeStage


def scan(tree: Any) -> Scan:
    return Scan(ScanSettings("Tutorial", "A mistake", "line", "example", tree))


class Nameless(Measurement):
    data_columns = ["voltage"]

    def __init__(self) -> None:
        """Forgets super().__init__(name)."""

    def perform_measurement(self) -> Any:
        return 1.0


def test_children_without_brackets() -> None:
    child: Any = MeasurementItem(FakeMultimeter("meter"))
    with pytest.raises(ScanSettingsError, match="children of stage: must be a list of items"):
        MovementItem(FakeStage("stage"), [0, 1], children=child)


def test_an_instrument_in_the_place_of_an_item() -> None:
    items = "such as MovementItem, MeasurementItem, RepeatItem or WaitItem"
    with pytest.raises(
        ScanSettingsError, match=rf"scan_tree\[0\]: must be an item of a tree, {items}, not Fake"
    ):
        scan([FakeMultimeter("meter")])


def test_an_instrument_without_its_base() -> None:
    with pytest.raises(ScanSettingsError, match=r"must call super\(\).__init__\(name\)"):
        scan([MeasurementItem(Nameless())]).run()


def test_a_measurement_in_the_place_of_a_movement() -> None:
    with pytest.raises(ScanSettingsError, match="a FakeMultimeter cannot be moved"):
        scan([MovementItem(FakeMultimeter("meter"), [0, 1])]).check()


def test_queues_of_a_lab_as_a_list() -> None:
    queues: Any = [scan([MeasurementItem(FakeMultimeter("meter"))])]
    with pytest.raises(FieldError, match="queues: must be a dict queue_id -> scans, not list"):
        Lab("My laboratory", queues=queues)
