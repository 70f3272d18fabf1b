"""Two stages move at the same time, two detectors read at the same time.

The n-th moves of all branches are made together, then their n-th readings are taken together; each
reading has the positions of both stages. One after the other it would take almost twice as long.
"""

import time

from pybirch import MeasurementItem, MovementItem, ParallelItem, Scan, ScanSettings
from pybirch.instruments.simulated import FakeLockin, FakeMultimeter, FakeStage

lockin, meter = FakeLockin("lockin", delay=0.1), FakeMultimeter("meter", delay=0.1)
left = MovementItem(FakeStage("left", speed=500.0), [0, 10, 20, 30], children=[MeasurementItem(lockin)])
right = MovementItem(FakeStage("right", speed=500.0), [50, 40, 30, 20], children=[MeasurementItem(meter)])


def seconds(*tree: object) -> tuple[Scan, float]:
    """A scan of this tree, and how long it took."""
    scan = Scan(ScanSettings("Tutorial", "Side by side", "parallel", "example", list(tree)))
    begun = time.perf_counter()
    scan.run()
    return scan, time.perf_counter() - begun


if __name__ == "__main__":
    scan, together = seconds(ParallelItem([left, right]))
    _, in_turn = seconds(left, right)
    print(scan.data["lockin"].to_string())
    print(f"side by side {together:.1f} s, one after the other {in_turn:.1f} s")
