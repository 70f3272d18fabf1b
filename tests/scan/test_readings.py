"""What a measurement may give, and what fails the scan because it is no reading."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pybirch.errors import FieldError, IllegalTransitionError, InstrumentError
from pybirch.events import EventBus
from pybirch.states import ScanState
from tests.lab import Doorway, Ear, Meter, Sink, Stage, line_scan, running


@pytest.mark.parametrize(
    "answer", [5, 5.0, [5], (5.0,), np.float64(5), np.array([5]), np.array([[5]]), True * 5]
)
def test_a_reading_of_one_number_may_come_in_any_clothes(answer: Any) -> None:
    scan = line_scan(Stage(), Meter(answer=lambda n: answer), 2)
    scan.run()
    assert list(scan.data["meter"]["voltage (V)"]) == [5.0, 5.0]


def test_rows_and_columns() -> None:
    meter = Meter(columns=["v", "i"], units=["V", "A"], answer=lambda n: [n, -n])
    scan = line_scan(Stage(), meter, 3)
    scan.run()
    assert list(scan.data["meter"]["i (A)"]) == [0, -1, -2]


def test_array_readings_are_one_reading_each() -> None:
    sink = Sink()
    meter = Meter(
        columns=["wavelength", "counts"], units=["nm", ""], answer=lambda n: np.full((64, 2), float(n))
    )
    scan = line_scan(Stage(), meter, 3, extensions=[sink])
    scan.run()
    assert scan.points_done == 3
    assert sink.indexes() == [0, 1, 2]
    frame = scan.data["meter"]
    assert list(frame.columns) == ["x (mm)", "wavelength (nm)", "counts"]
    assert [cell.shape for cell in frame["counts"]] == [(64,)] * 3


def test_array_readings_of_unequal_lengths() -> None:
    scan = line_scan(Stage(), Meter(answer=lambda n: np.full((n + 1, 1), float(n))), 4)
    scan.run()
    assert [len(np.atleast_1d(cell)) for cell in scan.data["meter"]["voltage (V)"]] == [1, 2, 3, 4]


def test_nan_and_infinity_are_readings() -> None:
    scan = line_scan(Stage(), Meter(answer=lambda n: [[np.nan, np.inf, -np.inf][n]]), 3)
    scan.run()
    values = scan.data["meter"]["voltage (V)"].to_numpy()
    assert np.array_equal(values, [np.nan, np.inf, -np.inf], equal_nan=True)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "a lot",
        [1.0, 2.0],
        np.zeros((1, 3)),
        np.zeros((0, 1)),
        np.zeros((1, 1, 5)),
        [[1.0], [2.0, 3.0]],
        np.array([[1 + 2j]]),
        [],
        {"voltage": 1},
    ],
    ids=repr,
)
def test_what_is_no_reading_fails_the_scan_and_keeps_those_before(bad: Any) -> None:
    sink, stage = Sink(), Stage()
    meter = Meter(answer=lambda n: bad if n == 7 else np.array([[float(n)]]))
    scan = line_scan(stage, meter, 10, extensions=[sink])
    with pytest.raises(InstrumentError, match="meter"):
        scan.run()
    assert scan.state is ScanState.FAILED
    assert sink.indexes() == list(range(7)) == list(scan.data["meter"].index)
    assert scan.points_done == 7
    assert stage.is_safe


def test_a_failed_step_is_kept_whole_or_not_at_all() -> None:
    from pybirch.scan.measurements import MeasurementItem
    from pybirch.scan.movements import MovementItem
    from pybirch.scan.scan import Scan
    from tests.lab import failing, settings

    sink = Sink()
    good, bad = Meter("good"), Meter("bad", answer=failing(3, OSError("gone")))
    tree = [MovementItem(Stage(), range(9), children=[MeasurementItem(good), MeasurementItem(bad)])]
    with pytest.raises(OSError, match="gone"):
        Scan(settings(tree), extensions=[sink]).run()
    assert sink.indexes("good") == sink.indexes("bad") == [0, 1, 2]


def test_a_position_that_is_no_number_fails_naming_it() -> None:
    class Strange(Stage):
        def move_to(self, target: float) -> Any:
            return "there"

    with pytest.raises(InstrumentError, match="position"):
        line_scan(Strange(), Meter()).run()


def frame(values: list[float], column: str = "sum (V)") -> Any:
    import pandas as pd

    return pd.DataFrame({column: values})


def test_a_script_may_add_data_and_the_index_goes_on() -> None:
    door, sink, bus = Doorway(), Sink(), EventBus()
    ear = Ear(bus)
    scan = line_scan(Stage(), Meter(doors={5: door}), 10, extensions=[sink], bus=bus)
    with running(scan):
        door.wait_until_entered()
        scan.save_data(frame([1.0, 2.0]), "sums")
        scan.flush()
        scan.save_data(frame([3.0]), "sums")
        door.open()
    assert sink.indexes("sums") == [0, 1, 2]
    assert list(scan.data["sums"]["sum (V)"]) == [1, 2, 3]
    assert bus.flush(5)
    assert ear.indexes("sums") == [0, 1, 2]
    assert scan.points_done == 10
    bus.close()


def test_added_data_of_a_tree_measurement_share_its_columns_and_index() -> None:
    import pandas as pd

    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={1: door}), 2)
    with running(scan):
        door.wait_until_entered()
        scan.save_data(pd.DataFrame({"voltage (V)": [50.0], "x (mm)": [9.0]}), "meter")
        with pytest.raises(FieldError, match="df"):
            scan.save_data(frame([1.0], "other"), "meter")
        scan.flush()
        door.open()
    data = scan.data["meter"]
    assert list(data.index) == [0, 1, 2]
    assert list(data["x (mm)"]) == [0, 9, 1]


@pytest.mark.parametrize("bad", ["empty", "text", "columns"])
def test_data_that_cannot_be_added(bad: str) -> None:
    import pandas as pd

    door = Doorway()
    scan = line_scan(Stage(), Meter(doors={1: door}), 3)
    with running(scan):
        door.wait_until_entered()
        scan.save_data(frame([1.0]), "sums")
        wrong = {"empty": pd.DataFrame(), "text": frame(["a"]), "columns": frame([1.0], "else")}  # pyright: ignore[reportArgumentType]
        with pytest.raises(FieldError, match="df"):
            scan.save_data(wrong[bad], "sums")
        door.open()
    assert scan.state is ScanState.COMPLETED
    assert len(scan.data["sums"]) == 1


def test_nothing_is_added_before_or_after() -> None:
    scan = line_scan(Stage(), Meter())
    with pytest.raises(IllegalTransitionError):
        scan.save_data(frame([1.0]), "sums")
    scan.run()
    with pytest.raises(IllegalTransitionError):
        scan.save_data(frame([1.0]), "sums")
