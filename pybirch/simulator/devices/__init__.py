"""The devices of the simulated laboratory, by name."""

from __future__ import annotations

from pybirch.simulator.devices.lockin import LockinAmplifier
from pybirch.simulator.devices.smu import SourceMeasureUnit
from pybirch.simulator.devices.spectrometer import Spectrometer
from pybirch.simulator.devices.stage import Stage
from pybirch.simulator.devices.temperature import TemperatureController
from pybirch.simulator.server import Device
from pybirch.simulator.world import World


def build_laboratory(world: World) -> dict[str, Device]:
    """One of each, all in one `world`."""
    return {
        "smu": SourceMeasureUnit(world),
        "stage": Stage(world),
        "lockin": LockinAmplifier(world),
        "spectrometer": Spectrometer(world),
        "temperature": TemperatureController(world),
    }


__all__ = [
    "LockinAmplifier",
    "SourceMeasureUnit",
    "Spectrometer",
    "Stage",
    "TemperatureController",
    "build_laboratory",
]
