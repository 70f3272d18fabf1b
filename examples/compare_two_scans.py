"""Why is it different today? What a scan ran under is kept with it, and compared with the last good one.

A sweep is saved as a template and run; next week it is run from the template with a change, somebody has
turned a knob, and the lamp burns out. What changed since the last good one is one question.
"""

import numpy as np

from database.services import DatabaseService
from pybirch import Measurement, MeasurementItem, MovementItem, Scan, ScanSettings
from pybirch.database_integration import DatabaseQueue
from pybirch.instruments.simulated import FakeStage
from pybirch.samples import Sample
from pybirch.scan.positions import linear


class Lamp(Measurement):
    """Burns out above 11 mm, as lamps do."""

    data_columns = ("light",)
    data_units = ("lx",)

    def perform_measurement(self) -> np.ndarray:
        if stage.position > 11:
            raise RuntimeError("the lamp burnt out")
        return np.array([[100.0 * self.settings.get("gain", 1)]])


stage, lamp = FakeStage("stage", limits=(0, 25)), Lamp("lamp")
db = DatabaseService("compare.db")
queue = DatabaseQueue(db, "bench", operator="ada")


def run(scan: Scan) -> str:
    queue.enqueue(scan)
    queue.start()
    queue.wait_for_completion()
    print(f"{scan.settings.scan_name} on {scan.sample.ID}: {scan.state}")
    return scan.scan_id


# The first week: it is good, and kept as a template
tree = [MovementItem(stage, linear(0, 10, 6), children=[MeasurementItem(lamp, {"gain": 1})])]
first = run(Scan(ScanSettings("Lamps", "light", "sweep", "check", tree), Sample("L-1", "halogen")))
db.templates.scans.save("Weekly light", first, description="every Monday", owner="ada")

# The second: from the template, further out, on another lamp; and somebody has turned a knob
lamp.settings = {"filter": "blue"}
db.samples.take_up(Sample("L-2", "LED"))
changes = {"scan_tree[0].positions.stop": 12}
second = run(db.templates.scans.make("Weekly light", [stage, lamp], changes, sample="L-2"))

good, found = db.scans.changes(second)
print(f"since {good.scan_name} of {good.owner}:")
for change in found:
    print(" ", change)
db.close()
