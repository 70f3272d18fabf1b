"""What instruments are shown to read."""

from __future__ import annotations

import numpy as np

from pybirch.events import EventBus, InstrumentStatus
from pybirch.instruments.simulated import FakeMultimeter, FakeStage
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import MeasurementItem, MovementItem


def test_the_last_value_and_position_are_told_however_quick_the_scan() -> None:
    told: list[InstrumentStatus] = []
    bus = EventBus()
    bus.subscribe(told.append, kinds=(InstrumentStatus,))
    tree = [
        MovementItem(
            FakeStage("stage"), np.linspace(0, 7, 50), children=[MeasurementItem(FakeMultimeter("volts"))]
        )
    ]
    scan = Scan(ScanSettings("p", "quick", "line", "test", tree), bus=bus)
    scan.run()
    assert bus.flush(2)
    bus.close()

    values = [event.value for event in told if event.instrument_name == "volts" and event.value]
    last = scan.data["volts"].iloc[-1]
    assert next(iter(values[-1].values())) == last.iloc[1]
    positions = [event.position for event in told if event.instrument_name == "stage" and event.position]
    assert positions[-1] == {"stage (mm)": 7.0}
    ends = {event.instrument_name: event for event in told}
    assert ends["stage"].position == {"stage (mm)": 7.0}, "the last word still has it"
    assert {event.status for event in ends.values()} == {"disconnected"}
