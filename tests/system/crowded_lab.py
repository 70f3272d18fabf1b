"""A lab of four queues with five scans each; every scan has a stage of its own."""

from __future__ import annotations

import numpy as np

from pybirch import Lab, MeasurementItem, MovementItem, Scan, ScanSettings
from pybirch.instruments.simulated import FakeMultimeter, FakeStage

POINTS = 60
QUEUES = [f"queue-{number}" for number in range(4)]
stages = {f"stage-{q}-{n}": FakeStage(f"stage-{q}-{n}") for q in range(4) for n in range(5)}
meters = {f"meter-{q}-{n}": FakeMultimeter(f"meter-{q}-{n}", delay=0.05) for q in range(4) for n in range(5)}


def scans_of(q: int) -> list[Scan]:
    made = []
    for n in range(5):
        meter = MeasurementItem(meters[f"meter-{q}-{n}"])
        tree = [MovementItem(stages[f"stage-{q}-{n}"], np.linspace(0, 10, POINTS), children=[meter])]
        made.append(Scan(ScanSettings("Crowd", f"scan {q}.{n}", "line", "test", tree)))
    return made


lab = Lab(
    "A crowded laboratory",
    [*stages.values(), *meters.values()],
    {name: (lambda q=number: scans_of(q)) for number, name in enumerate(QUEUES)},
)
