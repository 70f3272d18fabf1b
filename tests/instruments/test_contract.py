"""What holds for every instrument, whichever way it is reached."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pybirch.errors import FieldError, InterruptedMoveError
from pybirch.events import InstrumentPosition, InstrumentStatus
from pybirch.instruments.base import Instrument, Measurable, Movable
from pybirch.instruments.elapsed import Elapsed
from pybirch.instruments.host_sensors import HostSensors
from pybirch.instruments.lab import (
    DiodeCurrent,
    LockinFrequency,
    LockinSignal,
    SourceVoltage,
    Spectrometer,
    Stage,
    Temperature,
)
from pybirch.instruments.measurement import Measurement
from pybirch.instruments.movement import Movement
from pybirch.instruments.simulated import (
    FakeLockin,
    FakeMultimeter,
    FakePiezo,
    FakeSpectrometer,
    FakeStage,
    FakeTemperatureController,
)
from pybirch.states import InstrumentState

Build = Callable[[dict[str, str]], Any]

MOVEMENTS: dict[str, tuple[Build, float]] = {
    "FakeStage": (lambda lab: FakeStage("stage"), 3.0),
    "FakePiezo": (lambda lab: FakePiezo("piezo"), 2.5),
    "FakeTemperatureController": (lambda lab: FakeTemperatureController("temperature"), 300.0),
    "Elapsed": (lambda lab: Elapsed("elapsed"), 0.01),
    "SourceVoltage": (lambda lab: SourceVoltage("voltage", lab["smu"]), 0.5),
    "Stage": (lambda lab: Stage("stage", lab["stage"], speed=200.0), 3.0),
    "LockinFrequency": (lambda lab: LockinFrequency("frequency", lab["lockin"]), 32_760.0),
    "Temperature": (lambda lab: Temperature("temperature", lab["temperature"]), 295.05),
}
MEASUREMENTS: dict[str, Build] = {
    "FakeMultimeter": lambda lab: FakeMultimeter("meter"),
    "FakeLockin": lambda lab: FakeLockin("lockin"),
    "FakeSpectrometer": lambda lab: FakeSpectrometer("spectrometer"),
    "HostSensors": lambda lab: HostSensors(),
    "DiodeCurrent": lambda lab: DiodeCurrent("diode", lab["smu"]),
    "LockinSignal": lambda lab: LockinSignal("signal", lab["lockin"]),
    "Spectrometer": lambda lab: Spectrometer("spectrometer", lab["spectrometer"]),
}
EVERY = {name: build for name, (build, _) in MOVEMENTS.items()} | MEASUREMENTS


@pytest.fixture
def make(laboratory: dict[str, str], request: pytest.FixtureRequest) -> Callable[[Build], Any]:
    def made(build: Build) -> Any:
        instrument = build(laboratory)
        request.addfinalizer(instrument.shutdown)
        return instrument

    return made


def bring_up(instrument: Any) -> None:
    instrument.connect()
    instrument.initialize()


@pytest.mark.parametrize("name", EVERY)
def test_life_cycle(name: str, make: Callable[[Build], Any]) -> None:
    instrument = make(EVERY[name])
    told: list[Any] = []
    instrument.listener = told.append
    assert isinstance(instrument, Instrument)
    assert instrument.status is InstrumentState.DISCONNECTED
    assert not instrument.check_connection()

    instrument.connect()
    instrument.connect()
    assert instrument.check_connection()
    instrument.initialize()
    assert instrument.status is InstrumentState.IDLE
    instrument.shutdown()
    instrument.shutdown()
    assert instrument.status is InstrumentState.DISCONNECTED

    states = [event.status for event in told if isinstance(event, InstrumentStatus)]
    assert states == [InstrumentState.CONNECTED, InstrumentState.IDLE, InstrumentState.DISCONNECTED]


@pytest.mark.parametrize("name", EVERY)
def test_shutdown_before_anything_is_harmless(name: str, make: Callable[[Build], Any]) -> None:
    make(EVERY[name]).shutdown()


@pytest.mark.parametrize("name", EVERY)
def test_it_works_again_after_shutdown(name: str, make: Callable[[Build], Any]) -> None:
    instrument = make(EVERY[name])
    bring_up(instrument)
    instrument.shutdown()
    bring_up(instrument)

    assert instrument.check_connection()
    if isinstance(instrument, Measurement):
        assert len(instrument.perform_measurement())


@pytest.mark.parametrize("name", EVERY)
def test_it_describes_itself(name: str, make: Callable[[Build], Any]) -> None:
    instrument = make(EVERY[name])

    assert instrument.describe()["class"] == name
    assert instrument.describe()["name"] == instrument.name
    assert instrument.lease_key


@pytest.mark.parametrize("name", EVERY)
def test_its_calls_have_a_time_limit(name: str, make: Callable[[Build], Any]) -> None:
    limit = make(EVERY[name]).time_limit

    assert limit is None if name == "Elapsed" else limit > 0


@pytest.mark.parametrize("name", MOVEMENTS)
def test_a_move_gets_there(name: str, make: Callable[[Build], Any]) -> None:
    build, target = MOVEMENTS[name]
    movement = make(build)
    assert isinstance(movement, Movable)
    bring_up(movement)
    near = pytest.approx(target, rel=1e-3, abs=0.1)

    reached = movement.move_to(target)

    assert reached is None or reached == near
    assert movement.position == near
    assert movement.status is InstrumentState.IDLE


@pytest.mark.parametrize("name", [name for name in MOVEMENTS if name != "Elapsed"])
@pytest.mark.parametrize("beyond", [1e9, -1e9, math.nan])
def test_beyond_the_limits_is_refused_by_field(
    name: str, beyond: float, make: Callable[[Build], Any]
) -> None:
    movement = make(MOVEMENTS[name][0])
    bring_up(movement)
    before = movement.position

    with pytest.raises(FieldError) as refusal:
        movement.check_target(beyond, "scan_tree[0].positions[2]")
    assert refusal.value.field == "scan_tree[0].positions[2]"
    with pytest.raises(FieldError):
        movement.move_to(beyond)
    assert movement.position == pytest.approx(before, abs=0.1)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_columns_fit_the_reading(name: str, make: Callable[[Build], Any]) -> None:
    measurement = make(MEASUREMENTS[name])
    assert isinstance(measurement, Measurable)
    columns = measurement.columns()
    bring_up(measurement)

    first, second = measurement.perform_measurement(), measurement.perform_measurement()

    assert isinstance(first, np.ndarray)
    assert first.dtype == np.float64
    assert first.ndim == 2
    assert first.shape == second.shape == (first.shape[0], len(columns))
    assert measurement.columns() == columns
    assert len(set(columns)) == len(columns)
    assert len(measurement.data_units) == len(measurement.data_columns)
    assert list(measurement.measurement_df().columns) == columns


SLOW_MOVES: dict[str, tuple[Build, float]] = {
    "FakeStage": (lambda lab: FakeStage("stage", speed=0.5), 90.0),
    "FakePiezo": (lambda lab: FakePiezo("piezo", speed=0.1), 19.0),
    "FakeTemperatureController": (lambda lab: FakeTemperatureController("t", time_constant=100.0), 390.0),
    "Elapsed": (lambda lab: Elapsed(), 100.0),
    "Stage": (lambda lab: Stage("stage", lab["stage"], speed=0.5), 49.0),
    "Temperature": (lambda lab: Temperature("temperature", lab["temperature"], tolerance=1e-9), 390.0),
    "LockinFrequency": (lambda lab: LockinFrequency("frequency", lab["lockin"], settle=100.0), 1_000.0),
    "SourceVoltage": (lambda lab: SourceVoltage("voltage", lab["smu"], settle=100.0), 0.1),
}


@pytest.mark.parametrize("name", SLOW_MOVES)
def test_an_abort_cuts_a_move_short(name: str, make: Callable[[Build], Any]) -> None:
    build, target = SLOW_MOVES[name]
    movement = make(build)
    bring_up(movement)
    waiting = threading.Event()
    plain_wait = movement.wait

    def wait(seconds: float) -> None:
        waiting.set()
        plain_wait(seconds)

    movement.wait = wait
    aborter = threading.Thread(target=lambda: (waiting.wait(5), movement.interrupt()))
    aborter.start()
    with pytest.raises(InterruptedMoveError, match=movement.name):
        movement.move_to(target)
    aborter.join()

    assert movement.status is InstrumentState.IDLE
    resting = movement.position
    if name in ("FakeStage", "FakePiezo", "Stage"):
        assert resting < target - 1
        assert movement.position == resting


SLOW_READINGS: dict[str, Build] = {
    "FakeMultimeter": lambda lab: FakeMultimeter("meter", delay=100.0),
    "FakeLockin": lambda lab: FakeLockin("lockin", delay=100.0),
    "FakeSpectrometer": lambda lab: FakeSpectrometer("spectrometer", delay=100.0),
    "HostSensors": lambda lab: HostSensors(),
    "Spectrometer": lambda lab: Spectrometer("spectrometer", lab["spectrometer"], integration=50.0),
}


@pytest.mark.parametrize("name", SLOW_READINGS)
def test_an_abort_cuts_a_reading_short(name: str, make: Callable[[Build], Any]) -> None:
    measurement = make(SLOW_READINGS[name])
    bring_up(measurement)
    measurement.interrupt()

    with pytest.raises(InterruptedMoveError):
        measurement.perform_measurement()


def test_positions_are_reported_on_the_way(make: Callable[[Build], Any]) -> None:
    for build in (lambda lab: FakeStage("s", speed=20.0), lambda lab: Stage("s", lab["stage"], speed=20.0)):
        stage: Movement = make(build)
        bring_up(stage)
        told: list[Any] = []
        stage.listener = told.append
        stage.move_to(8.0)

        positions = [event for event in told if isinstance(event, InstrumentPosition)]
        on_the_way = [event.position["s (mm)"] for event in positions if event.is_moving]
        assert on_the_way == sorted(on_the_way)
        assert 0.0 < on_the_way[-1] < 8.0
        assert positions[-1].position["s (mm)"] == pytest.approx(8.0)
        assert not positions[-1].is_moving
        assert all(event.target == {"s (mm)": 8.0} for event in positions)
