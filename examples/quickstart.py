"""A first scan: step a voltage, read a diode's current, end with a table and a picture.

Run it with `python examples/quickstart.py`; it needs `pip install 'pybirch[plot]'`. No server, no
database: the readings are in memory, the plot is saved as quickstart.png in the current folder.
"""

from tqdm import tqdm

from pybirch import MeasurementItem, Movement, MovementItem, Scan, ScanExtension, ScanSettings
from pybirch.instruments.simulated import FakeMultimeter
from pybirch.scan.positions import linear


class ProgressBar(ScanExtension):
    """Hears the scan: counts its readings in the terminal."""

    def execute(self) -> None:
        self.bar = tqdm(total=self.scan.points_total, unit="point")

    def save_data(self, data, measurement_name) -> None:
        self.bar.update(len(data))

    def on_complete(self) -> None:
        self.bar.close()


source = Movement("source", "V", limits=(0.0, 1.0))
meter = FakeMultimeter("diode", source=source, delay=0.01)
tree = [MovementItem(source, linear(0.0, 0.9, 91), children=[MeasurementItem(meter)])]
scan = Scan(ScanSettings("Tutorial", "Diode curve", "iv_curve", "example", tree))
scan.extensions.append(ProgressBar())

scan.run()

data = scan.data["diode"]
print(data.tail())
data.plot(x="source (V)", y="current (A)", grid=True).figure.savefig("quickstart.png")
print(f"{len(data)} readings; the plot is quickstart.png")
