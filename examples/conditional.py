"""Look first, measure only where there is something, and end before the sample is harmed.

At each place a quick reading decides: a dark place is skipped, a bright one gets a spectrum, and too
much light ends the scan. It is then completed, and its message says why it ended there.
"""

from pybirch import ConditionItem, LeaveItem, MeasurementItem, MovementItem, Scan, ScanSettings, When
from pybirch.instruments.simulated import FakeSpectrometer, FakeStage
from pybirch.scan.measurements import Measurement


class Photodiode(Measurement):
    """The light where the stage is: it grows, the nearer the lamp."""

    data_columns, data_units = ["light"], ["mW"]

    def __init__(self, name: str, stage: FakeStage) -> None:
        super().__init__(name)
        self.stage = stage

    def perform_measurement(self) -> list[list[float]]:
        return [[self.stage.position**2 / 100]]


stage = FakeStage("stage")
spectrum = MeasurementItem(FakeSpectrometer("spectrometer"))
look = [
    MeasurementItem(Photodiode("diode", stage)),
    ConditionItem(When("diode", above=12.0), [LeaveItem("scan")]),
    ConditionItem(
        When("diode", above=2.0),
        [MeasurementItem(FakeSpectrometer("spectrometer"))],
        otherwise=[LeaveItem("round")],
    ),
]
tree = [MovementItem(stage, range(0, 50, 5), children=look)]

if __name__ == "__main__":
    scan = Scan(ScanSettings("Tutorial", "Only where it is bright", "search", "example", tree))
    scan.run()

    print(f"looked at {len(scan.data['diode'])} places, took {len(scan.data['spectrometer'])} spectra")
    print(f"{scan.state}: {scan.message}")
