"""The drivers on the simulated laboratory, a process reached over real VISA sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pybirch.errors import InstrumentError, InstrumentTimeoutError, InterruptedMoveError
from pybirch.instruments.lab import (
    DiodeCurrent,
    LockinFrequency,
    LockinSignal,
    SourceVoltage,
    Spectrometer,
    Stage,
    Temperature,
)
from pybirch.instruments.session import LineSession
from pybirch.instruments.visa import VisaMeasurement, VisaMovement
from pybirch.simulator.process import SimulatorProcess

Up = Callable[..., Any]


@pytest.fixture
def up(request: pytest.FixtureRequest) -> Up:
    """Connects and initializes instruments; shuts them down at the end."""

    def bring(*instruments: Any) -> Any:
        for instrument in instruments:
            request.addfinalizer(instrument.shutdown)
            instrument.connect()
            instrument.initialize()
        return instruments if len(instruments) > 1 else instruments[0]

    return bring


def test_an_iv_curve(laboratory: dict[str, str], up: Up) -> None:
    voltage, diode = up(SourceVoltage("voltage", laboratory["smu"]), DiodeCurrent("diode", laboratory["smu"]))
    rows = []
    for target in np.linspace(-1.0, 0.8, 10):
        voltage.move_to(target)
        rows.append(diode.perform_measurement()[0])
    curve = np.array(rows)

    assert curve[:, 1] == pytest.approx(np.linspace(-1.0, 0.8, 10), abs=1e-3)
    assert abs(curve[0, 0]) < 1e-7
    assert curve[-1, 0] > 1e-3
    assert voltage.lease_key == diode.lease_key


def test_the_source_is_off_after_shutdown(laboratory: dict[str, str], up: Up) -> None:
    voltage, diode = up(SourceVoltage("voltage", laboratory["smu"]), DiodeCurrent("diode", laboratory["smu"]))
    voltage.move_to(0.7)
    voltage.shutdown()

    assert diode.numbers(":SOUR:VOLT?;:OUTP?") == [0.0, 0.0]


def test_an_interrupted_move_has_stopped_the_stage(laboratory: dict[str, str], up: Up) -> None:
    stage = up(Stage("stage", laboratory["stage"], speed=1000.0))
    stage.move_to(0.0)
    stage.settings = {}
    stage.command("VEL 2")
    aborter = threading.Timer(0.2, stage.interrupt)
    aborter.start()
    with pytest.raises(InterruptedMoveError):
        stage.move_to(40.0)
    aborter.join()

    moving, rested = stage.numbers("MOVING?;POS?")
    assert not moving
    assert 0.0 < rested < 5.0
    assert stage.position == rested


def test_shutdown_stops_a_moving_stage(laboratory: dict[str, str], up: Up) -> None:
    stage = up(Stage("stage", laboratory["stage"], speed=1.0))
    stage.position = 0.0 if stage.position > 25 else 50.0
    stage.shutdown()
    stage.connect()

    assert stage.query("MOVING?") == "0"


def test_a_stage_that_does_not_arrive_is_stopped(laboratory: dict[str, str], up: Up) -> None:
    stage = up(Stage("stage", laboratory["stage"], speed=1000.0, patience=0.1))
    stage.command("VEL 0.01")

    with pytest.raises(InstrumentTimeoutError, match="did not reach"):
        stage.move_to(0.0 if stage.position > 25 else 50.0)
    assert stage.query("MOVING?") == "0"


def test_a_refused_command_is_told_in_the_instrument_s_words(laboratory: dict[str, str], up: Up) -> None:
    stage = up(Stage("stage", laboratory["stage"]))

    with pytest.raises(InstrumentError, match="'MOVE 77' was refused: -222,\"Data out of range\""):
        stage.command("MOVE 77")


def test_spectra_brighten_towards_the_middle_of_the_beam(laboratory: dict[str, str], up: Up) -> None:
    stage, spectrometer = up(
        Stage("stage", laboratory["stage"], speed=1000.0),
        Spectrometer("spectrometer", laboratory["spectrometer"], integration=0.005),
    )
    strongest = []
    for position in (5.0, 15.0, 25.0):
        stage.move_to(position)
        spectrum = spectrometer.perform_measurement()
        strongest.append(spectrum[:, 1].max())

    assert strongest == sorted(strongest)
    assert spectrum.shape == (512, 2)
    assert spectrum[spectrum[:, 1].argmax(), 0] == pytest.approx(546.07, abs=1.0)


def test_an_unknown_setting_is_refused_by_name(laboratory: dict[str, str]) -> None:
    spectrometer = Spectrometer("spectrometer", laboratory["spectrometer"])
    spectrometer.settings = {"gain": 3}
    spectrometer.connect()

    with pytest.raises(ValueError, match=r"settings\.gain"):
        spectrometer.initialize()
    spectrometer.shutdown()


def test_a_heater_is_off_after_shutdown(laboratory: dict[str, str], up: Up) -> None:
    temperature = up(Temperature("temperature", laboratory["temperature"], tolerance=0.5))
    assert temperature.move_to(296.0) == pytest.approx(296.0, abs=0.6)
    temperature.shutdown()
    temperature.connect()

    assert temperature.query(":OUTP?") == "0"


def test_the_lockin_s_two_instruments_find_the_resonance(laboratory: dict[str, str], up: Up) -> None:
    frequency, signal = up(
        LockinFrequency("frequency", laboratory["lockin"]),
        LockinSignal("signal", laboratory["lockin"], time_constant=300e-6),
    )
    strengths = {}
    for target in (32_600.0, 32_768.0, 32_900.0):
        reached = frequency.move_to(target)
        strengths[reached] = signal.perform_measurement()[0, 2]

    assert max(strengths, key=lambda key: strengths[key]) == 32_768.0
    assert signal.instrument.time_constant == 300e-6
    assert frequency.lease_key == signal.lease_key


def test_pymeasure_s_sr830_unchanged_on_its_own_adapter(laboratory: dict[str, str]) -> None:
    from pymeasure.instruments.srs import SR830

    lockin = SR830(
        laboratory["lockin"], visa_library="@py", read_termination="\n", write_termination="\n", timeout=2000
    )
    try:
        lockin.reset()
        assert "SR830" in lockin.id
        lockin.time_constant = 10e-6
        lockin.frequency = 32_768
        lockin.sine_voltage = 0.5
        lockin.sensitivity = 0.1
        lockin.filter_slope = 24
        lockin.input_config = "A - B"
        lockin.channel1 = "R"
        lockin.aux_out_1 = 1.5
        assert lockin.frequency == pytest.approx(32_768)
        assert lockin.sine_voltage == 0.5
        assert lockin.sensitivity == 0.1
        assert lockin.filter_slope == 24
        assert lockin.input_config == "A - B"
        assert lockin.aux_out_1 == 1.5
        assert lockin.lia_status == 0
        assert lockin.get_scaling("X") == (0.0, 1)
        assert not lockin.is_out_of_range()
        assert lockin.magnitude == pytest.approx(0.05, rel=0.05)
        assert len(lockin.snap("X", "Y", "R", "Theta", "Frequency")) == 5
    finally:
        lockin.adapter.close()


def test_any_pymeasure_driver_in_one_line(laboratory: dict[str, str], up: Up) -> None:
    from pymeasure.instruments.srs import SR830

    amplitude, reading = up(
        VisaMovement("amplitude", SR830, laboratory["lockin"], attribute="sine_voltage", position_units="V"),
        VisaMeasurement("lockin", SR830, laboratory["lockin"], attributes=["x", "y"], data_units=["V", "V"]),
    )
    amplitude.move_to(0.25)

    assert amplitude.position == 0.25
    assert reading.columns() == ["x (V)", "y (V)"]
    assert reading.perform_measurement().shape == (1, 2)


def test_a_restarted_instrument_fails_the_reading_and_serves_the_next_connect(tmp_path: Path, up: Up) -> None:
    with SimulatorProcess(tmp_path / "ports.json") as simulator:
        address = simulator.addresses["smu"]
        diode = up(DiodeCurrent("diode", address))
        simulator.stop()
        with pytest.raises(InstrumentError, match=f"diode at {address}"):
            diode.perform_measurement()
        simulator.start()
        assert simulator.addresses["smu"] == address
        diode.shutdown()
        diode.connect()

        assert diode.perform_measurement().shape == (1, 2)
        diode.shutdown()


def test_a_hundred_queries_take_less_than_a_second(laboratory: dict[str, str]) -> None:
    session = LineSession("smu", laboratory["smu"])
    session.open()
    session.query("*IDN?")
    began = time.perf_counter()
    for _ in range(100):
        session.query(":MEAS:VOLT?;:MEAS:CURR?")
    elapsed = time.perf_counter() - began
    session.close()

    assert elapsed < 1.0
