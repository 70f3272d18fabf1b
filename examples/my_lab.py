"""A laboratory of one's own: copy this file, put your instruments in it, and start it with

    python run_web.py --lab examples/my_lab.py

(server and station together), or beside a server that runs already with

    pybirch station examples/my_lab.py

What counts is the name `lab` at the end: a `Lab`, or a function that returns one.
"""

import time

import numpy as np

from pybirch import Lab, Measurement, MeasurementItem, MovementItem, Scan, ScanSettings
from pybirch.instruments.elapsed import Elapsed
from pybirch.instruments.host_sensors import HostSensors
from pybirch.scan.positions import linear


class WakeUp(Measurement):
    """An instrument of our own: how late this computer wakes from a sleep of one millisecond."""

    data_columns = ["lateness"]
    data_units = ["µs"]

    def perform_measurement(self) -> np.ndarray:
        """One reading: rows × columns, here 1 × 1."""
        began = time.perf_counter()
        time.sleep(0.001)
        return np.array([[(time.perf_counter() - began - 0.001) * 1e6]])


clock = Elapsed("clock")  # a movement along time: moving to 5 s waits until 5 s have passed
wake_up = WakeUp("wake-up")
computer = HostSensors("computer")  # load, clock rate, memory and temperatures of this machine


def scans() -> list[Scan]:
    """What is queued when the station first meets this queue; later the record has it."""
    readings = [MeasurementItem(wake_up), MeasurementItem(computer)]
    tree = [MovementItem(clock, linear(0.0, 30.0, 61), children=readings)]  # 61 times in 30 s
    return [Scan(ScanSettings("My project", "Is this computer on time?", "monitoring", "example", tree))]


lab = Lab("My laboratory", instruments=[clock, wake_up, computer], queues={"main": scans})
