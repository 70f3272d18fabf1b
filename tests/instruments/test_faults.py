"""Whatever an instrument does to a line, every driver says so in time, and is right the next time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from pybirch.errors import InstrumentError
from pybirch.extensions.base import ScanExtension
from pybirch.instruments.lab import (
    DiodeCurrent,
    LockinFrequency,
    LockinSignal,
    SourceVoltage,
    Spectrometer,
    Stage,
    Temperature,
)
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import OnError
from pybirch.simulator.devices import build_laboratory
from pybirch.simulator.faults import Fault, FaultyDevice
from pybirch.simulator.server import LaboratoryServer
from pybirch.simulator.world import World
from pybirch.states import InstrumentState, ScanState

TIMEOUT = 0.15
LATENESS = 0.25
Make = Callable[[str], Any]

MOVEMENTS: dict[str, tuple[str, Make, float, float]] = {
    "SourceVoltage": ("smu", lambda at: SourceVoltage("V", at, timeout=TIMEOUT), 0.5, 0.25),
    "Stage": ("stage", lambda at: Stage("stage", at, speed=1000.0, timeout=TIMEOUT), 2.0, 4.0),
    "LockinFrequency": ("lockin", lambda at: LockinFrequency("f", at, settle=0.0, timeout=TIMEOUT), 30, 40),
    "Temperature": ("temperature", lambda at: Temperature("T", at, tolerance=60, timeout=TIMEOUT), 300, 301),
}
MEASUREMENTS: dict[str, tuple[str, Make]] = {
    "DiodeCurrent": ("smu", lambda at: DiodeCurrent("diode", at, timeout=TIMEOUT)),
    "LockinSignal": ("lockin", lambda at: LockinSignal("signal", at, timeout=TIMEOUT)),
    "Spectrometer": ("spectrometer", lambda at: Spectrometer("spectrum", at, timeout=TIMEOUT)),
}
EVERY = {name: (device, make) for name, (device, make, *_) in MOVEMENTS.items()} | MEASUREMENTS


@pytest.fixture
def devices() -> dict[str, FaultyDevice]:
    return {name: FaultyDevice(one, LATENESS) for name, one in build_laboratory(World()).items()}


@pytest.fixture
def served(devices: dict[str, FaultyDevice]) -> Iterator[LaboratoryServer]:
    server = LaboratoryServer(devices)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make(
    served: LaboratoryServer, devices: dict[str, FaultyDevice], request: pytest.FixtureRequest
) -> Callable[[str], tuple[Any, FaultyDevice]]:
    def made(name: str) -> tuple[Any, FaultyDevice]:
        device, build = EVERY[name]
        instrument = build(f"TCPIP::127.0.0.1::{served.ports[device]}::SOCKET")
        request.addfinalizer(instrument.shutdown)
        instrument.connect()
        instrument.initialize()
        return instrument, devices[device]

    return made


def use(instrument: Any, again: bool = False) -> Any:
    """Move it, or read it."""
    if hasattr(instrument, "move_to"):
        target = MOVEMENTS[type(instrument).__name__][3 if again else 2]
        instrument.move_to(target)
        return target
    return np.asarray(instrument.perform_measurement())


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", EVERY)
def test_a_fault_is_told_in_time_and_the_next_use_is_right(
    name: str, fault: Fault, make: Callable[[str], tuple[Any, FaultyDevice]]
) -> None:
    instrument, device = make(name)
    sound = use(instrument)
    device.spoil([fault])
    begun = time.monotonic()
    with pytest.raises(InstrumentError) as caught:
        use(instrument)
    assert time.monotonic() - begun < TIMEOUT + LATENESS + 1.0
    assert instrument.name in str(caught.value)
    assert instrument.adapter in str(caught.value)

    after = use(instrument, again=True)  # while it waits, what is late comes, and is taken for nothing
    if hasattr(instrument, "move_to"):
        assert instrument.position == pytest.approx(after, abs=60 if name == "Temperature" else 1e-3)
    else:
        assert after.shape == sound.shape
        assert np.isfinite(after).all()
    instrument.shutdown()
    assert instrument.status is InstrumentState.DISCONNECTED


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("name", EVERY)
def test_a_shutdown_that_is_not_answered_lets_go_and_can_be_done_again(
    name: str, fault: Fault, make: Callable[[str], tuple[Any, FaultyDevice]]
) -> None:
    instrument, device = make(name)
    device.spoil([fault] * 3)
    raised: list[str] = []
    try:
        instrument.shutdown()
    except InstrumentError as error:
        raised.append(str(error))
    assert all(instrument.name in text for text in raised)
    assert instrument.status is InstrumentState.DISCONNECTED
    device.spoil([])
    instrument.connect()
    instrument.initialize()
    use(instrument)


class Spoiler(ScanExtension):
    """Spoils every third answer from the first step on, a few times."""

    def __init__(self, device: FaultyDevice, fault: Fault) -> None:
        self.device, self.fault = device, fault

    def execute(self) -> None:
        self.device.spoil([None, None, self.fault] * 4)


@pytest.mark.parametrize("fault", Fault)
def test_a_scan_goes_on_behind_a_fault_with_patience(
    fault: Fault, make: Callable[[str], tuple[Any, FaultyDevice]]
) -> None:
    """Every point is there once, and right."""
    source, device = make("SourceVoltage")
    diode, _ = make("DiodeCurrent")
    source.shutdown()
    diode.shutdown()
    patience = OnError(retries=3)
    voltages = np.linspace(0, 0.5, 8)
    read = MeasurementItem(diode, on_error=patience)
    tree = [MovementItem(source, voltages, children=[read], on_error=patience)]
    scan = Scan(ScanSettings("project", "faults", "", "", tree), extensions=[Spoiler(device, fault)])
    scan.run()
    table = scan.data["diode"]
    assert list(table["V (V)"]) == pytest.approx(voltages)
    assert list(table["measured voltage (V)"]) == pytest.approx(voltages, abs=0.01)
    assert scan.state is ScanState.COMPLETED
