"""Load a recorded scan into xarray and plot it as a map.

Run it with `python examples/load_and_plot.py`; it needs `pip install 'pybirch[db,export,plot]'`. It first
records a small map in example.db; with the scan_id of one of your own scans it needs only the last part.
"""

from math import exp

import pybirch
from pybirch import Measurement, MeasurementItem, Movement, MovementItem, Scan, ScanSettings
from pybirch.database_integration import DatabaseQueue
from pybirch.scan.positions import linear

DATABASE = "example.db"


class Detector(Measurement):
    """A spot of light, seen wherever the two stages are."""

    data_columns = ("intensity",)
    data_units = ("counts",)

    def __init__(self, x: Movement, y: Movement) -> None:
        super().__init__("detector")
        self.x, self.y = x, y

    def perform_measurement(self) -> float:
        return 1000 * exp(-((self.x.position - 2) ** 2) - (self.y.position - 1) ** 2)


def record() -> str:
    """A map of 21 by 11 places; gives its scan_id."""
    from database.services import DatabaseService

    x, y = Movement("x", "mm"), Movement("y", "mm")
    line = MovementItem(y, linear(0, 2, 11), children=[MeasurementItem(Detector(x, y))])
    settings = ScanSettings(
        "Tutorial", "Beam", "map", "example", [MovementItem(x, linear(0, 4, 21), children=[line])]
    )
    scan = Scan(settings)
    with DatabaseService(DATABASE) as db:
        queue = DatabaseQueue(db, "load-and-plot", scans=[scan])
        queue.start()
        queue.wait_for_completion()
    return scan.scan_id


if __name__ == "__main__":
    data = pybirch.load(record(), database=DATABASE)
    beam = data.to_xarray()
    print(beam)

    beam["intensity"].plot(x="x", y="y").figure.savefig("beam.png")
    brightest = beam["intensity"].argmax(...)
    place = {name: float(beam[name][index]) for name, index in brightest.items()}
    print(f"brightest at {place}; the map is beam.png")
