"""Find where a diode begins to conduct 1 mA, with a dozen points instead of a thousand.

`Bisection` measures both ends, then always the middle of what is left. `Refinement` puts more points
where a curve bends; a function of your own works too, see `register_strategy`.
"""

from pybirch import AdaptiveItem, MeasurementItem, Scan, ScanSettings
from pybirch.instruments.simulated import FakeMultimeter, FakeStage
from pybirch.scan.strategies import Bisection

source = FakeStage("source", limits=(0.0, 1.0), position_units="V")
meter = FakeMultimeter("meter", source=source)
threshold = Bisection(low=0.0, high=0.9, level=1e-3, tolerance=1e-3)
tree = [AdaptiveItem(source, threshold, "meter", [MeasurementItem(meter)], column="current")]

if __name__ == "__main__":
    scan = Scan(ScanSettings("Tutorial", "Threshold of a diode", "adaptive", "example", tree))
    scan.run()

    table = scan.data["meter"]
    print(table.round(6).to_string())
    print(f"1 mA at {table['source (V)'].iloc[-1]:.3f} V, found with {len(table)} readings")
