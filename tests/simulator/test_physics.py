import math

import numpy as np
import pytest

from pybirch.simulator.physics import (
    Approach,
    Trajectory,
    beam_profile,
    diode_current,
    resonance,
    spectrum,
)


@pytest.mark.parametrize("voltage", [-20.0, -1.0, -1e-3, 0.0, 0.1, 0.5, 0.7, 2.0, 20.0])
def test_diode_current_solves_its_equation(voltage: float) -> None:
    current = diode_current(voltage, 295.0, 1e-9, 1.8, 10.0)
    thermal = 1.8 * 8.617333262e-5 * 295.0

    junction = voltage - 10.0 * current
    assert current == pytest.approx(1e-9 * math.expm1(junction / thermal), rel=1e-6, abs=1e-15)


def test_diode_conducts_forwards_and_more_when_warm() -> None:
    assert diode_current(0.6) > 1e6 * abs(diode_current(-0.6)) * 1e-3
    assert diode_current(0.5, 315.0) > diode_current(0.5, 295.0)


def test_resonance_peaks_at_its_centre_in_phase() -> None:
    frequencies = np.linspace(32_000, 33_500, 1501)
    strengths = [abs(resonance(frequency)) for frequency in frequencies]

    assert frequencies[int(np.argmax(strengths))] == pytest.approx(32_768, abs=1)
    assert resonance(32_768.0) == pytest.approx(1.0)
    assert resonance(32_000.0).imag * resonance(33_500.0).imag < 0


def test_spectrum_has_the_green_line_on_top() -> None:
    wavelengths = np.linspace(380.0, 720.0, 3401)

    assert wavelengths[np.argmax(spectrum(wavelengths))] == pytest.approx(546.07, abs=0.1)


def test_beam_is_strongest_in_the_middle() -> None:
    assert beam_profile(25.0) == 1.0
    assert beam_profile(0.0) < 0.01


def test_trajectory_takes_its_time_either_way() -> None:
    back = Trajectory(start=10.0, target=0.0, began=5.0, speed=4.0)

    assert back.position(6.0) == pytest.approx(6.0)
    assert back.is_moving(7.4)
    assert back.position(7.5) == 0.0
    assert not back.is_moving(7.5)


def test_endless_speed_is_there_at_once() -> None:
    assert Trajectory(0.0, 3.0, 1.0, math.inf).position(1.0) == 3.0


def test_approach_is_exponential() -> None:
    heating = Approach(start=300.0, target=310.0, began=0.0, time_constant=2.0)

    assert heating.value(0.0) == 300.0
    assert heating.value(2.0) == pytest.approx(310.0 - 10.0 / math.e)
