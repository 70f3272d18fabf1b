"""A map that snakes: two axes, a spectrum and the mean of five readings at each place.

Each measurement becomes one table: its positions, then its data. A spectrum is one reading.
"""

from pybirch import MeasurementItem, MovementItem, Scan, ScanSettings
from pybirch.instruments.simulated import FakeLockin, FakeSpectrometer, FakeStage
from pybirch.scan.positions import around, linear

x, y = FakeStage("x"), FakeStage("y")
here = [
    MeasurementItem(FakeLockin("lockin"), repeats=5, keep="std"),
    MeasurementItem(FakeSpectrometer("spectrometer")),
]
line = MovementItem(x, around(25, 4, 5), children=here, snake=True)
tree = [MovementItem(y, linear(10, 40, 4), children=[line])]

if __name__ == "__main__":
    scan = Scan(ScanSettings("Tutorial", "Map of a sample", "map", "example", tree))
    print(f"{scan.check().steps} places, {scan.points_total} readings")
    scan.run()

    table = scan.data["lockin"]
    print(table.head(6).to_string())
    print(f"a spectrum has {len(scan.data['spectrometer'].iloc[0, -1])} values")
