"""An extension of one's own: writes each measurement to a CSV file as the readings come.

An extension may fail the scan, and that is the point: when the disk is full, measuring on would
only pretend. What merely watches belongs on the bus instead (`queue.bus.subscribe`), where it can
neither slow nor fail anything.
"""

import logging
from pathlib import Path

import pandas as pd

from pybirch import MeasurementItem, MovementItem, Scan, ScanExtension, ScanSettings
from pybirch.instruments.simulated import FakeLockin, FakeStage


class CsvWriter(ScanExtension):
    """One file a measurement, `<scan_id>-<measurement>.csv`, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Path] = {}

    def startup(self) -> None:
        """Before any instrument is touched: what raises here stops the scan before it begins."""
        if not self.folder.is_dir():
            raise FileNotFoundError(f"the folder {self.folder} does not exist")

    def save_data(self, data: pd.DataFrame, measurement_name: str) -> None:
        """The new readings, a row each; the index goes on from call to call."""
        file = self.folder / f"{self.scan.scan_id}-{measurement_name}.csv"
        data.to_csv(file, mode="a", header=measurement_name not in self.files)
        self.files[measurement_name] = file


def scan_into(folder: Path) -> Scan:
    tree = [
        MovementItem(FakeStage("stage"), range(0, 50, 5), children=[MeasurementItem(FakeLockin("lockin"))])
    ]
    settings = ScanSettings("Tutorial", "Kept as CSV", "line", "example", tree)
    return Scan(settings, extensions=[CsvWriter(folder)])


if __name__ == "__main__":
    scan = scan_into(Path.cwd())
    scan.run()
    written = Path(f"{scan.scan_id}-lockin.csv")
    print(f"{scan.state}: {len(pd.read_csv(written))} readings in {written}")

    print("Now into a folder that is not there, on purpose: the extension stops the scan before it begins.")
    logging.getLogger("pybirch").setLevel(logging.CRITICAL)  # PyBirch logs it with its traceback; not here
    refused = scan_into(Path("no such folder"))
    try:
        refused.run()
    except FileNotFoundError:
        print(f"{refused.state}: {refused.error}")
