"""Write a scan as files for colleagues who use other programs.

Run it with `python examples/export_for_a_colleague.py`; it needs `pip install 'pybirch[export]'`. No
server, no database: what was measured in this program is exported just as what `pybirch.load` gives.
"""

import pandas as pd
import xarray as xr

from pybirch import MeasurementItem, Movement, MovementItem, Sample, Scan, ScanSettings
from pybirch.export import FORMATS, export
from pybirch.instruments.simulated import FakeMultimeter
from pybirch.scan.positions import linear

source = Movement("source", "V", limits=(0.0, 1.0))
meter = FakeMultimeter("diode", source=source, delay=0.0)
tree = [MovementItem(source, linear(0.0, 0.9, 31), children=[MeasurementItem(meter)])]
settings = ScanSettings("Tutorial", "Diode curve", "iv_curve", "example", tree)
scan = Scan(settings, sample=Sample("D1", "Si"), owner="Ada")
scan.run()

for format in FORMATS.values():
    file = export(scan, f"diode{format.suffix}")
    print(f"{file!s:16} {file.stat().st_size:7,} bytes   {format.title}: {format.words}")

# What they do with them:
table = pd.read_csv("diode.csv", index_col="index")
curve = xr.open_dataset("diode.nc", engine="h5netcdf")
print(table[["source (V)", "current (A)"]].tail(3))
print(f"{float(curve['current'].sel(source=0.9)):.3g} {curve['current'].attrs['units']} at 0.9 V")
