"""Drivers for the devices of the simulated laboratory, over real VISA sockets.

They are written as drivers of real instruments are, and serve as patterns for them.
"""

from pybirch.instruments.lab.lockin import LockinFrequency, LockinSignal
from pybirch.instruments.lab.smu import DiodeCurrent, SourceVoltage
from pybirch.instruments.lab.spectrometer import Spectrometer
from pybirch.instruments.lab.stage import Stage
from pybirch.instruments.lab.temperature import Temperature

__all__ = [
    "DiodeCurrent",
    "LockinFrequency",
    "LockinSignal",
    "SourceVoltage",
    "Spectrometer",
    "Stage",
    "Temperature",
]
