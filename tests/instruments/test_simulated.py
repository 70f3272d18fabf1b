import time

import numpy as np
import pytest

from pybirch.database_integration import testing
from pybirch.instruments import simulated
from pybirch.instruments.elapsed import Elapsed
from pybirch.instruments.simulated import (
    FakeLockin,
    FakeMultimeter,
    FakePiezo,
    FakeSpectrometer,
    FakeStage,
)


def test_they_are_known_to_scripts_as_testing() -> None:
    assert {name: getattr(testing, name) for name in testing.__all__} == {
        name: getattr(simulated, name) for name in simulated.__all__
    }


@pytest.mark.parametrize("kind", [FakeMultimeter, FakeLockin, FakeSpectrometer])
def test_the_seed_decides_the_noise(kind: type[FakeLockin]) -> None:
    def readings(seed: int) -> list[float]:
        meter = kind("meter", seed=seed)
        meter.connect()
        meter.initialize()
        if isinstance(meter, FakeMultimeter):
            meter._source = FakeStage("source", limits=(0.0, 1.0))
        return [float(meter.perform_measurement()[0, 1]) for _ in range(3)]

    assert readings(1) == readings(1)
    assert readings(1) != readings(2)


def test_a_fast_stage_is_there_at_once_and_a_slow_one_takes_its_time() -> None:
    fast, slow = FakeStage("fast"), FakeStage("slow", speed=50.0)
    began = time.monotonic()
    fast.move_to(90.0)
    assert time.monotonic() - began < 0.05
    slow.move_to(5.0)

    assert time.monotonic() - began >= 0.1
    assert slow.position == 5.0


def test_a_piezo_goes_in_steps() -> None:
    piezo = FakePiezo("piezo", resolution=0.25)

    assert piezo.move_to(1.1) == 1.0


def test_a_multimeter_follows_its_source() -> None:
    source = FakeStage("source", limits=(-1.0, 1.0), position_units="V")
    meter = FakeMultimeter("meter", source=source)
    source.move_to(-0.5)
    backwards = meter.perform_measurement()[0]
    source.move_to(0.7)
    forwards = meter.perform_measurement()[0]

    assert backwards[0] == pytest.approx(-0.5, abs=1e-3)
    assert forwards[1] > 1e3 * abs(backwards[1])


def test_a_spectrum_follows_the_stage() -> None:
    stage = FakeStage("stage")
    spectrometer = FakeSpectrometer("spectrometer", pixels=64, stage=stage)
    stage.move_to(25.0)
    bright = spectrometer.perform_measurement()
    stage.move_to(0.0)
    dark = spectrometer.perform_measurement()

    assert bright.shape == (64, 2)
    assert np.max(bright[:, 1]) > 5 * np.max(dark[:, 1])


def test_elapsed_counts_from_initialize_and_does_not_wait_for_the_past() -> None:
    elapsed = Elapsed()
    elapsed.initialize()
    assert elapsed.move_to(0.05) >= 0.05
    assert elapsed.move_to(0.0) < 1.0
    assert elapsed.move_to(0.3) == pytest.approx(0.3, abs=0.2)
    elapsed.initialize()

    assert elapsed.position < 0.05
