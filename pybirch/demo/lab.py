"""The demo's instruments and scans. `examples/my_lab.py` is the place to start a lab of one's own."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pybirch.errors import PyBirchError
from pybirch.instruments.elapsed import Elapsed
from pybirch.instruments.host_sensors import HostSensors
from pybirch.instruments.lab import (
    DiodeCurrent,
    LockinFrequency,
    LockinSignal,
    SourceVoltage,
    Spectrometer,
    Stage,
)
from pybirch.queue.lab import Lab
from pybirch.samples import Sample
from pybirch.scan.positions import linear
from pybirch.scan.scan import Scan, ScanSettings
from pybirch.scan.tree import Item, MeasurementItem, MovementItem

DIODE = Sample("D-104", material="Si", additional_tags=["diode"])
FILM = Sample("F-027", material="GaAs on sapphire", additional_tags=["thin film"])

DIODE_POINTS = 121
SPECTRA = 41
RESONANCE_POINTS = 161
MAP_PLACES, MAP_VOLTAGES = 6, 25
SENSOR_POINTS = 600


def demo_lab(ports_file: Path | None = None, pace: float | None = None) -> Lab:
    """The laboratory that `make demo` runs.

    It takes its time, about four minutes, so that there is something to watch.

    Args:
        ports_file: JSON of device -> port, written by the simulator; PYBIRCH_PORTS_FILE by default.
        pace: stretches every wait; PYBIRCH_DEMO_PACE by default, else 1. Tests make it small.

    Raises:
        PyBirchError: the simulator does not run.
    """
    ports = _ports(ports_file)
    pace = float(os.environ.get("PYBIRCH_DEMO_PACE") or 1.0) if pace is None else pace
    at = {device: f"TCPIP::127.0.0.1::{port}::SOCKET" for device, port in ports.items()}
    source = SourceVoltage("source", at["smu"], settle=0.25 * pace)
    diode = DiodeCurrent("diode", at["smu"])
    stage = Stage("stage", at["stage"])
    spectrometer = Spectrometer("spectrometer", at["spectrometer"], integration=max(0.01, 0.6 * pace))
    frequency = LockinFrequency("frequency", at["lockin"], settle=0.3 * pace)
    lockin = LockinSignal("lockin", at["lockin"])
    elapsed = Elapsed()
    computer = HostSensors()

    def bench() -> list[Scan]:
        return [
            _scan(
                "Diode I-V curve",
                "iv_curve",
                DIODE,
                MovementItem(source, linear(-0.6, 0.9, DIODE_POINTS), children=[MeasurementItem(diode)]),
            ),
            _scan(
                "Spectra along the film",
                "spectrum_map",
                FILM,
                MovementItem(stage, linear(0.0, 20.0, SPECTRA), children=[MeasurementItem(spectrometer)]),
            ),
            _scan(
                "Resonance of a tuning fork",
                "resonance",
                FILM,
                MovementItem(
                    frequency,
                    linear(32_608.0, 32_928.0, RESONANCE_POINTS),
                    children=[MeasurementItem(lockin)],
                ),
            ),
            _scan(
                "Diode under light from the film",
                "map",
                DIODE,
                MovementItem(
                    stage,
                    linear(0.0, 20.0, MAP_PLACES),
                    children=[
                        MeasurementItem(spectrometer),
                        MovementItem(
                            source, linear(0.0, 0.9, MAP_VOLTAGES), children=[MeasurementItem(diode)]
                        ),
                    ],
                ),
            ),
        ]

    def computer_room() -> list[Scan]:
        return [
            _scan(
                "This computer",
                "monitoring",
                None,
                MovementItem(
                    elapsed,
                    linear(0.0, (SENSOR_POINTS - 1) * 0.5 * pace, SENSOR_POINTS),
                    children=[MeasurementItem(computer)],
                ),
            )
        ]

    return Lab(
        name="Demo laboratory",
        instruments=[source, diode, stage, spectrometer, frequency, lockin, elapsed, computer],
        queues={"bench": bench, "computer-room": computer_room},
        autostart=True,
    )


def _scan(name: str, scan_type: str, sample: Sample | None, item: Item) -> Scan:
    settings = ScanSettings("Demo", name, scan_type, "demonstration", [item], additional_tags=["demo"])
    return Scan(settings, sample, owner="demo")


def _ports(file: Path | None) -> dict[str, int]:
    file = file or Path(os.environ.get("PYBIRCH_PORTS_FILE", "data/demo/run/simulator.json"))
    try:
        return {name: int(port) for name, port in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError) as error:
        raise PyBirchError(
            f"the simulated laboratory does not run: {file} cannot be read ({error})"
        ) from error
