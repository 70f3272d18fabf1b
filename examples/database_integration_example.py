"""A queue whose scans, readings and log are kept in a database, and read back from it.

Needs `pip install 'pybirch[db]'`. Makes example.db in the current folder; run it twice and the
same queue goes on: its earlier scans are in the record.
"""

from database.services import DatabaseService
from pybirch import MeasurementItem, MovementItem, Sample, Scan, ScanSettings
from pybirch.database_integration import DatabaseQueue, DataManager
from pybirch.database_integration.testing import FakeMultimeter, FakeSpectrometer, FakeStage

with DatabaseService("example.db") as db:
    # Instruments and a scan: at five places a spectrum, and two readings of the meter.
    stage = FakeStage("stage", limits=(0.0, 20.0))
    children = [MeasurementItem(FakeSpectrometer("spectrometer", stage=stage))]
    children += [MeasurementItem(FakeMultimeter("meter"))] * 2
    tree = [MovementItem(stage, [0, 5, 10, 15, 20], children=children)]
    settings = ScanSettings("Tutorial", "Film, five places", "line", "example", tree)

    # A queue with a record: what it does is in the database before anybody is told of it.
    queue = DatabaseQueue(db, QID="example-queue", operator="you")
    scan_id = queue.enqueue(Scan(settings, sample=Sample("F-027", material="GaAs")))
    queue.start()
    queue.wait_for_completion()

    # Reading it back, from this program or any later one.
    row = db.scans.get(scan_id)
    print(f"{row.scan_id}: {row.status}, {row.points_done} of {row.points_total} readings")
    for measurement in db.readings.measurements(scan_id):
        print(f"  {measurement.name}: {measurement.count} readings of {', '.join(measurement.columns)}")
    print(DataManager(db).get_data(scan_id, "meter").head())

    first = db.readings.measurements(scan_id)[0]
    point = db.get_measurement_data(first.id, 0, 1)[0]
    print(f"reading {point.sequence_index} at {point.timestamp}: {len(point.values)} columns")
    for line in db.get_queue_with_scans("example-queue").logs[-3:]:
        print(f"{line.level:8}{line.message}")
