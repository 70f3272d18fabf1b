import math
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from pybirch.instruments.host_sensors import HostSensors


class Ticks(NamedTuple):
    user: float
    idle: float


class FakePsutil:
    """A machine with one chip, no clock to read, and ticks that grow as told."""

    def __init__(self) -> None:
        self.busy, self.idle = 10.0, 90.0
        self.chips = {"coretemp": [SimpleNamespace(current=51.0), SimpleNamespace(current=63.0)]}

    def cpu_times(self) -> Any:
        return Ticks(self.busy, self.idle)

    def cpu_freq(self) -> None:
        return None

    def virtual_memory(self) -> Any:
        return SimpleNamespace(percent=42.0)

    def sensors_temperatures(self) -> Any:
        return self.chips


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> FakePsutil:
    machine = FakePsutil()
    monkeypatch.setattr("pybirch.instruments.host_sensors._psutil", lambda name: machine)
    return machine


def test_it_tells_what_the_machine_tells(machine: FakePsutil) -> None:
    sensors = HostSensors()
    assert sensors.columns() == [
        "CPU load (%)",
        "CPU frequency (MHz)",
        "memory used (%)",
        "temperature coretemp (°C)",
    ]
    sensors.connect()
    sensors.initialize()
    machine.busy, machine.idle = 13.0, 91.0
    load, frequency, memory, temperature = sensors.perform_measurement()[0]

    assert load == 75.0
    assert math.isnan(frequency)
    assert memory == 42.0
    assert temperature == 63.0


def test_columns_stay_when_a_sensor_goes(machine: FakePsutil) -> None:
    sensors = HostSensors()
    sensors.connect()
    sensors.initialize()
    machine.chips = {"nvme": [SimpleNamespace(current=30.0)]}

    assert math.isnan(sensors.perform_measurement()[0, 3])
    assert sensors.columns()[3] == "temperature coretemp (°C)"


def test_asked_too_fast_the_load_is_the_same_again(machine: FakePsutil) -> None:
    sensors = HostSensors()
    sensors.connect()
    sensors.initialize()
    machine.busy += 1
    first = sensors.perform_measurement()[0, 0]
    machine.idle += 1000

    assert sensors.perform_measurement()[0, 0] == first == 100.0


def test_this_machine_has_a_load_and_memory() -> None:
    sensors = HostSensors()
    sensors.connect()
    sensors.initialize()
    load, _, memory, *_ = sensors.perform_measurement()[0]
    sensors.shutdown()

    assert 0.0 <= load <= 100.0
    assert 0.0 < memory <= 100.0
