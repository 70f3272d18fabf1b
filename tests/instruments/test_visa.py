"""The bases over VISA: whose driver talks, and what goes wrong on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pybirch.errors import FieldError, InstrumentError, InstrumentTimeoutError
from pybirch.instruments.visa import VisaMeasurement, VisaMovement
from pybirch.states import InstrumentState

METER = f"{Path(__file__).with_name('meter.yaml')}@sim"
METER_ADDRESS = "TCPIP0::meter.lab::5025::SOCKET"


class Source:
    """A driver of somebody else's, with a connection of its own."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.is_off = False
        self._level = 0.0

    @property
    def level(self) -> float:
        return self._level

    @level.setter
    def level(self, value: float) -> None:
        if value > 5:
            raise ValueError("5 at most")
        self._level = value

    @property
    def broken(self) -> float:
        raise OSError("cable pulled")

    def shutdown(self) -> None:
        self.is_off = True


def test_importing_the_bases_and_drivers_does_not_import_what_they_need_later() -> None:
    modules = "pybirch.instruments.visa, pybirch.instruments.lab, pybirch.instruments.host_sensors"
    late = "{'pyvisa', 'pymeasure', 'psutil', 'pandas'}"
    code = f"import sys, {modules}; sys.exit(', '.join({late} & set(sys.modules)) or 0)"

    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_driver_object_is_used_as_it_is() -> None:
    source = Source()
    movement = VisaMovement("level", source, attribute="level", position_units="V", limits=(0, 8))
    movement.connect()
    movement.initialize()
    movement.move_to(3.0)

    assert source.level == movement.position == 3.0
    movement.shutdown()
    assert source.is_off


def test_a_driver_class_is_made_at_connect_with_the_address() -> None:
    movement = VisaMovement("level", Source, "PORT7", attribute="level")
    movement.connect()
    first = movement.instrument
    movement.shutdown()
    movement.connect()

    assert first.address == "PORT7"
    assert movement.instrument is not first
    movement.shutdown()


def test_what_a_foreign_driver_raises_names_the_instrument() -> None:
    reading = VisaMeasurement("level", Source(), "PORT7", attributes=["broken"], data_units=["V"])
    reading.connect()

    with pytest.raises(InstrumentError, match="level at PORT7: OSError: cable pulled"):
        reading.perform_measurement()
    reading.shutdown()


def test_settings_are_the_driver_s_properties_and_refused_by_name() -> None:
    movement = VisaMovement("level", Source())
    movement.connect()
    movement.settings = {"level": 2.0}
    movement.initialize()
    assert movement.instrument.level == 2.0

    for settings in ({"level": 9.0}, {"colour": "red"}):
        movement.settings = settings
        with pytest.raises(FieldError, match=f"settings.{next(iter(settings))}"):
            movement.initialize()
        movement._settings.clear()
    movement.shutdown()


def test_a_driver_that_cannot_be_imported_is_a_sentence() -> None:
    movement = VisaMovement("level", "nowhere.to.Find", "PORT7")

    with pytest.raises(InstrumentError, match=r"level at PORT7.*nowhere"):
        movement.connect()
    assert movement.status is InstrumentState.ERROR


def test_without_driver_and_address_there_is_nothing_to_connect_to() -> None:
    with pytest.raises(InstrumentError, match="has no adapter"):
        VisaMovement("level").connect()


class Meter(VisaMeasurement):
    data_columns = ["current", "voltage"]
    data_units = ["A", "V"]

    def perform_measurement(self) -> NDArray[np.float64]:
        return np.array([self.numbers("READ?")])


class Level(VisaMovement):
    @property
    def position(self) -> float:
        return float(self.query("LEV?"))

    @position.setter
    def position(self, target: float) -> None:
        self.command(f"LEV {target:.3f}")


@pytest.fixture
def on_pyvisa_sim(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip("pyvisa_sim")

    def made(kind: Any) -> Any:
        instrument = kind("meter", None, METER_ADDRESS, library=METER)
        request.addfinalizer(instrument.shutdown)
        instrument.connect()
        return instrument

    return made


def test_a_reading_on_pyvisa_sim(on_pyvisa_sim: Any) -> None:
    meter = on_pyvisa_sim(Meter)
    meter.initialize()

    assert meter.measurement_df().to_dict("list") == {"current (A)": [1.25e-3], "voltage (V)": [4.5]}


def test_a_move_and_a_refused_move_on_pyvisa_sim(on_pyvisa_sim: Any) -> None:
    level = on_pyvisa_sim(Level)
    level.initialize()
    level.move_to(2.5)
    assert level.position == 2.5

    with pytest.raises(InstrumentError, match=r"meter at .*refused: -222"):
        level.move_to(99.0)


def test_an_answer_that_is_no_number_is_quoted(on_pyvisa_sim: Any) -> None:
    meter = on_pyvisa_sim(Meter)

    with pytest.raises(InstrumentError, match=r"'BROKEN\?' was answered by '1.0,overload'"):
        meter.numbers("BROKEN?")


def test_after_a_time_out_other_interfaces_get_a_device_clear(request: pytest.FixtureRequest) -> None:
    pytest.importorskip("pyvisa_sim")
    meter = Meter("meter", None, "GPIB0::8::INSTR", library=METER, timeout=0.1)
    request.addfinalizer(meter.shutdown)
    meter.connect()

    with pytest.raises(InstrumentTimeoutError, match="meter at GPIB0::8::INSTR: no answer within"):
        meter.query("SILENCE?")
    assert meter.numbers("READ?") == [1.25e-3, 4.5]
