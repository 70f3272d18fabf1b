"""Movements and measurements to subclass, and the instruments to try things with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pybirch.database_integration import testing
from pybirch.events import InstrumentPosition, InstrumentStatus
from pybirch.instruments.base import BaseMeasurementInstrument, Measurable, Movable
from pybirch.scan.measurements import Measurement, MeasurementItem, VisaMeasurement
from pybirch.scan.movements import Movement, MovementItem, VisaMovement
from pybirch.scan.scan import Scan
from pybirch.states import InstrumentState
from tests.lab import settings


class Valve(Movement):
    """A position with a getter and a setter, as the contract says to write one."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.position_units = "%"
        self.position_column = "opening"
        self.turned: list[float] = []

    @property
    def position(self) -> float:
        return self.turned[-1] if self.turned else 0.0

    @position.setter
    def position(self, target: float) -> None:
        self.turned.append(target)


class Reporter(Movement):
    """Reports on the way."""

    def move_to(self, target: float) -> None:
        self._report_position_start(target)
        self.position = target
        self._report_current_position()
        self._report_position_complete()


class Scale(Measurement):
    data_columns = ["mass", "counts"]
    data_units = ["g", ""]

    def perform_measurement(self) -> Any:
        return np.array([[12.5, 3.0]])


def test_a_movement_has_what_the_contract_names() -> None:
    valve = Valve("valve")
    assert (valve.name, valve.nickname, valve.adapter, valve.settings) == ("valve", "valve", "", {})
    assert valve.status is InstrumentState.DISCONNECTED
    assert not valve.check_connection()
    valve.connect()
    assert valve.check_connection()
    valve.initialize()
    valve.settings = {"gain": 2}
    assert valve.settings == {"gain": 2}
    valve.move_to(30.0)
    assert valve.position == 30.0
    valve.shutdown()
    valve.shutdown()
    assert isinstance(valve, Movable)
    assert isinstance(valve, BaseMeasurementInstrument)


def test_subclasses_run_in_a_scan_under_their_own_columns() -> None:
    valve = Valve("valve")
    scan = Scan(settings([MovementItem(valve, [10, 20], children=[MeasurementItem(Scale("scale"))])]))
    scan.run()
    assert valve.turned == [10.0, 20.0]
    assert list(scan.data["scale"].columns) == ["opening (%)", "mass (g)", "counts"]


def test_a_movement_reports_on_the_way() -> None:
    stage = Reporter("x", "mm")
    heard: list[InstrumentStatus | InstrumentPosition] = []
    stage.listener = heard.append
    stage.connect()
    stage.initialize()
    heard.clear()
    stage.move_to(2.0)
    assert [e.status for e in heard if isinstance(e, InstrumentStatus)] == ["moving", "idle"]
    positions = [e for e in heard if isinstance(e, InstrumentPosition)]
    assert positions[0].is_moving
    assert positions[0].target == {"x (mm)": 2.0}
    assert (positions[-1].position, positions[-1].is_moving) == ({"x (mm)": 2.0}, False)


def test_a_measurement_gives_rows_by_columns() -> None:
    scale = Scale("scale")
    scale.connect()
    scale.initialize()
    assert scale.columns() == ["mass (g)", "counts"]
    assert scale.perform_measurement().shape == (1, 2)
    frame = scale.measurement_df()
    assert isinstance(frame, pd.DataFrame)
    assert frame.to_dict("records") == [{"mass (g)": 12.5, "counts": 3.0}]
    scale.shutdown()
    assert isinstance(scale, Measurable)


class Driver:
    """Somebody else's driver."""

    voltage = 1.5


def test_visa_instruments_take_a_driver() -> None:
    driver = Driver()
    source = VisaMovement("source", driver, adapter="", attribute="voltage", position_units="V")
    meter = VisaMeasurement("meter", instrument=driver, attributes=["voltage"], data_units=["V"])
    scan = Scan(settings([MovementItem(source, [0.5, 1.0], children=[MeasurementItem(meter)])]))
    scan.run()
    assert list(scan.data["meter"]["voltage (V)"]) == [0.5, 1.0]


MOVEMENTS = ["FakeStage", "FakePiezo", "FakeTemperatureController"]
MEASUREMENTS = ["FakeMultimeter", "FakeLockin", "FakeSpectrometer"]


@pytest.mark.parametrize("movement", MOVEMENTS)
@pytest.mark.parametrize("measurement", MEASUREMENTS)
def test_fake_instruments_work_with_a_name_alone(movement: str, measurement: str) -> None:
    moved, read = getattr(testing, movement)("moved"), getattr(testing, measurement)("read")
    low, high = moved.limits
    target = max(low, min(high, moved.position)) + 0.01
    scan = Scan(settings([MovementItem(moved, [target], children=[MeasurementItem(read)])]))
    scan.run()
    assert scan.points_done == 1
    assert len(scan.data["read"]) == 1
