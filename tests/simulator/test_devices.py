from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pybirch.simulator.devices import (
    LockinAmplifier,
    SourceMeasureUnit,
    Spectrometer,
    Stage,
    TemperatureController,
    build_laboratory,
)
from pybirch.simulator.world import World


@pytest.fixture
def world(clock: Any) -> World:
    world = World(seed=3, clock=clock)
    world.closing.set()
    return world


def numbers(answer: str | None) -> list[float]:
    assert answer is not None
    return [float(word) for word in answer.replace(";", ",").split(",")]


def test_every_device_says_who_it_is(world: World) -> None:
    for name, device in build_laboratory(world).items():
        assert device.handle("*IDN?"), name


def test_the_smu_sees_the_diode_only_when_switched_on(world: World) -> None:
    smu = SourceMeasureUnit(world)
    (off,) = numbers(smu.handle(":SOUR:VOLT 0.7;:MEAS:CURR?"))
    (on,) = numbers(smu.handle(":OUTP ON;:MEAS:CURR?"))

    assert abs(off) < 1e-8
    assert on == pytest.approx(2.53e-3, rel=0.02)


def test_the_stage_arrives_after_its_way(world: World, clock: Any) -> None:
    stage = Stage(world, speed=10.0)
    stage.handle("MOVE 20")
    clock.now += 1.0

    assert numbers(stage.handle("POS?;MOVING?")) == [pytest.approx(10.0), 1]
    clock.now += 1.0
    assert numbers(stage.handle("POS?;MOVING?")) == [20.0, 0]


def test_a_stopped_stage_stays(world: World, clock: Any) -> None:
    stage = Stage(world, speed=10.0)
    stage.handle("MOVE 20")
    clock.now += 0.5
    stage.handle("STOP")
    clock.now += 10.0

    assert numbers(stage.handle("POS?;MOVING?")) == [pytest.approx(5.0), 0]


def test_the_stage_refuses_what_is_beyond_its_travel(world: World) -> None:
    assert Stage(world).handle("MOVE 51;SYST:ERR?") == '-222,"Data out of range"'


def test_the_lockin_finds_the_resonance(world: World, clock: Any) -> None:
    lockin = LockinAmplifier(world)
    strengths = {}
    for frequency in (32_000, 32_768, 33_500):
        lockin.handle(f"FREQ{frequency:.5e}")
        clock.now += 1.0
        x, y, r, _ = numbers(lockin.handle("SNAP? 1,2,3,4"))
        assert r == pytest.approx(np.hypot(x, y), rel=1e-4)
        strengths[frequency] = r

    assert max(strengths, key=lambda key: strengths[key]) == 32_768


def test_the_lockin_output_settles_with_its_time_constant(world: World, clock: Any) -> None:
    lockin = LockinAmplifier(world)
    lockin.handle("OFLT10")
    clock.now += 10.0
    lockin.handle("FREQ3.2768e4")
    clock.now += 1.0
    (early,) = numbers(lockin.handle("OUTP?3"))
    clock.now += 10.0
    (late,) = numbers(lockin.handle("OUTP?3"))

    assert early == pytest.approx(late * (1 - np.exp(-1)), rel=0.02)


@pytest.mark.parametrize("line", ["", "?", "FREQ much", "OFLT", "OUTP?", "SNAP? x,y", "HELLO WORLD", "\x00"])
def test_the_lockin_survives_nonsense(world: World, line: str) -> None:
    lockin = LockinAmplifier(world)
    lockin.handle(line)

    assert lockin.handle("FREQ?") == "1000"


def test_the_spectrum_depends_on_where_the_stage_is(world: World, clock: Any) -> None:
    devices = build_laboratory(world)
    devices["stage"].handle("MOVE 25")
    clock.now += 100.0
    bright = numbers(devices["spectrometer"].handle("SPEC?"))
    devices["stage"].handle("MOVE 0")
    clock.now += 100.0
    dark = numbers(devices["spectrometer"].handle("SPEC?"))

    assert len(bright) == len(numbers(devices["spectrometer"].handle("WAV?")))
    assert max(bright) > 10 * max(dark)


def test_a_spectrum_that_was_not_started_is_refused(world: World) -> None:
    assert Spectrometer(world).handle("FETC?;SYST:ERR?") == '-230,"Data corrupt or stale"'


def test_temperature_nears_its_set_point_and_falls_back(world: World, clock: Any) -> None:
    controller = TemperatureController(world, time_constant=2.0)
    controller.handle("SETP 305;OUTP ON")
    clock.now += 2.0
    assert numbers(controller.handle("TEMP?")) == [pytest.approx(305 - 10 / np.e, abs=0.05)]
    controller.handle("OUTP OFF")
    clock.now += 50.0
    assert numbers(controller.handle("TEMP?")) == [pytest.approx(295.0, abs=0.05)]


@pytest.mark.parametrize(
    ("build", "query"),
    [(SourceMeasureUnit, ":MEAS:VOLT?"), (LockinAmplifier, "SNAP? 1,2"), (Spectrometer, "SPEC?")],
)
def test_the_seed_decides_the_noise(clock: Any, build: Callable[[World], Any], query: str) -> None:
    def answers(seed: int) -> list[str]:
        world = World(seed, clock)
        world.closing.set()
        device = build(world)
        return [device.handle(query) for _ in range(3)]

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)
    assert len(set(answers(1))) == 3
